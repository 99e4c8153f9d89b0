"""Which window the encoder gets, and what is made of a text that looks wrong; the model is scripted."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asr import decode
from asr.config import EngineConfig
from asr.whisper import Encoded, Float32, Found, Request, Search
from callcue.core.speech import ENGINE_RATE, Language, Window

SECONDS = 4


class ScriptedModel:
    """Answers by whether Latin letters are allowed; notes what it was asked."""

    languages = ("zh", "en")

    def __init__(self, latin: tuple[str, float], without: tuple[str, float]) -> None:
        self._latin, self._without = latin, without
        self.lengths_s: list[float] = []
        self.searches: list[Search] = []

    def encode(self, audio: Float32, window_s: float) -> Encoded:
        self.lengths_s.append(window_s)
        return Encoded(states=np.zeros((1, 1, 1), np.float32), samples=len(audio))

    def search(self, requests: Sequence[Request], how: Search) -> list[Found]:
        self.searches += [how] * len(requests)
        text, logprob = self._latin if how.latin else self._without
        return [Found(tokens=(1,), text=text, avg_logprob=logprob, no_speech_prob=0.0) for _ in requests]

    def word_times(self, *_: Any) -> tuple[()]:
        return ()


class AllSpeech:
    def span(self, samples: Float32) -> tuple[int, int]:
        return 0, len(samples)


def decoder(monkeypatch: pytest.MonkeyPatch, model: ScriptedModel, **config: Any) -> decode.WindowDecoder:
    monkeypatch.setattr(decode, "WhisperWindows", lambda *_: model)
    monkeypatch.setattr(decode, "SpeechCheck", AllSpeech)
    return decode.WindowDecoder(Path("unused"), EngineConfig(**config))


def window(language: Language = "zh", *, final: bool = True, patient: bool = False) -> Window:
    return Window(pcm=bytes(2 * SECONDS * ENGINE_RATE), language=language, final=final, patient=patient)


def test_patience_makes_the_window_of_a_final_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ScriptedModel(("你好", -0.1), ("你好", -0.1))
    sizes = {"padding_s": 5.0, "min_window_s": 10.0, "patient_window_s": 15.0, "partial_padding_s": 2.0}
    made = decoder(monkeypatch, model, **sizes)
    made.decode([window(), window(patient=True), window(final=False, patient=True)])
    assert model.lengths_s == [10.0, 15.0, SECONDS + 2.0]


def test_mandarin_that_turned_into_english_is_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ScriptedModel(("What are the干干净净的", -0.8), ("我擦得干干净净的", -0.7))
    (found,) = decoder(monkeypatch, model).decode([window()])
    assert (found.text, found.fallback) == ("我擦得干干净净的", True)


@pytest.mark.parametrize(
    ("heard", "without", "asked_again"),
    [
        (("I want to talk to the manager", -0.3), ("我要找经理", -0.5), True),  # less probable: it was English
        (("Where is the shop", -0.9), ("商" * 60, -0.1), True),  # no belief in a loop
        (("我的Office Home打不开", -0.9), ("我的办公打不开", -0.1), False),  # a name
    ],
)
def test_english_that_was_said_stays(
    monkeypatch: pytest.MonkeyPatch, heard: tuple[str, float], without: tuple[str, float], *, asked_again: bool
) -> None:
    model = ScriptedModel(heard, without)
    (found,) = decoder(monkeypatch, model).decode([window()])
    assert found.text == heard[0]
    assert [search.latin for search in model.searches] == ([True, False] if asked_again else [True])


def test_english_and_partials_are_not_searched_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ScriptedModel(("What are the odds of this", -0.8), ("什么", -0.1))
    made = decoder(monkeypatch, model)
    made.decode([window("en")])
    made.decode([window(final=False)])
    assert all(search.latin for search in model.searches)
