"""How excited a voice is: louder, higher and faster than the same speaker was before in the call.

These three rise together in anger and in joy (Scherer, "Vocal communication of emotion: a review of research
paradigms", Speech Communication 40, 2003; Juslin and Laukka, "Communication of emotions in vocal expression and music
performance", Psychological Bulletin 129, 2003): a voice tells how much, not whether for good or ill. That is why it may
only strengthen what the words say. Line, telephone and person differ by more than moods do, so what counts is only how
the same speaker spoke before.
"""

import math
import statistics
from collections import deque
from collections.abc import Mapping

from callcue.core.speech import Channel, VoiceCues

LEAST_VOICED_MS = 600
"""Shorter utterances ("嗯，对") have no stable level, pitch or rate."""
LEAST_BEFORE = 3
"""Utterances of the same speaker before there is something to compare with."""
_REMEMBERED = 40
_DECIBELS, _SEMITONES, _RATE = 6.0, 3.0, math.log(1.35)
"""What counts as 1: clearly audible, and about twice the spread between calm utterances of one speaker."""
_LOW, _HIGH = -1.0, 1.5
"""Of each cue: a slammed receiver or an octave error of the pitch must not carry the sum."""


class VoiceBaseline:
    """One call's speakers and how they spoke so far."""

    def __init__(self) -> None:
        self._before: dict[tuple[Channel, str], deque[float]] = {}

    def arousal(self, channel: Channel, cues: VoiceCues | None) -> float | None:
        """Mean rise of the cues that can be compared, about -1..1.5; None where none can. Then remembers them."""
        if cues is None or cues.voiced_ms < LEAST_VOICED_MS:
            return None
        rises = []
        for name, value in _levels(cues).items():
            before = self._before.setdefault((channel, name), deque(maxlen=_REMEMBERED))
            if len(before) >= LEAST_BEFORE:
                rises.append(min(_HIGH, max(_LOW, value - statistics.median(before))))
            before.append(value)
        return round(statistics.fmean(rises), 2) if rises else None


def _levels(cues: VoiceCues) -> Mapping[str, float]:
    """The cues on scales where 1 more is clearly more."""
    levels = {}
    if cues.loudness_dbfs is not None:
        levels["loudness"] = cues.loudness_dbfs / _DECIBELS
    if cues.pitch_hz:
        levels["pitch"] = 12.0 * math.log2(cues.pitch_hz) / _SEMITONES
    if cues.rate:
        levels["rate"] = math.log(cues.rate) / _RATE
    return levels
