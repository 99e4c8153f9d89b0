"""Does a card end the asking? The share of callers who ask the same again within N days, before and after it came out.

Askings are watched for N days, but those before the card only until it came out, and none beyond now; what was watched
for less counts for as long as it was watched (``intervals.by_horizon``). A caller without a number cannot be recognised
and is left out.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from callcue.learning.intervals import Survival, by_horizon

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A caller asked for a topic in a call. Several times in one call are one asking."""

    caller: str | None
    call_id: str
    at_ms: int
    """Epoch milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a card did."""

    before: Survival
    after: Survival
    unknown: int
    """Askings by callers without a number."""


def effect(askings: Iterable[Asking], *, published_ms: int | None, now_ms: int, within_days: float) -> Effect:
    """Both shares of one topic; without a card all askings are before it."""
    edge = now_ms if published_ms is None else published_ms
    calls: dict[str, Asking] = {}
    for asking in sorted(askings, key=lambda one: (one.at_ms, one.call_id)):
        calls.setdefault(asking.call_id, asking)
    by_caller: dict[str, list[int]] = defaultdict(list)
    for asking in calls.values():
        if asking.caller:
            by_caller[asking.caller].append(asking.at_ms)
    before: list[tuple[float, bool]] = []
    after: list[tuple[float, bool]] = []
    for times in by_caller.values():
        for at_ms, following in zip(times, [*times[1:], None], strict=True):
            kind, until = (before, edge) if at_ms < edge else (after, now_ms)
            watched = min(within_days, (until - at_ms) / DAY_MS)
            days = None if following is None else (following - at_ms) / DAY_MS
            again = days is not None and days <= watched
            kind.append((days if again and days is not None else watched, again))
    unknown = sum(not asking.caller for asking in calls.values())
    return Effect(before=by_horizon(before), after=by_horizon(after), unknown=unknown)
