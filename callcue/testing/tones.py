"""Numbers as audio: each code is a pair of tones, so that a fake recogniser can tell what is "said" and since when.

The tones lie inside the telephone band and survive G.711 and resampling between 8 and 16 kHz.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LOW_HZ = tuple(range(400, 1200, 100))
HIGH_HZ = tuple(range(1500, 2700, 100))
CODES = len(LOW_HZ) * len(HIGH_HZ)
"""How many different codes there are: 96."""

FRAME_MS = 40
HOP_MS = 20
_AMPLITUDE = 6000.0
_QUIET_RMS = 200.0
_SHARE = 0.5
_MIN_FRAMES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One code found in audio."""

    code: int
    start_ms: int
    end_ms: int


def tone(code: int, duration_ms: int, sample_rate: int) -> bytes:
    """The code as s16le mono, with ramps of 5 ms."""
    if not 0 <= code < CODES:
        raise ValueError(f"there are codes 0 to {CODES - 1}, not {code}")
    count = sample_rate * duration_ms // 1000
    time = np.arange(count) / sample_rate
    low, high = LOW_HZ[code // len(HIGH_HZ)], HIGH_HZ[code % len(HIGH_HZ)]
    wave = (np.sin(2 * np.pi * low * time) + np.sin(2 * np.pi * high * time)) / 2
    edge = min(count // 2, sample_rate // 200)
    if edge:
        ramp = np.linspace(0.0, 1.0, edge)
        wave[:edge] *= ramp
        wave[-edge:] *= ramp[::-1]
    return (wave * _AMPLITUDE).astype("<i2").tobytes()


def hear(pcm: bytes, sample_rate: int) -> list[Heard]:
    """The codes in s16le mono audio, in order; silence and anything else gives none."""
    codes = _codes(np.frombuffer(pcm, dtype="<i2").astype(np.float64), sample_rate)
    found: list[Heard] = []
    begun = 0
    for nth in range(1, len(codes) + 1):
        if nth < len(codes) and codes[nth] == codes[begun]:
            continue
        code = codes[begun]
        if code is not None and nth - begun >= _MIN_FRAMES:
            found.append(Heard(code=code, start_ms=begun * HOP_MS, end_ms=(nth - 1) * HOP_MS + FRAME_MS))
        begun = nth
    return found


def _codes(samples: Floats, sample_rate: int) -> list[int | None]:
    """The code that each frame holds."""
    frame, hop = sample_rate * FRAME_MS // 1000, sample_rate * HOP_MS // 1000
    if len(samples) < frame:
        return []
    frames = np.lib.stride_tricks.sliding_window_view(samples, frame)[::hop]
    # power of each tone: the correlation of the frame with a sine of its frequency
    powers = (np.abs(frames @ _sines(frame, sample_rate)) * 2 / frame) ** 2 / 2
    lows, highs = powers[:, : len(LOW_HZ)], powers[:, len(LOW_HZ) :]
    total = np.mean(frames**2, axis=1)
    clear = (total >= _QUIET_RMS**2) & (lows.max(axis=1) + highs.max(axis=1) >= _SHARE * total)
    numbers = lows.argmax(axis=1) * len(HIGH_HZ) + highs.argmax(axis=1)
    return [int(number) if sure else None for number, sure in zip(numbers, clear, strict=True)]


@cache
def _sines(count: int, sample_rate: int) -> npt.NDArray[np.complex128]:
    """``count`` samples (rows) of each frequency (columns)."""
    hz = np.array((*LOW_HZ, *HIGH_HZ))
    columns: npt.NDArray[np.complex128] = np.exp(-2j * np.pi * np.outer(np.arange(count) / sample_rate, hz))
    return columns
