"""What a telephone line carries when nobody speaks: noise, tones, music, breath, keys. Made, not recorded.

Every sound is mono at ``RATE``, -1..1, of the length asked for, and the same for the same seed. Levels are the root
mean square in dB relative to full scale, of the sounding parts where a sound has pauses.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RATE = 8000
"""Hz."""
NOISE_LEVELS_DBFS = (-60, -50, -40, -30, -20)
DTMF_HZ = ((697, 770, 852, 941), (1209, 1336, 1477, 1633))
"""Low and high tones of the keys (ITU-T Q.23)."""
CALL_PROGRESS_HZ = 425
"""Ring-back (1 s on, 4 s off) and busy tone (350 ms on and off) of the Chinese network (GB/T 3380)."""
_TONE_DBFS = -13.0
_LOUDEST = 0.98

Floats = npt.NDArray[np.float64]
Random = np.random.Generator


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """One kind of sound."""

    name: str
    make: Callable[[float, Random], Floats]
    """(seconds, random) -> samples."""

    def pcm(self, seconds: float, seed: int = 1) -> bytes:
        """s16le mono at ``RATE``."""
        wave = self.make(seconds, np.random.default_rng(seed))
        return (np.clip(wave, -_LOUDEST, _LOUDEST) * 32767).astype("<i2").tobytes()


def non_speech() -> tuple[Sound, ...]:
    """Everything that must give no text."""
    noises = [
        Sound(name=f"{colour} noise {level} dBFS", make=_levelled(make, level))
        for colour, make in (("white", _white), ("pink", _pink))
        for level in NOISE_LEVELS_DBFS
    ]
    return (
        Sound(name="digital silence", make=lambda seconds, _: np.zeros(_count(seconds))),
        *noises,
        Sound(name="hold music, plucked", make=_levelled(_music(_PLUCKED), -18)),
        Sound(name="hold music, bowed", make=_levelled(_music(_BOWED), -18)),
        Sound(name="hold music, faint", make=_levelled(_music(_PLUCKED), -38)),
        Sound(name="ring-back", make=_cadence(1.0, 4.0)),
        Sound(name="busy tone", make=_cadence(0.35, 0.35)),
        Sound(name="DTMF", make=_dtmf),
        Sound(name="breathing", make=_breathing),
        Sound(name="keyboard", make=_keyboard),
    )


def _count(seconds: float) -> int:
    return round(seconds * RATE)


def _time(count: int) -> Floats:
    return np.arange(count) / RATE


def _at_level(wave: Floats, dbfs: float) -> Floats:
    """Scaled so that the parts that sound have this level."""
    sounding = wave[np.abs(wave) > 0]
    rms = float(np.sqrt(np.mean(sounding**2))) if len(sounding) else 0.0
    return wave * (10 ** (dbfs / 20) / rms) if rms else wave


def _levelled(make: Callable[[float, Random], Floats], dbfs: float) -> Callable[[float, Random], Floats]:
    return lambda seconds, random: _at_level(make(seconds, random), dbfs)


def _white(seconds: float, random: Random) -> Floats:
    return random.standard_normal(_count(seconds))


def _pink(seconds: float, random: Random) -> Floats:
    """Power falls by 3 dB an octave from 20 Hz on."""
    return _filtered(random.standard_normal(_count(seconds)), lambda hz: 1 / np.sqrt(np.maximum(hz, 20)))


def _filtered(wave: Floats, gain: Callable[[Floats], Floats]) -> Floats:
    """The wave with each frequency (Hz) scaled."""
    hz = np.fft.rfftfreq(len(wave), 1 / RATE).astype(np.float64)
    shaped = np.fft.rfft(wave) * gain(hz)
    return np.asarray(np.fft.irfft(shaped, len(wave)), dtype=np.float64)


def _cadence(on_s: float, off_s: float) -> Callable[[float, Random], Floats]:
    def make(seconds: float, _: Random) -> Floats:
        time = _time(_count(seconds))
        return _at_level(np.sin(2 * np.pi * CALL_PROGRESS_HZ * time), _TONE_DBFS) * (time % (on_s + off_s) < on_s)

    return make


def _placed(seconds: float, pieces: Iterator[tuple[float, Floats]]) -> Floats:
    """The pieces added up at their times (s) until the sound is full."""
    wave = np.zeros(_count(seconds))
    for at_s, piece in pieces:
        first = _count(at_s)
        if first >= len(wave):
            break
        part = piece[: len(wave) - first]
        wave[first : first + len(part)] += part
    return wave


def _dtmf(seconds: float, random: Random) -> Floats:
    """Numbers of 11 keys, 60 to 250 ms a key, with pauses of seconds between them."""
    lows, highs = DTMF_HZ

    def keys() -> Iterator[tuple[float, Floats]]:
        at_s = 0.5
        while True:
            for _ in range(11):
                time = _time(_count(random.uniform(0.06, 0.25)))
                pair = random.choice(lows), random.choice(highs)
                yield at_s, sum(np.sin(2 * np.pi * hz * time) for hz in pair) * 0.15
                at_s += len(time) / RATE + random.uniform(0.05, 0.2)
            at_s += random.uniform(0.5, 4.0)

    return _placed(seconds, keys())


def _breathing(seconds: float, random: Random) -> Floats:
    """In and out, into the microphone: noise through a moving, wide resonance, -45 to -28 dBFS."""

    def breaths() -> Iterator[tuple[float, Floats]]:
        at_s, inward = 0.3, True
        while True:
            length = random.uniform(0.8, 1.4) if inward else random.uniform(1.0, 2.0)
            centre, width = random.uniform(700, 1100) if inward else random.uniform(450, 800), random.uniform(500, 900)
            noise = _filtered(
                random.standard_normal(_count(length)),
                lambda hz, c=centre, w=width: 1 / (1 + ((hz - c) / w) ** 2) + 0.05,  # type: ignore[misc]
            )
            swell = np.sin(np.pi * np.linspace(0, 1, len(noise)) ** (0.6 if inward else 1.4)) ** 1.5
            yield at_s, _at_level(noise * swell, random.uniform(-45, -28))
            at_s += length + (random.uniform(0.05, 0.3) if inward else random.uniform(0.3, 1.5))
            inward = not inward

    return _placed(seconds, breaths())


def _keyboard(seconds: float, random: Random) -> Floats:
    """Somebody types: a key's down and up strokes, some milliseconds of resonating noise each, in runs."""

    def stroke(level: float) -> Floats:
        time = _time(_count(0.05))
        ring = np.sin(2 * np.pi * random.uniform(900, 3200) * time + random.uniform(0, 6)) * np.exp(-time / 0.006)
        return level * (ring + 0.7 * random.standard_normal(len(time)) * np.exp(-time / 0.003))

    def strokes() -> Iterator[tuple[float, Floats]]:
        at_s = 0.2
        while True:
            for _ in range(int(random.integers(3, 40))):
                level = random.uniform(0.03, 0.35)
                yield at_s, stroke(level)
                yield at_s + random.uniform(0.05, 0.11), stroke(level * 0.4)
                at_s += random.uniform(0.08, 0.3)
            at_s += random.uniform(0.3, 3.0)

    return _placed(seconds, strokes())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Instrument:
    harmonics: Mapping[int, float]
    """Number of the overtone -> strength."""
    attack_s: float
    decay_s: float
    """Time in which it falls to a third; long for what is bowed."""
    vibrato: float
    """Of the pitch, as a fraction."""


