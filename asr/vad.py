"""Voice activity on short frames: webrtcvad behind an energy floor.

webrtcvad calls many kinds of steady noise speech and never looks at loudness, so frames far below speech level, or
close to the line's own noise, are silence whatever it says. Tones and music still pass; the second opinion before
decoding (``asr.speech_check``) is for those.
"""

import math

import numpy as np

ABSOLUTE_FLOOR_DBFS = -58.0
"""Quieter frames hold no speech: telephone speech lies between -40 and -12 dBFS, its weak ends above this."""
MARGIN_DB = 4.0
"""Speech frames are at least this much louder than the tracked noise."""
MAX_TRACKED_DBFS = -38.0
"""The noise estimate never rises above this, so that loud, dense speech cannot become its own floor."""
WARM_UP_MS = 100
"""webrtcvad begins by calling everything speech; so long, speech must be louder than ``MAX_TRACKED_DBFS``. Softer
speech in the first samples is kept by the segment's pre-roll."""
_RISE_DB = 0.03
"""Per frame: 1.5 dB a second upwards; downwards the estimate follows at once."""
SILENCE_DBFS = -96.0


def level_dbfs(frame: bytes) -> float:
    """Root mean square of s16le samples in dB relative to full scale; digital silence is -96."""
    samples = np.frombuffer(frame, dtype="<i2").astype(np.float32)
    if samples.size == 0:
        return SILENCE_DBFS
    power = float(np.mean(samples * samples)) / (32768.0 * 32768.0)
    return max(SILENCE_DBFS, 10.0 * math.log10(power)) if power > 0.0 else SILENCE_DBFS


class WebRtcVad:
    """VoiceActivity by webrtcvad. ``aggressiveness`` 0 (lets most pass) to 3."""

    def __init__(self, aggressiveness: int = 2, frame_ms: int = 20) -> None:
        if frame_ms not in (10, 20, 30):
            raise ValueError(f"webrtcvad takes frames of 10, 20 or 30 ms, not {frame_ms}")
        import webrtcvad

        self._vad = webrtcvad.Vad(aggressiveness)
        self._frame_ms = frame_ms
        self._noise_dbfs = SILENCE_DBFS
        self._seen_ms = 0

    @property
    def frame_ms(self) -> int:
        """Milliseconds of audio that one call takes."""
        return self._frame_ms

    @property
    def noise_dbfs(self) -> float:
        """The present estimate of the line's noise."""
        return self._noise_dbfs

    def is_speech(self, frame: bytes, sample_rate: int) -> bool:
        """Whether the frame (s16le mono, exactly ``frame_ms``, 8000 or 16000 Hz) holds speech."""
        level = level_dbfs(frame)
        # webrtcvad keeps state of its own: it sees every frame, also those that the floor decides
        voiced = bool(self._vad.is_speech(frame, sample_rate))
        self._seen_ms += self._frame_ms
        floor = MAX_TRACKED_DBFS if self._seen_ms <= WARM_UP_MS else ABSOLUTE_FLOOR_DBFS
        loud = level >= max(floor, self._noise_dbfs + MARGIN_DB)
        rising = min(self._noise_dbfs + _RISE_DB, MAX_TRACKED_DBFS)
        self._noise_dbfs = min(level, rising) if level > SILENCE_DBFS else self._noise_dbfs
        return voiced and loud
