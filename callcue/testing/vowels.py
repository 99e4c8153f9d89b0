"""Voices of known pitch: harmonics of a fundamental, shaped by formants, as a telephone line carries them."""

import numpy as np
import numpy.typing as npt

FORMANTS_HZ: dict[str, tuple[tuple[float, float], ...]] = {
    "a": ((750.0, 90.0), (1250.0, 110.0), (2600.0, 160.0)),
    "e": ((500.0, 80.0), (1600.0, 120.0), (2500.0, 160.0)),
    "i": ((300.0, 60.0), (2300.0, 120.0), (3000.0, 160.0)),
    "u": ((350.0, 60.0), (800.0, 100.0), (2400.0, 160.0)),
}
"""Centre and bandwidth of three formants a vowel."""
_BAND_HZ = (300.0, 3400.0)
_FLOOR = 0.02


def vowel(
    hz: float | npt.NDArray[np.float64],
    duration_ms: int,
    sample_rate: int,
    *,
    name: str = "a",
    level_dbfs: float = -20.0,
    snr_db: float | None = None,
    seed: int = 0,
) -> bytes:
    """s16le mono. ``hz`` is the pitch, one for all or one per sample; ``level_dbfs`` the voice's root mean square;
    ``snr_db`` how far white noise lies below it (None: no noise)."""
    count = sample_rate * duration_ms // 1000
    pitch = np.broadcast_to(np.asarray(hz, dtype=np.float64), (count,))
    phase = 2.0 * np.pi * np.cumsum(pitch) / sample_rate
    wave = np.zeros(count)
    for harmonic in range(1, int(_BAND_HZ[1] / float(pitch.max())) + 1):
        at_hz = harmonic * float(pitch.mean())
        gain = _FLOOR + sum(1.0 / (1.0 + ((at_hz - centre) / width) ** 2) for centre, width in FORMANTS_HZ[name])
        gain *= min(1.0, at_hz / _BAND_HZ[0]) ** 4 / harmonic**0.5
        wave += gain * np.sin(harmonic * phase + harmonic)
    rms = 32768.0 * 10.0 ** (level_dbfs / 20.0)
    wave *= rms / np.sqrt(np.mean(wave**2))
    if snr_db is not None:
        wave += np.random.default_rng(seed).standard_normal(count) * rms * 10.0 ** (-snr_db / 20.0)
    return bytes(np.clip(np.rint(wave), -32768, 32767).astype("<i2").data)