_PLUCKED = _Instrument(harmonics={1: 1, 2: 0.6, 3: 0.35, 4: 0.2, 5: 0.1}, attack_s=0.006, decay_s=0.5, vibrato=0.002)
_BOWED = _Instrument(
    harmonics={n: 1 / n for n in range(1, 9)}, attack_s=0.09, decay_s=6.0, vibrato=0.012
)  # like a violin, the nearest to a voice
_BEAT_S = 0.46
_CHORDS = ((0, 4, 7), (9, 12, 16), (5, 9, 12), (7, 11, 14))
"""Semitones above the key note: I vi IV V."""
_SCALE = (0, 2, 4, 7, 9, 12, 14, 16)
_KEY_HZ = 220.0


def _note(instrument: _Instrument, semitones: float, length_s: float) -> Floats:
    time = _time(_count(length_s))
    vibrato = instrument.vibrato / (2 * np.pi * 5.5) * np.sin(2 * np.pi * 5.5 * time) * np.minimum(1, time / 0.25)
    phase = 2 * np.pi * _KEY_HZ * 2 ** (semitones / 12) * (time + vibrato)
    heard = {n: share for n, share in instrument.harmonics.items() if _KEY_HZ * 2 ** (semitones / 12) * n < 3600}
    wave = sum((share * np.sin(n * phase) for n, share in heard.items()), np.zeros(len(time)))
    shape = np.minimum(1, time / instrument.attack_s) * np.exp(-time / instrument.decay_s)
    return np.asarray(wave * shape * np.minimum(1, (length_s - time) / 0.04))


def _drum(random: Random, *, low: bool) -> Floats:
    time = _time(_count(0.16))
    if low:
        return np.sin(2 * np.pi * (90 + 60 * np.exp(-time / 0.03)) * time) * np.exp(-time / 0.06) * 1.4
    return random.standard_normal(len(time)) * np.exp(-time / 0.03) * 0.5


def _music(lead: _Instrument) -> Callable[[float, Random], Floats]:
    """Chords, a melody that wanders over them, and percussion: instruments alone, nobody sings."""

    def bar(number: int, place: int, random: Random) -> Iterator[tuple[float, Floats]]:
        start_s = number * 4 * _BEAT_S
        for semitones in _CHORDS[number % len(_CHORDS)]:
            yield start_s, 0.3 * _note(lead, semitones - 12, 4 * _BEAT_S)
        for beat in range(4):
            yield start_s + beat * _BEAT_S, _drum(random, low=beat % 2 == 0)
        lengths: Sequence[float] = ((1, 1, 1, 1), (1.5, 0.5, 2), (0.5, 0.5, 1, 2), (4,))[int(random.integers(4))]
        at = 0.0
        for beats in lengths:
            place = int(np.clip(place + random.integers(-2, 3), 0, len(_SCALE) - 1))
            yield start_s + at * _BEAT_S, _note(lead, _SCALE[place] + 12, beats * _BEAT_S)
            at += beats

    def make(seconds: float, random: Random) -> Floats:
        bars = int(seconds / (4 * _BEAT_S)) + 1
        return _placed(seconds, (piece for number in range(bars) for piece in bar(number, number % 8, random)))

    return make
