"""The second opinion, by the real Silero: sounds are no speech, and speech behind them still is."""

from functools import cache

import numpy as np
import numpy.typing as npt
import pytest

from asr.resample import StreamResampler
from asr.speech_check import MIN_CHUNKS, SPEECH, SpeechCheck, has_speech
from callcue.core.speech import ENGINE_RATE
from callcue.testing.sounds import RATE, Sound, non_speech
from eval.spoken import Spoken, demo_spoken

CHUNK = 512
SOUNDS = {sound.name: sound for sound in non_speech()}


@cache
def check() -> SpeechCheck:
    return SpeechCheck()


@cache
def spoken() -> list[Spoken]:
    return demo_spoken(700, 6000)


def wide(pcm: bytes) -> npt.NDArray[np.float32]:
    resampler = StreamResampler(RATE, ENGINE_RATE)
    return np.frombuffer(resampler.push(pcm) + resampler.finish(), dtype="<i2").astype(np.float32) / 32768


@pytest.mark.parametrize("sound", SOUNDS.values(), ids=SOUNDS)
def test_a_sound_is_no_speech(sound: Sound) -> None:
    assert check().span(wide(sound.pcm(14.0, seed=3))) is None


@pytest.mark.parametrize("name", ["digital silence", "hold music, bowed", "hold music, plucked", "DTMF"])
@pytest.mark.parametrize("before_s", [5.3, 12.0])
def test_speech_behind_a_long_sound_is_noticed(name: str, before_s: float) -> None:
    """Silero's memory of what came before must not hide it; and it is inside of what is decoded."""
    sound = SOUNDS[name].pcm(before_s, seed=5)
    for item in spoken():
        pcm = sound + bytes(RATE * 2 // 10) + item.pcm
        samples = wide(pcm)
        chances = check().probabilities(samples)
        assert len(chances) == -(-len(samples) // CHUNK)
        speech = len(item.pcm) * 2 // CHUNK // 2
        assert has_speech(chances[-speech:]), item.text
        span = check().span(samples)
        assert span is not None
        assert span[0] < (len(pcm) - len(item.pcm)) + ENGINE_RATE


def test_a_short_window_is_heard_at_once() -> None:
    for item in spoken():
        assert check().span(wide(item.pcm)) is not None
    assert check().span(np.zeros(CHUNK - 1, dtype=np.float32)) is None
    assert len(check().probabilities(np.zeros(0, dtype=np.float32))) == 0


def test_less_speech_than_a_syllable_does_not_count() -> None:
    chances = np.zeros(50, dtype=np.float32)
    chances[10 : 10 + MIN_CHUNKS - 1] = chances[20 : 20 + MIN_CHUNKS - 1] = SPEECH
    assert not has_speech(chances)
    chances[10 : 10 + MIN_CHUNKS] = SPEECH
    assert has_speech(chances)


def test_a_short_word_at_the_beginning_of_a_window_is_noticed() -> None:
    """Nothing comes before it that Silero could warm up on; without a second of silence it missed half of these."""
    pieces = [wide(item.pcm[ms * 16 : (ms + 400) * 16]) for ms in (0, 60, 120, 200, 400, 700) for item in spoken()]
    noticed = sum(check().span(piece) is not None for piece in pieces)
    assert noticed >= 0.85 * len(pieces)
