"""Making up for lost time where nobody speaks: a track whose audio is late gives up the middle of its pauses."""

from asr.vad import ABSOLUTE_FLOOR_DBFS, MARGIN_DB, MAX_TRACKED_DBFS, SILENCE_DBFS, level_dbfs

KEPT_MS = 200
"""So much of every pause stays, after the words before it: weak ends of words, and the pause itself."""
FRAME_MS = 20
WARM_UP_MS = 1_000
"""Until so much was heard, only what is silent on any line counts as a pause: the line's own noise is not known yet."""
_RISE_DB = 0.03


class PauseTrimmer:
    """One track, while it is late. What may go is as quiet as ``asr.vad`` wants it for silence, on any line or by this
    line's noise.
    """

    def __init__(self, sample_rate: int) -> None:
        self._per_ms = sample_rate // 1000
        self._noise_dbfs = MAX_TRACKED_DBFS
        self._heard = 0
        self._quiet = 0

    def trim(self, pcm: bytes, excess: int) -> bytes:
        """``pcm`` (s16le) without up to ``excess`` samples, all of them from the middle of pauses."""
        step = FRAME_MS * self._per_ms
        kept = []
        for first in range(0, len(pcm), 2 * step):
            frame = pcm[first : first + 2 * step]
            samples = len(frame) // 2
            self._quiet = self._quiet + samples if self._is_quiet(frame) else 0
            cut = min(excess, samples) if self._quiet > KEPT_MS * self._per_ms else 0
            excess -= cut
            kept.append(frame[2 * cut :])
        return b"".join(kept)

    def _is_quiet(self, frame: bytes) -> bool:
        level = level_dbfs(frame)
        if level > SILENCE_DBFS:
            self._noise_dbfs = min(level, self._noise_dbfs + _RISE_DB, MAX_TRACKED_DBFS)
        self._heard += len(frame) // 2
        known = self._heard > WARM_UP_MS * self._per_ms
        return level < max(ABSOLUTE_FLOOR_DBFS, self._noise_dbfs + MARGIN_DB if known else SILENCE_DBFS)
