"""What the recogniser is told of the language, and whether it decoded in the right one."""

from pathlib import Path

import pytest
import typer

from asr.streaming import TranscriptUpdate
from callcue.core.speech import Hypothesis, Language
from eval.asr import _told, summary
from eval.options import any_language, spoken_language
from eval.speech_run import Heard
from eval.speech_set import Audio, Utterance


async def heard(spoken: Language, *decoded: Language) -> Heard:
    found = Heard(
        utterance=Utterance(path=Path("x.flac"), transcript="一", language=spoken),
        audio=Audio(pcm=bytes(320), rate=8000, speech_start_ms=0, speech_end_ms=20),
    )
    for number, language in enumerate(decoded):
        await found.take(
            TranscriptUpdate(
                final=True,
                channel="caller",
                segment_id=f"caller-{number}",
                revision=1,
                start_ms=number,
                end_ms=number + 1,
                stable="一",
                unstable="",
                hypothesis=Hypothesis(text="一", language=language, language_probability=0.9),
            )
        )
    return found


async def test_an_utterance_is_right_when_all_of_it_was_decoded_in_its_language() -> None:
    found = [await heard("zh", "zh", "zh"), await heard("zh", "zh", "en"), await heard("en", "en"), await heard("en")]
    assert [item.language_right for item in found] == [True, False, True, False]
    figures = summary(found, cpu=1.0, wall=1.0)
    assert figures["language_right"] == pytest.approx(2 / 3)  # of those with a text
    assert figures["without_text"] == 1


def test_only_languages_of_the_product_and_auto() -> None:
    assert [_told(name) for name in (None, "zh", "en", "auto")] == [None, "zh", "en", "auto"]
    with pytest.raises(typer.BadParameter, match="fr"):
        _told("fr")


def test_an_utterance_is_spoken_in_one_language_of_the_product() -> None:
    assert [spoken_language(name) for name in ("zh", "en")] == ["zh", "en"]
    assert [any_language(name) for name in (None, "en")] == [None, "en"]
    for name in ("auto", "EN", ""):
        with pytest.raises(typer.BadParameter, match="is not zh or en") as refused:
            any_language(name, "--lang")
        assert refused.value.param_hint == "--lang"
