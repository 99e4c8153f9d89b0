"""How loaded the recogniser is: counters, and how busy its processes have been of late."""

import math
from dataclasses import dataclass

from callcue.core.ports import Clock

_MEMORY_S = 10.0


class BusyShare:
    """Which share of the recent past the processes spent decoding; what is long ago counts ever less."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seconds = 0.0
        self._at = clock.monotonic()

    def add(self, seconds: float) -> None:
        """One process was busy for so long until now."""
        self._fade()
        self._seconds += seconds

    def share(self, processes: int) -> float:
        """0 (idle) to about 1 (all of them busy all the time)."""
        self._fade()
        return self._seconds / (_MEMORY_S * processes)

    def _fade(self) -> None:
        now = self._clock.monotonic()
        self._seconds *= math.exp(-(now - self._at) / _MEMORY_S)
        self._at = now


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerStats:
    """Counters since the start, and what waits now."""

    finals: int = 0
    """Finals decoded."""
    finals_failed: int = 0
    """Finals that the engine could not decode, even alone."""
    partials: int = 0
    """Partials decoded."""
    partials_superseded: int = 0
    """Replaced by a newer one of the same key before they were decoded."""
    partials_dropped: int = 0
    """Given up under load."""
    partials_failed: int = 0
    batches: int = 0
    rejected: int = 0
    """Decoded windows whose text a guard threw away."""
    fallbacks: int = 0
    """Finals that were decoded a second time."""
    audio_s: float = 0.0
    """Audio decoded, finals and partials, in seconds."""
    wait_s: float = 0.0
    """Time that finals spent in the queue, all together, in seconds."""
    pending_finals: int = 0
    pending_partials: int = 0
    lag_s: float = 0.0
