"""Pitch of frames: right on known voices of the telephone band, none in noise, few octave errors."""

import numpy as np
import pytest

from asr.pitch import WINDOW_MS, f0_hz
from callcue.testing.vowels import FORMANTS_HZ, vowel

RATES = (8000, 16000)
VOICES_HZ = (75, 90, 110, 140, 180, 230, 300, 400)
HOP_MS = 40


def estimates(pcm: bytes, rate: int) -> list[float | None]:
    samples = np.frombuffer(pcm, "<i2").astype(np.float32)
    size = rate * WINDOW_MS // 1000
    return [f0_hz(samples[at : at + size], rate) for at in range(0, len(samples) - size + 1, rate * HOP_MS // 1000)]


def found(pcm: bytes, rate: int) -> list[float]:
    return [hz for hz in estimates(pcm, rate) if hz is not None]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("name", FORMANTS_HZ)
@pytest.mark.parametrize("hz", VOICES_HZ)
def test_a_known_pitch_is_found_within_three_percent(hz: int, name: str, rate: int) -> None:
    heard = found(vowel(hz, 1000, rate, name=name), rate)
    assert len(heard) >= 20
    assert np.median(heard) == pytest.approx(hz, rel=0.03)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(("snr_db", "allowed"), [(20, 0.01), (10, 0.02), (5, 0.06)])
def test_octave_errors_stay_rare_in_noise(snr_db: int, allowed: float, rate: int) -> None:
    ratios = [
        heard / hz
        for hz in VOICES_HZ
        for name in FORMANTS_HZ
        for heard in found(vowel(hz, 800, rate, name=name, snr_db=snr_db, seed=hz), rate)
    ]
    assert len(ratios) > 400
    gross = sum(abs(ratio - 1) > 0.2 for ratio in ratios) / len(ratios)
    assert gross < allowed


@pytest.mark.parametrize("rate", RATES)
def test_a_moving_pitch_is_followed(rate: int) -> None:
    """A falling tone, as of the fourth tone of Mandarin."""
    hz = np.linspace(240.0, 140.0, rate // 2)
    heard = found(vowel(hz, 500, rate), rate)
    assert heard[0] == pytest.approx(234, rel=0.05)
    assert heard[-1] == pytest.approx(146, rel=0.05)
    assert heard == sorted(heard, reverse=True)


@pytest.mark.parametrize("rate", RATES)
def test_noise_and_silence_have_none(rate: int) -> None:
    noise = (np.random.default_rng(5).standard_normal(rate * 4) * 1000).astype("<i2").tobytes()
    assert len(found(noise, rate)) <= len(estimates(noise, rate)) * 0.01
    assert found(bytes(2 * rate), rate) == []


def test_both_rates_agree() -> None:
    for hz in VOICES_HZ:
        narrow, wide = (np.median(found(vowel(hz, 600, rate, name="e"), rate)) for rate in RATES)
        assert narrow == pytest.approx(wide, rel=0.005)


def test_loudness_does_not_matter() -> None:
    quiet, loud = (estimates(vowel(150, 400, 8000, level_dbfs=level), 8000) for level in (-55.0, -12.0))
    assert [hz and round(hz) for hz in quiet] == [hz and round(hz) for hz in loud]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("glide", [-0.15, 0.0, 0.15])
def test_gliding_voices_are_found_all_but_a_few_an_octave_off(rate: int, glide: float) -> None:
    """Not every one: a vowel whose first formant lies on the second harmonic sounds an octave higher, and some do."""
    voices = [(hz, name) for hz in np.geomspace(72, 415, 16) for name in sorted(FORMANTS_HZ)]
    wrong = []
    for seed, (hz, name) in enumerate(voices):
        course = np.linspace(hz * (1 - glide), hz * (1 + glide), rate * 6 // 10)
        heard = found(vowel(course, 600, rate, name=name, snr_db=20, seed=seed), rate)
        if not heard or np.median(heard) != pytest.approx(hz, rel=0.03 + abs(glide) / 2):
            wrong.append((round(hz), name))
    assert len(wrong) <= len(voices) * 0.04, wrong
