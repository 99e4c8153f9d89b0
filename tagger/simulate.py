"""Made-up customers, who call, look at pages, buy, visit stores and complain: a starting point before there are real
outcomes, and a world to test the switching in. Nothing here was measured; the rates below are assumptions.

What a customer does after a call depends on the call, on what he did before and on traits that no feature shows.
"""

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from callcue.core.customer_events import CustomerEvent
from tagger.forecast_features import DAY_MS, CallFacts, EarlierCall, features_of
from tagger.forecast_model import ForecastModel, OutcomeRule
from tagger.forecast_train import Case

_ISSUES = (("技术", 0.35), ("账单", 0.2), ("物流", 0.2), ("其他", 0.25))
_DEVICES = ("手机", "笔记本", "平板", "无线耳机", "手表")
_ACCESSORIES = ("手机壳", "充电器", "钢化膜", "电脑包", "表带")
_START_MS = 1_735_689_600_000
"""2025-01-01T00:00Z."""
_HORIZON_DAYS = 7
_COMPLAINT_DAYS = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """From a day on the world is another one: log-odds that are added to what customers do after a call."""

    day: int
    visit: float = 0.0
    repeat: float = 0.0
    complaint: float = 0.0
    accessory: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SimCall:
    """One call that ends at ``at_ms``."""

    phone: str
    at_ms: int
    """Epoch milliseconds."""
    facts: CallFacts


@dataclass(slots=True)
class _Person:
    phone: str
    loyal: float
    irritable: float
    shopper: float
    events: list[CustomerEvent] = field(default_factory=list)
    calls: list[tuple[int, CallFacts]] = field(default_factory=list)
    due: list[int] = field(default_factory=list)
    """Times of calls that will come."""


