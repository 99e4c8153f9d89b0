"""Fundamental frequency (F0) of short voiced frames, by normalised autocorrelation.

Method: P. Boersma, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a
sampled sound", Proceedings of the Institute of Phonetic Sciences 17 (1993), 97-110: the autocorrelation of a windowed
frame is divided by that of the window, so that a periodic sound peaks at 1 for its period; a small price per octave
keeps multiples of the period from winning. Two things differ. The spectrum is flattened a little before the
autocorrelation (T. Tolonen and M. Karjalainen, "A computationally efficient multipitch analysis model", IEEE
Transactions on Speech and Audio Processing 8, 2000). And frames are judged one by one, without the paper's path
search: what is made of them are medians and percentiles, which a stray frame does not move.

Telephone speech has no energy at most speakers' F0 itself (the band begins at 300 Hz). The autocorrelation does not
need it: the harmonics above repeat with the same period.
"""

import math
from functools import cache

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]

WINDOW_MS = 60
"""Audio that one estimate looks at: three periods of the lowest voices under a Hann window."""
MIN_HZ = 60.0
MAX_HZ = 500.0
VOICED_PEAK = 0.5
"""Normalised autocorrelation below which a frame has no pitch: whispers, fricatives, noise."""
_OCTAVE_COST = 0.09
_PASS_HZ = 1700.0
_STOP_HZ = 3000.0
"""The spectrum fades out between the two."""
_POWER = 1.7
"""Of the spectrum's magnitude: 2 is the true autocorrelation; less of it keeps a strong formant from being taken for
the pitch, at the price of noise. Band, price and power are those with the fewest octave errors on synthetic telephone
vowels without noise and with 20 to 0 dB of it [measured]."""
_LAG_RATE = 8000
"""Lags are counted at this rate, whatever the audio's: both rates are judged alike."""
_FFT_MS = 128


@cache
def _tables(sample_rate: int) -> tuple[Float64, Float64, Float64, Float64]:
    """Of a rate: the window; the spectral weights up to half of ``_LAG_RATE``; 1 / the window's autocorrelation and the
    octave price, both per candidate lag."""
    window = np.hanning(sample_rate * WINDOW_MS // 1000 + 2)[1:-1]
    size = sample_rate * _FFT_MS // 1000
    hz = np.fft.rfftfreq(_LAG_RATE * _FFT_MS // 1000, 1 / _LAG_RATE)
    weights = np.clip((_STOP_HZ - hz) / (_STOP_HZ - _PASS_HZ), 0.0, 1.0) ** 2
    weights[0] = 0.0
    own = np.fft.irfft(np.abs(np.fft.rfft(window, size)[: len(hz)]) ** _POWER)
    lags = np.arange(_first_lag() - 1, _last_lag() + 2)
    price = _OCTAVE_COST * np.log2(lags * MIN_HZ / _LAG_RATE)
    return window, weights, own[0] / own[lags], price


def _first_lag() -> int:
    return math.floor(_LAG_RATE / MAX_HZ)


def _last_lag() -> int:
    return math.ceil(_LAG_RATE / MIN_HZ)


def f0_hz(samples: npt.NDArray[np.float32], sample_rate: int) -> float | None:
    """F0 in Hz of ``WINDOW_MS`` of samples (any scale) at 8000 or 16000 Hz; None where they have no clear pitch."""
    window, weights, correction, price = _tables(sample_rate)
    spectrum = np.fft.rfft(samples * window, sample_rate * _FFT_MS // 1000)[: len(weights)]
    correlation = np.fft.irfft(np.abs(spectrum) ** _POWER * weights)
    energy = float(correlation[0])
    if energy <= 0.0:
        return None
    first = _first_lag() - 1
    normalised = correlation[first : first + len(price)] * correction / energy
    score = normalised - price
    inner = normalised[1:-1]
    peaks = (inner >= normalised[:-2]) & (inner > normalised[2:])
    if not peaks.any():
        return None
    best = int(np.argmax(np.where(peaks, score[1:-1], -np.inf))) + 1
    if normalised[best] < VOICED_PEAK:
        return None
    hz = _LAG_RATE / (first + best + _offset(normalised[best - 1 : best + 2]))
    return hz if MIN_HZ <= hz <= MAX_HZ else None


def _offset(peak: Float64) -> float:
    """Where between the samples the top of the parabola through three points lies, -0.5..0.5."""
    left, middle, right = (float(value) for value in peak)
    bend = left - 2.0 * middle + right
    return 0.0 if bend == 0.0 else max(-0.5, min(0.5, (left - right) / (2.0 * bend)))
