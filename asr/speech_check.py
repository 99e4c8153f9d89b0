"""The second opinion on a window before it is decoded: Silero VAD (comes with faster-whisper).

webrtcvad lets tones, music and loud noise pass, and Whisper turns them into text. Silero does not; it costs 2 ms per
second of audio [measured], a fortieth of the decode.
"""

import numpy as np
import numpy.typing as npt

_CHUNK = 512  # samples at 16 kHz: 32 ms
SPEECH = 0.5
EDGE = 0.2
MIN_CHUNKS = 3
"""Chunks in a row that must be speech: 96 ms. 嗯 and 喂 are longer, a key's click is not."""
MARGIN_SAMPLES = 8000
"""Kept on either side of the speech: 500 ms. With 300 ms the error rate rose by a point [measured]."""


class SpeechCheck:
    """Finds the stretch of a window that holds speech."""

    def __init__(self) -> None:
        from faster_whisper.vad import get_vad_model

        self._model = get_vad_model()

    def probabilities(self, samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Speech probability of each 32 ms of 16 kHz audio; the last, partly filled chunk is padded with zeros."""
        padded = np.pad(samples, (0, -len(samples) % _CHUNK))
        found: npt.NDArray[np.float32] = np.asarray(self._model(padded), dtype=np.float32).reshape(-1)
        return found

    def span(self, samples: npt.NDArray[np.float32]) -> tuple[int, int] | None:
        """(first, last + 1) sample to decode; None when there is no speech."""
        if len(samples) < _CHUNK:
            return None
        chances = self.probabilities(samples)
        if not has_speech(chances):
            return None
        inside = np.flatnonzero(chances >= EDGE)
        first = max(0, int(inside[0]) * _CHUNK - MARGIN_SAMPLES)
        last = min(len(samples), (int(inside[-1]) + 1) * _CHUNK + MARGIN_SAMPLES)
        return first, last


def has_speech(chances: npt.NDArray[np.float32]) -> bool:
    """Whether ``MIN_CHUNKS`` chunks in a row are speech."""
    run = 0
    for chance in chances:
        run = run + 1 if chance >= SPEECH else 0
        if run >= MIN_CHUNKS:
            return True
    return False
