"""What callers ask most, week by week (ISO 8601 weeks, UTC)."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from callcue.core.errors import BadInput

Asked = tuple[Literal["topic", "card"], str, str, int]
"""Kind, id, call, epoch milliseconds."""


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


def top_issues(asked: Iterable[Asked], titles: dict[str, str], week: str, limit: int) -> list[Issue]:
    """``asked`` holds at least the week and the one before it. Most calls first, of equal ones the one that grew
    more."""
    begin, end = bounds(week)
    calls: dict[tuple[Literal["topic", "card"], str], tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for kind, item, call_id, at_ms in asked:
        if begin - (end - begin) <= at_ms < end:
            calls[kind, item][at_ms < begin].add(call_id)
    issues = [
        Issue(kind=kind, id=item, title=titles.get(item, item), calls=len(now), before=len(before))
        for (kind, item), (now, before) in calls.items()
        if now
    ]
    return sorted(issues, key=lambda issue: (-issue.calls, -issue.growth, issue.id))[:limit]
