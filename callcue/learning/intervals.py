"""Shares with their uncertainty. What was not observed is None, "unknown", and never 0."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

Z95 = 1.959964
"""Standard normal quantile of a two-sided 95 % interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many of how many; ``of`` 0 means that nothing is known."""

    count: int
    of: int

    @property
    def rate(self) -> float | None:
        """0..1; None: unknown."""
        return self.count / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of the proportion (Wilson 1927); sound for small numbers and rates near 0 or 1."""
        if not self.of:
            return None
        rate, z2 = self.count / self.of, Z95 * Z95
        middle = (rate + z2 / (2 * self.of)) / (1 + z2 / self.of)
        half = Z95 * math.sqrt(rate * (1 - rate) / self.of + z2 / (4 * self.of * self.of)) / (1 + z2 / self.of)
        low = 0.0 if self.count == 0 else middle - half
        high = 1.0 if self.count == self.of else middle + half
        return low, high


@dataclass(frozen=True, slots=True, kw_only=True)
class Survival:
    """The share that has had the event by a horizon, where some were watched for less than that."""

    rate: float | None
    """0..1; None: nobody was watched."""
    interval: tuple[float, float] | None
    """95 %, on the log-minus-log scale (Kalbfleisch and Prentice 1980); None without an event or without anybody."""
    watched: int
    events: int


def by_horizon(times: Sequence[tuple[float, bool]]) -> Survival:
    """Kaplan and Meier's estimate (1958) of the share with an event; ``times``: (how long watched, whether it ended in
    the event), any unit, all cut at the horizon. Somebody watched for half of it counts for that half.
    """
    alive, left, variance, events = 1.0, len(times), 0.0, 0
    for _, group in groupby(sorted(times), key=itemgetter(0)):
        here = [happened for _, happened in group]
        died = sum(here)
        if died:
            alive *= 1 - died / left
            variance += died / (left * (left - died)) if left > died else math.inf
            events += died
        left -= len(here)
    if not times:
        return Survival(rate=None, interval=None, watched=0, events=0)
    return Survival(rate=1 - alive, interval=_log_log(alive, variance), watched=len(times), events=events)


def _log_log(alive: float, variance: float) -> tuple[float, float] | None:
    if not 0 < alive < 1:
        return None
    spread = Z95 * math.sqrt(variance) / abs(math.log(alive))
    return 1 - alive ** math.exp(-spread), 1 - alive ** math.exp(spread)
