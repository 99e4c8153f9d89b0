"""The made sounds are what their names say."""

import numpy as np
import numpy.typing as npt
import pytest

from callcue.testing.sounds import CALL_PROGRESS_HZ, DTMF_HZ, NOISE_LEVELS_DBFS, RATE, Sound, non_speech

SOUNDS = {sound.name: sound for sound in non_speech()}
SECONDS = 8.0


def samples(name: str, seconds: float = SECONDS) -> npt.NDArray[np.float64]:
    return np.frombuffer(SOUNDS[name].pcm(seconds), dtype="<i2").astype(np.float64) / 32768


def dbfs(wave: npt.NDArray[np.float64]) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(wave**2)) + 1e-9))


def peaks(wave: npt.NDArray[np.float64]) -> set[int]:
    """Frequencies (Hz) that hold at least a fifth of the strongest one's amplitude."""
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
    tops = np.flatnonzero((spectrum[1:-1] > spectrum[:-2]) & (spectrum[1:-1] >= spectrum[2:])) + 1
    return {round(top * RATE / len(wave)) for top in tops if spectrum[top] > spectrum.max() / 5}


@pytest.mark.parametrize("sound", SOUNDS.values(), ids=SOUNDS)
def test_every_sound_has_its_length_is_the_same_again_and_is_not_clipped(sound: Sound) -> None:
    pcm = sound.pcm(SECONDS)
    assert len(pcm) == 2 * RATE * SECONDS
    assert pcm == sound.pcm(SECONDS)
    wave = np.abs(np.frombuffer(pcm, dtype="<i2").astype(np.int32))
    assert np.mean(wave > 32_000) < 0.001
    assert (wave.max() > 0) == (sound.name != "digital silence")


@pytest.mark.parametrize("colour", ["white", "pink"])
@pytest.mark.parametrize("level", NOISE_LEVELS_DBFS)
def test_noise_has_its_level_and_colour(colour: str, level: int) -> None:
    wave = samples(f"{colour} noise {level} dBFS")
    assert dbfs(wave) == pytest.approx(level, abs=0.5)
    power = np.abs(np.fft.rfft(wave)) ** 2
    hz = np.fft.rfftfreq(len(wave), 1 / RATE)
    low, high = (float(power[(hz >= a) & (hz < 2 * a)].sum()) for a in (200, 1600))
    # an octave three octaves up: as much power in pink noise, eight times as much in white
    assert high / low == pytest.approx(8 if colour == "white" else 1, rel=0.2)


@pytest.mark.parametrize(("name", "on_s", "period_s"), [("ring-back", 1.0, 5.0), ("busy tone", 0.35, 0.7)])
def test_call_progress_tones_have_their_pitch_and_cadence(name: str, on_s: float, period_s: float) -> None:
    wave = samples(name, 4 * period_s)
    periods = wave.reshape(4, -1)
    edge = round(on_s * RATE)
    assert dbfs(periods[:, :edge]) == pytest.approx(-13, abs=0.5)
    assert np.abs(periods[:, edge:]).max() == 0
    (pitch,) = peaks(periods[0, :edge])
    assert abs(pitch - CALL_PROGRESS_HZ) <= 1


def test_keys_are_pairs_of_their_tones() -> None:
    wave = samples("DTMF")
    sounding = np.flatnonzero(np.abs(wave) > 0)
    first = wave[sounding[0] : sounding[0] + RATE // 20]
    low, high = sorted(peaks(first))
    assert min(abs(low - hz) for hz in DTMF_HZ[0]) <= 20
    assert min(abs(high - hz) for hz in DTMF_HZ[1]) <= 20


@pytest.mark.parametrize(("name", "level"), [("hold music, plucked", -18), ("hold music, faint", -38)])
def test_music_has_its_level_and_many_pitches(name: str, level: int) -> None:
    wave = samples(name)
    assert dbfs(wave) == pytest.approx(level, abs=1)
    seconds = wave.reshape(int(SECONDS), -1)
    assert len(set.union(*(peaks(second) for second in seconds))) > 8


@pytest.mark.parametrize("name", ["breathing", "keyboard"])
def test_breath_and_keys_come_and_go(name: str) -> None:
    frames = samples(name).reshape(-1, RATE // 100)
    levels = 20 * np.log10(np.sqrt(np.mean(frames**2, axis=1)) + 1e-6)
    assert np.percentile(levels, 95) - np.percentile(levels, 5) > 25