class World:
    """A town of customers, day by day. The same seed is the same town."""

    def __init__(self, *, seed: int, customers: int, calls_a_day: float, start_ms: int, shift: Shift | None = None):
        self._chance = random.Random(seed)
        self._start_ms = start_ms
        self._calls_a_day = calls_a_day
        self._shift = shift
        self._count = 0
        self._people = [
            _Person(
                phone=f"139{seed % 1000:03d}{number:05d}",
                loyal=self._chance.gauss(0, 1),
                irritable=self._chance.gauss(0, 1),
                shopper=self._chance.gauss(0, 1),
            )
            for number in range(customers)
        ]
        self._later: list[tuple[int, _Person, str, str]] = []

    def day(self, number: int) -> Iterator[SimCall | CustomerEvent]:
        """What happens on a day, in order of time."""
        begin = self._start_ms + number * DAY_MS
        happenings: list[tuple[int, _Person, str, str]] = []
        for person in self._people:
            happenings += self._by_itself(person, begin)
        happenings += [one for one in self._later if begin <= one[0] < begin + DAY_MS]
        self._later = [one for one in self._later if one[0] >= begin + DAY_MS]
        share = self._calls_a_day / len(self._people)
        for person in self._people:
            times = [at for at in person.due if begin <= at < begin + DAY_MS]
            person.due = [at for at in person.due if at >= begin + DAY_MS]
            if self._chance.random() < share:
                times.append(begin + self._moment())
            happenings += [(at, person, "call", "") for at in times]
        for at_ms, person, kind, subject in sorted(happenings, key=lambda one: (one[0], one[1].phone, one[2])):
            if kind == "call":
                yield self._call(person, at_ms, number)
            else:
                yield self._event(person, at_ms, kind, subject)

    def _moment(self) -> int:
        """Within shop hours, milliseconds of the day."""
        return int((9 + 11 * self._chance.random()) * 3_600_000)

    def _by_itself(self, person: _Person, begin: int) -> Iterator[tuple[int, _Person, str, str]]:
        """What people do without any call."""
        chance = self._chance
        if chance.random() < 0.08 * math.exp(0.5 * person.shopper):
            device = chance.choice(_DEVICES)
            for _ in range(chance.randint(1, 4)):
                yield begin + self._moment(), person, "page_view", device
        if chance.random() < 0.006 * math.exp(0.5 * person.shopper):
            yield begin + self._moment(), person, "order", chance.choice(_DEVICES)
        if chance.random() < 0.004 * math.exp(0.4 * person.loyal):
            yield begin + self._moment(), person, "visit", "人民广场店"
        if chance.random() < 0.004 * math.exp(0.5 * person.shopper):
            yield begin + self._moment(), person, "page_view", chance.choice(_ACCESSORIES)

    def _event(self, person: _Person, at_ms: int, kind: str, subject: str) -> CustomerEvent:
        self._count += 1
        event = CustomerEvent(
            event_id=f"sim-{self._count}",
            kind=kind,
            at_ms=at_ms,
            phone=person.phone,
            subject=subject,
            source={"visit": "门店", "complaint": "工单", "order": "商城"}.get(kind, "小程序"),
        )
        person.events.append(event)
        return event

    def _call(self, person: _Person, at_ms: int, day: int) -> SimCall:
        facts = self._facts(person, at_ms)
        self._consequences(person, facts, at_ms, day)
        person.calls.append((at_ms, facts))
        return SimCall(phone=person.phone, at_ms=at_ms, facts=facts)

    def _facts(self, person: _Person, at_ms: int) -> CallFacts:
        chance = self._chance
        issue = chance.choices([name for name, _ in _ISSUES], [weight for _, weight in _ISSUES])[0]
        again = any(at_ms - at <= 7 * DAY_MS for at, _ in person.calls)
        negative = chance.random() < _odds(-1.3 + 0.8 * person.irritable + 0.9 * again - 0.8 * (issue == "其他"))
        buying = issue == "其他" and chance.random() < 0.5
        inspected = issue == "技术" and chance.random() < 0.4
        shown = {
            "重复来电": again and chance.random() < 0.5,
            "投诉": negative and chance.random() < 0.3,
            "要求升级": negative and chance.random() < 0.15,
            "回电跟进": chance.random() < (0.45 if negative else 0.25),
            "预约到店": buying and chance.random() < 0.4,
            "门店检测": inspected and chance.random() < 0.6,
            "★高价值线索": buying and chance.random() < 0.35,
            "手机选购": buying,
            "价格敏感": buying and chance.random() < 0.4,
        }
        return CallFacts(
            issue_type=issue,
            sentiment="负面" if negative else "中性",
            worsened=negative and chance.random() < 0.4,
            tags=tuple(name for name, here in shown.items() if here),
            follow_up=chance.random() < (0.6 if inspected or negative else 0.35),
            needs_inspection=inspected,
            priority=1 if negative and again else 3,
        )

    def _consequences(self, person: _Person, facts: CallFacts, at_ms: int, day: int) -> None:
        shift = self._shift if self._shift is not None and day >= self._shift.day else Shift(day=0)
        past = _Past(person, facts, at_ms)
        if self._happens(past.visit() + shift.visit):
            self._plan(person, at_ms, _HORIZON_DAYS, "visit", "人民广场店")
        if self._happens(past.repeat() + shift.repeat):
            person.due.append(self._time(at_ms, _HORIZON_DAYS))
        if self._happens(past.complaint() + shift.complaint):
            self._plan(person, at_ms, _COMPLAINT_DAYS, "complaint", facts.issue_type)
        if self._happens(past.accessory() + shift.accessory):
            self._plan(person, at_ms, _HORIZON_DAYS, "page_view", self._chance.choice(_ACCESSORIES))

    def _happens(self, log_odds: float) -> bool:
        return self._chance.random() < _odds(log_odds)

    def _time(self, at_ms: int, days: int) -> int:
        """The next day or later, within the horizon."""
        return at_ms - at_ms % DAY_MS + (1 + int(self._chance.random() * (days - 1))) * DAY_MS + self._moment()

    def _plan(self, person: _Person, at_ms: int, days: int, kind: str, subject: str) -> None:
        self._later.append((self._time(at_ms, days), person, kind, subject))


