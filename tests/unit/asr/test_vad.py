"""Voice activity: the energy floor and webrtcvad together; word times; Silero's rule."""

import numpy as np
import pytest

from asr.speech_check import has_speech
from asr.vad import SILENCE_DBFS, WebRtcVad, level_dbfs
from asr.words import word_times


def test_levels() -> None:
    assert level_dbfs(bytes(320)) == SILENCE_DBFS
    assert level_dbfs(b"") == SILENCE_DBFS
    full = (np.sin(np.arange(1600) * 0.3) * 32767).astype("<i2").tobytes()
    assert level_dbfs(full) == pytest.approx(-3.0, abs=0.1)


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("amplitude", [0, 3, 12])
def test_quiet_lines_are_silence(rate: int, amplitude: int) -> None:
    vad = WebRtcVad(0)
    noise = (np.random.default_rng(1).standard_normal(rate * 2) * amplitude).astype("<i2").tobytes()
    size = rate // 50 * 2
    assert not any(vad.is_speech(noise[at : at + size], rate) for at in range(0, len(noise), size))


def test_steady_noise_becomes_the_floor() -> None:
    vad = WebRtcVad(2)
    noise = (np.random.default_rng(1).standard_normal(8000 * 60) * 120).astype("<i2").tobytes()
    for at in range(0, len(noise), 320):
        vad.is_speech(noise[at : at + 320], 8000)
    assert vad.noise_dbfs == pytest.approx(-48.7, abs=2.0)


def test_line_noise_at_the_start_is_not_speech() -> None:
    """webrtcvad calls the first frames of anything speech."""
    vad = WebRtcVad(2)
    noise = (np.random.default_rng(2).standard_normal(8000) * 150).astype("<i2").tobytes()
    assert not any(vad.is_speech(noise[at : at + 320], 8000) for at in range(0, 1600, 320))


def test_frames_that_cannot_be_judged_are_refused() -> None:
    with pytest.raises(ValueError, match="10, 20 or 30"):
        WebRtcVad(2, frame_ms=25)


def test_word_times_fold_and_never_go_back() -> None:
    rows = [
        {"word": "帳", "start": 0.1, "end": 0.3, "probability": 0.9},
        {"word": "单", "start": 0.2, "end": 0.5, "probability": 1.2},
        {"word": "，", "start": 0.5, "end": 0.6, "probability": 0.5},
        {"word": " ", "start": 0.5, "end": 0.6, "probability": 0.5},
        {"word": "\ufffd", "start": 0.5, "end": 0.6, "probability": 0.5},
        {"word": "好", "start": 0.6, "end": 9.0, "probability": 0.5},
    ]
    words = word_times(rows, offset_ms=100, speech_ms=1000, language="zh")
    assert [(w.text, w.start_ms, w.end_ms, w.probability) for w in words] == [
        ("账", 200, 400, 0.9),
        ("单，", 400, 600, 1.0),
        ("好", 700, 1100, 0.5),
    ]


def test_a_blip_is_not_speech() -> None:
    assert not has_speech(np.array([0.1, 0.9, 0.9, 0.1, 0.9, 0.9, 0.1], np.float32))
    assert has_speech(np.array([0.1, 0.6, 0.6, 0.6], np.float32))
