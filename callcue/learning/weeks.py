"""What callers ask most, week by week (ISO 8601 weeks, UTC)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from callcue.core.errors import BadInput

Asked = tuple[str, str, int]
"""Topic, call, epoch milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One topic without a card, or one card, in one week."""

    kind: Literal["topic", "card"]
    id: str
    title: str
    calls: int
    """Calls of the week in which it came up."""
    before: int
    """The same of the week before."""

    @property
    def growth(self) -> float:
        """This week's calls by last week's, each with one added: 1 is as before, and small numbers grow slowly."""
        return (self.calls + 1) / (self.before + 1)


def week_of(at_ms: int) -> str:
    """``2026-W48`` of epoch milliseconds."""
    year, week, _ = datetime.fromtimestamp(at_ms / 1000, UTC).isocalendar()
    return f"{year}-W{week:02}"


def bounds(week: str) -> tuple[int, int]:
    """First and, exclusive, last epoch millisecond of an ISO week. Raises BadInput."""
    try:
        begin = datetime.strptime(f"{week}-1", "%G-W%V-%u").replace(tzinfo=UTC)
        if week_of(int(begin.timestamp() * 1000)) != week:
            raise ValueError("a year without a week 53")
    except ValueError:
        raise BadInput("a week is written as year and number by ISO 8601, such as 2026-W48") from None
    return int(begin.timestamp() * 1000), int((begin + timedelta(days=7)).timestamp() * 1000)


def top_issues(
    asked: Iterable[Asked],
    shown: tuple[Mapping[str, int], Mapping[str, int]],
    titles: Mapping[str, str],
    week: str,
    limit: int,
) -> list[Issue]:
    """Most calls first, of equal ones the one that grew more. ``asked`` holds at least the week and the one before it;
    ``shown`` says of each card in how many calls of the week, and of the week before, it was shown."""
    begin, end = bounds(week)
    calls: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for topic, call_id, at_ms in asked:
        if begin - (end - begin) <= at_ms < end:
            calls[topic][at_ms < begin].add(call_id)
    issues = [
        Issue(kind="topic", id=topic, title=titles.get(topic, topic), calls=len(now), before=len(before))
        for topic, (now, before) in calls.items()
        if now
    ]
    this, last = shown
    issues += [Issue(kind="card", id=c, title=c, calls=count, before=last.get(c, 0)) for c, count in this.items()]
    return sorted(issues, key=lambda issue: (-issue.calls, -issue.growth, issue.id))[:limit]
