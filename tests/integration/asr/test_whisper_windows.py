"""The model by itself, without judging."""

from pathlib import Path

import numpy as np
import pytest

from asr.config import EngineConfig
from asr.whisper import Request, Search, WhisperWindows
from tests.integration.asr.test_recognition import demo_channel


@pytest.mark.parametrize("beam", [1, 5])
def test_as_many_tokens_come_out_as_are_allowed(model_dir: Path, beam: int) -> None:
    """CTranslate2 halves the length that it is given: dense speech lost its end."""
    import soxr

    model = WhisperWindows(model_dir, EngineConfig())
    samples = np.frombuffer(demo_channel(1, 17_050, 22_200), "<i2").astype(np.float32) / 32768
    encoded = model.encode(np.asarray(soxr.resample(samples, 8000, 16000), dtype=np.float32), 10.5)
    free = Request(encoded=encoded, language="zh", max_tokens=120)
    (whole,) = model.search([free], Search(beam=beam))
    assert len(whole.tokens) > 10
    tight = Request(encoded=encoded, language="zh", max_tokens=len(whole.tokens))
    (again,) = model.search([tight], Search(beam=beam))
    assert again.text == whole.text
    (cut,) = model.search([Request(encoded=encoded, language="zh", max_tokens=5)], Search(beam=beam))
    assert len(cut.tokens) == 5


def test_a_beam_tells_what_else_it_found(model_dir: Path) -> None:
    import soxr

    model = WhisperWindows(model_dir, EngineConfig())
    samples = np.frombuffer(demo_channel(1, 17_050, 22_200), "<i2").astype(np.float32) / 32768
    encoded = model.encode(np.asarray(soxr.resample(samples, 8000, 16000), dtype=np.float32), 10.5)
    request = Request(encoded=encoded, language="zh", max_tokens=60)
    (found,) = model.search([request], Search(beam=5))
    assert len({found.text, *found.others}) == 5
    assert all(len(set(found.text) & set(other)) > len(set(found.text)) / 2 for other in found.others)
    (quick,) = model.search([request], Search(beam=1))
    (sampled,) = model.search([request], Search(beam=1, temperature=0.4))
    assert (quick.others, sampled.others) == ((), ())


def test_a_search_may_go_without_latin_letters(model_dir: Path) -> None:
    """Told that Mandarin is English, Whisper writes Latin letters; forbidden to, it finds other tokens."""
    import soxr

    model = WhisperWindows(model_dir, EngineConfig())
    samples = np.frombuffer(demo_channel(1, 17_050, 22_200), "<i2").astype(np.float32) / 32768
    encoded = model.encode(np.asarray(soxr.resample(samples, 8000, 16000), dtype=np.float32), 10.5)
    request = Request(encoded=encoded, language="en", max_tokens=60)
    (free,) = model.search([request], Search(beam=1))
    assert any(char.isascii() and char.isalpha() for char in free.text)
    (without,) = model.search([request], Search(beam=1, latin=False))
    assert not any(char.isascii() and char.isalpha() for char in without.text)
