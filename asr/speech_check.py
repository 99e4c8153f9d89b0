"""The second opinion on a window before it is decoded: Silero VAD (comes with faster-whisper).

webrtcvad lets tones, music and loud noise pass, and Whisper turns them into text. Silero does not; it costs 3 ms per
second of audio [measured], a thirtieth of the decode.

Silero remembers: after twelve seconds of music, noise or silence it did not notice one utterance in ten [measured, 342
utterances of 1 to 6 s behind 19 sounds]. So it starts afresh every three seconds, a second early to find its feet, and
missed one of them all; with less than a second it misses what begins at the seam. For the same reason it hears a second
of silence before a window: without it, 5 of 46 spoken digits of half a second were no speech to it [measured].
"""

import numpy as np
import numpy.typing as npt

_CHUNK = 512  # samples at 16 kHz: 32 ms
SPEECH = 0.5
EDGE = 0.2
MIN_CHUNKS = 3
"""Chunks in a row that must be speech: 96 ms. 嗯 and 喂 are longer, a key's click is not."""
_BLOCK_CHUNKS = 93
"""Chunks between two fresh starts: 3 s."""
_WARM_UP_CHUNKS = 31
"""Chunks heard before them: 1 s."""
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
        chunks = len(padded) // _CHUNK
        blocks = [self._block(padded, begin, begin + _BLOCK_CHUNKS) for begin in range(0, chunks, _BLOCK_CHUNKS)]
        return np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.float32)

    def _block(self, padded: npt.NDArray[np.float32], begin: int, end: int) -> npt.NDArray[np.float32]:
        """Chunks ``begin`` to ``end``, heard from a second before them on: silence, where nothing is."""
        audio = padded[max(0, begin - _WARM_UP_CHUNKS) * _CHUNK : end * _CHUNK]
        audio = np.pad(audio, (max(0, _WARM_UP_CHUNKS - begin) * _CHUNK, 0))
        return np.asarray(self._model(audio), dtype=np.float32).reshape(-1)[_WARM_UP_CHUNKS:]

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
