"""A voice activity detector without a model."""

import numpy as np

THRESHOLD_RMS = 300.0


class FakeVoiceActivity:
    """Everything louder than ``threshold`` (root mean square of the samples, of 32768) is speech."""

    def __init__(self, frame_ms: int = 20, threshold: float = THRESHOLD_RMS) -> None:
        self._frame_ms = frame_ms
        self._threshold = threshold

    @property
    def frame_ms(self) -> int:
        """Milliseconds of audio that one call takes."""
        return self._frame_ms

    def is_speech(self, frame: bytes, sample_rate: int) -> bool:
        """Whether this frame is loud."""
        expected = sample_rate * self._frame_ms // 1000 * 2
        if sample_rate not in (8000, 16000) or len(frame) != expected:
            raise ValueError(f"a frame of {len(frame)} bytes at {sample_rate} Hz is not one of {self._frame_ms} ms")
        samples = np.frombuffer(frame, dtype="<i2").astype(np.float64)
        return float(np.sqrt(np.mean(samples**2))) > self._threshold