class _Past:
    """Log-odds of what follows a call, by the call and what was before it."""

    def __init__(self, person: _Person, facts: CallFacts, at_ms: int) -> None:
        self._person, self._facts, self._at_ms = person, facts, at_ms
        self._negative = facts.sentiment == "负面"

    def _events(self, kind: str, days: int, subjects: Sequence[str] = ()) -> int:
        since = self._at_ms - days * DAY_MS
        found = (one for one in self._person.events if one.kind == kind and since <= one.at_ms <= self._at_ms)
        return sum(not subjects or one.subject in subjects for one in found)

    def _calls(self, days: int) -> int:
        return sum(self._at_ms - at <= days * DAY_MS for at, _ in self._person.calls)

    def visit(self) -> float:
        appointed = any(tag in ("预约到店", "门店检测") for tag in self._facts.tags)
        lead = "★高价值线索" in self._facts.tags
        looked = self._events("page_view", 7, _DEVICES) >= 3
        been = self._events("visit", 90) > 0
        return -2.7 + 2.4 * appointed + 0.9 * lead + 0.6 * looked + 0.6 * been + 0.3 * self._person.loyal

    def repeat(self) -> float:
        waits = "回电跟进" in self._facts.tags
        technical = self._facts.issue_type == "技术"
        own = 0.4 * self._person.irritable
        return -2.2 + 0.9 * self._negative + 0.7 * technical + 0.6 * waits + 0.5 * min(2, self._calls(7)) + own

    def complaint(self) -> float:
        said = any(tag in ("投诉", "要求升级") for tag in self._facts.tags)
        before = self._events("complaint", 180) > 0
        return -4.0 + 1.3 * self._negative + 1.4 * said + 0.9 * before + 0.5 * min(3, self._calls(14))

    def accessory(self) -> float:
        bought = self._events("order", 7, _DEVICES) > 0
        looked = self._events("page_view", 14, _ACCESSORIES) > 0
        return -2.6 + 1.9 * bought + 1.2 * looked + 0.4 * self._person.shopper


def histories(
    model: ForecastModel,
    *,
    seed: int,
    days: int,
    customers: int,
    calls_a_day: float,
    shift: Shift | None = None,
    margin: int = 30,
) -> Mapping[str, list[Case]]:
    """Cases out of a town, by tag, in order of time, without the first and the last ``margin`` days."""
    world = World(seed=seed, customers=customers, calls_a_day=calls_a_day, start_ms=_START_MS, shift=shift)
    calls: dict[str, list[SimCall]] = {}
    events: dict[str, list[CustomerEvent]] = {}
    for number in range(days):
        for happening in world.day(number):
            if isinstance(happening, SimCall):
                calls.setdefault(happening.phone, []).append(happening)
            else:
                events.setdefault(happening.phone, []).append(happening)
    cases: dict[str, list[Case]] = {tag.name: [] for tag in model.tags}
    for phone, own in calls.items():
        for call in own:
            if _START_MS + margin * DAY_MS <= call.at_ms < _START_MS + (days - margin) * DAY_MS:
                for tag, case in _cases(model, call, events.get(phone, []), own):
                    cases[tag].append(case)
    return {name: sorted(held, key=lambda case: (case.at_ms, case.customer)) for name, held in cases.items()}


def _cases(
    model: ForecastModel, call: SimCall, events: Sequence[CustomerEvent], calls: Sequence[SimCall]
) -> Iterator[tuple[str, Case]]:
    earlier = [earlier_call(other) for other in calls if other.at_ms < call.at_ms]
    features = features_of(call.facts, events, earlier, call.at_ms)
    for tag in model.tags:
        until = call.at_ms + tag.horizon_days * DAY_MS
        happened = came_true(tag.outcome, events, calls, call.at_ms, until)
        yield tag.name, Case(customer=call.phone, features=features, happened=happened, at_ms=call.at_ms)


def earlier_call(call: SimCall) -> EarlierCall:
    """As a later call of the same number sees it."""
    return EarlierCall(
        at_ms=call.at_ms,
        complained=any(tag in ("投诉", "要求升级") for tag in call.facts.tags),
        negative=call.facts.sentiment == "负面",
    )


def came_true(
    rule: OutcomeRule, events: Sequence[CustomerEvent], calls: Sequence[SimCall], after_ms: int, until_ms: int
) -> bool:
    """Whether an event or a call after ``after_ms``, up to ``until_ms``, is what was foretold."""
    if any(after_ms < event.at_ms <= until_ms and rule.counts(event) for event in events):
        return True
    later = [earlier_call(call) for call in calls if after_ms < call.at_ms <= until_ms]
    return (rule.calls == "any" and bool(later)) or (rule.calls == "complaint" and any(one.complained for one in later))


def _odds(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))
