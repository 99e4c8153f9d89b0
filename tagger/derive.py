"""Fields that follow from the signals of a whole call: combined tags, lifecycle, inspection, priority."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

HIGH_VALUE = "★高价值线索"
_INSPECTIONS = ("store_inspection", "home_inspection", "ship_inspection")
_FAULTS = ("fault", "network", "signal", "login", "app_fault", "one_side")
_MOST_URGENT = ("escalate", "threat", "fraud", "danger", "repeat", "angry")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A signal as seen on the call so far."""

    probability: float
    evidence: tuple[str, ...]
    """Segment ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """A value for a field that follows from signals."""

    field: str
    value: str | int | bool
    probability: float
    evidence: tuple[str, ...]


def derive(signals: Mapping[str, Shown], issue: str | None) -> Iterator[Derived]:
    """What follows from ``signals`` (by name), at most one value for each single field; ``issue``: the type so far."""
    yield from _lead(signals)
    yield from _products(signals, issue)
    yield from _inspection(signals, issue)
    yield from _lifecycle(signals, issue)
    yield from _priority(signals)


def _from(field: str, value: str | int | bool, *shown: Shown) -> Derived:
    evidence = tuple(dict.fromkeys(segment for one in shown for segment in one.evidence))
    return Derived(field=field, value=value, probability=min(one.probability for one in shown), evidence=evidence)


def is_lead(signals: Mapping[str, Shown]) -> bool:
    """A budget together with choosing or comparing."""
    return "budget" in signals and "prospect" in signals and "selection" in signals


def _lead(signals: Mapping[str, Shown]) -> Iterator[Derived]:
    if is_lead(signals):
        yield _from("tags", HIGH_VALUE, signals["budget"], signals["prospect"], signals["selection"])


def _products(signals: Mapping[str, Shown], issue: str | None) -> Iterator[Derived]:
    """The product of a purchase, and of a fault that was told apart from its product."""
    products = [name.partition(":")[2] for name in signals if name.startswith("product:")]
    if not products:
        return
    first = signals[f"product:{products[0]}"]
    if "prospect" in signals and issue in (None, "其他"):
        yield _from("tags", f"{products[0]}选购", signals["prospect"], first)
    if "fault" in signals and issue == "技术" and not any(name.startswith("fault:") for name in signals):
        yield _from("tags", f"{products[0]}故障", signals["fault"], first)


def _inspection(signals: Mapping[str, Shown], issue: str | None) -> Iterator[Derived]:
    """Only where something is wrong: to look at a new car in the showroom is no inspection."""
    held = [signals[name] for name in _INSPECTIONS if name in signals]
    faulty = issue == "技术" or any(name in signals for name in _FAULTS)
    if held and faulty:
        yield _from("needs_offline_inspection", True, held[0])
        yield _from("tags", "需线下检测", held[0])


def _lifecycle(signals: Mapping[str, Shown], issue: str | None) -> Iterator[Derived]:
    prospect = signals.get("prospect") if issue in (None, "其他") else None
    again, loyal, first = (signals.get(name) for name in ("again", "loyal", "first_time"))
    if prospect and again:
        yield _from("lifecycle", "复购", prospect, again)
    elif loyal:
        yield _from("lifecycle", "忠诚", loyal)
    elif prospect:
        yield _from("lifecycle", "潜客", prospect)
    elif first:
        yield _from("lifecycle", "新客", first)
    elif again:
        yield _from("lifecycle", "复购", again)


def _priority(signals: Mapping[str, Shown]) -> Iterator[Derived]:
    pressing = [signals[name] for name in _MOST_URGENT if name in signals]
    if pressing:
        yield _from("priority", 1, max(pressing, key=lambda one: one.probability))
    elif is_lead(signals):
        yield _from("priority", 2, signals["budget"])
    elif "urgent" in signals:
        yield _from("priority", 2, signals["urgent"])
