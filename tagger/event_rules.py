"""Derived tags: a small declarative language over what customers did, such as 小程序浏览3次无线耳机.

A rule is a ``[[tag]]`` table of a TOML file (``data/event_rules.toml``; docs/record.md has the whole language). It
holds conditions under ``all`` (every one), ``any`` (at least one) and ``none`` (not one); a condition counts events of
some kinds within a time, and may ask for a least or a greatest number and for how long ago the newest may be. Where
the first condition says ``each``, the rule is asked once for every value of that field, and the tag may name it.
"""

import re
import string
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

from callcue.core.customer_events import CustomerEvent
from callcue.core.errors import BadInput

EVENT_RULES_NAME = "events/1"
"""As written beside its findings."""
EVENT_EVIDENCE = "event:"
"""Evidence of a derived tag: this and the event's id, where tags from speech have segment ids."""
MAX_TAG = 64
MAX_RULES = 500
MAX_DAYS = 730
MAX_EVIDENCE = 10
MAX_VALUES = 3
"""Values of ``each`` for which one rule speaks at the same time: those with most events."""
_FILE = Path(__file__).parent / "data" / "event_rules.toml"
_UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
_TAG_KEYS = {"tag", "probability", "all", "any", "none"}
_CONDITION_KEYS = {
    "kind", "subject", "subject_matches", "source", "source_matches", "within", "at_least", "at_most", "newest_within",
    "oldest_before", "each",
}  # fmt: skip
_FIELDS = ("subject", "source")
_PLACES = {"count", "subject", "source"}

Each = Literal["subject", "source"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Which events count, and how many there have to be."""

    kinds: frozenset[str]
    subject: re.Pattern[str] | None
    source: re.Pattern[str] | None
    within_ms: int
    """Events older than this do not count."""
    at_least: int
    at_most: int | None
    newest_within_ms: int | None
    """The newest one may be at most so old."""
    oldest_before_ms: int | None
    """The oldest one has to be at least so old: somebody who comes back."""
    each: Each | None

    def counted(self, events: Sequence[CustomerEvent], now_ms: int) -> list[CustomerEvent]:
        """The events that count, newest first."""
        found = [
            event
            for event in events
            if event.kind in self.kinds
            and 0 <= now_ms - event.at_ms <= self.within_ms
            and (self.subject is None or self.subject.search(event.subject))
            and (self.source is None or self.source.search(event.source))
        ]
        return sorted(found, key=lambda event: (-event.at_ms, event.event_id))

    def holds(self, found: Sequence[CustomerEvent], now_ms: int) -> bool:
        """Whether the events counted are enough, and none too many."""
        if len(found) < self.at_least or (self.at_most is not None and len(found) > self.at_most):
            return False
        if self.newest_within_ms is not None and (not found or now_ms - found[0].at_ms > self.newest_within_ms):
            return False
        return self.oldest_before_ms is None or (bool(found) and now_ms - found[-1].at_ms >= self.oldest_before_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRule:
    """One derived tag."""

    tag: str
    """With ``{count}``, ``{subject}`` and ``{source}`` of the first condition's events; empty where they differ."""
    probability: float
    """Assumed: how often the tag means what it says. The events themselves are certain."""
    all: tuple[Condition, ...]
    any: tuple[Condition, ...]
    none: tuple[Condition, ...]
    place: int
    """Its number in the file, from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedTag:
    """A tag that a rule gives, and the events that made it."""

    tag: str
    probability: float
    evidence: tuple[str, ...]
    """``event:`` and the id, newest first, at most 10."""
    key: str
    """Rule and value: a later tag of the same key replaces this one (3次 becomes 4次)."""


def apply_rules(rules: Sequence[EventRule], events: Sequence[CustomerEvent], now_ms: int) -> list[DerivedTag]:
    """The derived tags of one customer at a moment, in the order of the rules; each text once."""
    found: dict[str, DerivedTag] = {}
    for rule in rules:
        for tag in _of_rule(rule, events, now_ms):
            found.setdefault(tag.tag, tag)
    return list(found.values())


def _of_rule(rule: EventRule, events: Sequence[CustomerEvent], now_ms: int) -> Iterator[DerivedTag]:
    lead = (rule.all or rule.any)[0]
    if lead.each is None:
        made = _judge(rule, events, now_ms, "")
        if made is not None:
            yield made
        return
    groups: dict[str, int] = {}
    for event in lead.counted(events, now_ms):
        value = str(getattr(event, lead.each))
        if value:
            groups[value] = groups.get(value, 0) + 1
    spoken = 0
    for value in sorted(groups, key=lambda value: (-groups[value], value)):
        own = [event for event in events if getattr(event, lead.each) == value]
        made = _judge(rule, own, now_ms, value, others=events)
        if made is not None:
            yield made
            spoken += 1
        if spoken == MAX_VALUES:
            return


def _judge(
    rule: EventRule, events: Sequence[CustomerEvent], now_ms: int, value: str, others: Sequence[CustomerEvent] = ()
) -> DerivedTag | None:
    """``events``: those of the value that ``each`` stands at; conditions without ``each`` look at ``others`` too."""

    def counted(condition: Condition) -> list[CustomerEvent]:
        return condition.counted(events if condition.each or not others else others, now_ms)

    evidence: list[CustomerEvent] = []
    first: list[CustomerEvent] = []
    for condition in rule.all:
        found = counted(condition)
        if not condition.holds(found, now_ms):
            return None
        first = first or found
        evidence += found
    if rule.any:
        holding = [found for condition in rule.any if condition.holds(found := counted(condition), now_ms)]
        if not holding:
            return None
        first = first or holding[0]
        evidence += holding[0]
    if any(condition.holds(counted(condition), now_ms) for condition in rule.none):
        return None
    tag = rule.tag.format(count=len(first), subject=_common(first, "subject"), source=_common(first, "source"))
    ids = dict.fromkeys(f"{EVENT_EVIDENCE}{event.event_id}" for event in evidence)
    return DerivedTag(
        tag=tag.strip()[:MAX_TAG],
        probability=rule.probability,
        evidence=tuple(ids)[:MAX_EVIDENCE],
        key=f"{rule.place}:{value}",
    )


def _common(events: Sequence[CustomerEvent], name: str) -> str:
    """What all of them have; empty where they differ: three views in two places are not three views in one."""
    values = {str(getattr(event, name)) for event in events}
    return values.pop() if len(values) == 1 else ""


@cache
def shipped_event_rules() -> tuple[EventRule, ...]:
    """The rules that come with CallCue."""
    return read_event_rules(_FILE)


def read_event_rules(path: Path) -> tuple[EventRule, ...]:
    """The rules of a file. Raises BadInput that names the rule at fault and what it may say."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise BadInput(f"the event rules in {path} cannot be read: {error}") from error
    return parse_event_rules(text, path.name)


def parse_event_rules(text: str, name: str) -> tuple[EventRule, ...]:
    """The rules of a text in TOML; ``name`` is how errors call it. Raises BadInput."""
    try:
        held = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{name} is not TOML: {error}") from error
    _known(held, {"tag"}, name)
    rows = held.get("tag", [])
    if not isinstance(rows, list) or len(rows) > MAX_RULES:
        raise BadInput(f"{name}: write each rule as a [[tag]] table, at most {MAX_RULES} of them")
    return tuple(_rule(row, number, f"{name}, rule {number}") for number, row in enumerate(rows, 1))


def _rule(row: Any, number: int, where: str) -> EventRule:
    if not isinstance(row, dict):
        raise BadInput(f"{where}: a rule is a [[tag]] table")
    tag = row.get("tag")
    if not isinstance(tag, str) or not tag.strip() or len(tag) > MAX_TAG:
        raise BadInput(f"{where}: tag must be a text of 1 to {MAX_TAG} characters")
    where = f"{where} ({tag})"
    _known(row, _TAG_KEYS, where)
    _check_template(tag, where)
    probability = row.get("probability", 0.9)
    if not isinstance(probability, float) or not 0.0 < probability < 1.0:
        raise BadInput(f"{where}: probability must be a number above 0 and below 1, such as 0.9")
    conditions = {part: _conditions(row.get(part, []), f"{where}, {part}") for part in ("all", "any", "none")}
    if not conditions["all"] and not conditions["any"]:
        raise BadInput(f"{where}: needs at least one condition under all or any; none alone would tag everybody")
    lead = (conditions["all"] or conditions["any"])[0]
    if any(c.each for part in conditions.values() for c in part if c is not lead and c.each != lead.each):
        raise BadInput(f"{where}: each may differ from that of the first condition in no other one")
    return EventRule(tag=tag, probability=probability, place=number, **conditions)


def _check_template(tag: str, where: str) -> None:
    try:
        places = [
            (name, spec or kind or "") for _, name, spec, kind in string.Formatter().parse(tag) if name is not None
        ]
    except ValueError as error:
        raise BadInput(f"{where}: the braces of the tag do not match ({error})") from error
    wrong = [name for name, more in places if name not in _PLACES or more]
    if wrong:
        raise BadInput(f"{where}: the tag may hold {{count}}, {{subject}} and {{source}}, not {{{wrong[0][:30]}}}")


def _conditions(rows: Any, where: str) -> tuple[Condition, ...]:
    if not isinstance(rows, list):
        raise BadInput(f'{where}: must be a list of conditions: [{{ kind = "visit", within = "30d" }}]')
    return tuple(_condition(row, f"{where} {number}") for number, row in enumerate(rows, 1))


def _condition(row: Any, where: str) -> Condition:
    if not isinstance(row, dict):
        raise BadInput(f'{where}: a condition is a table such as {{ kind = "visit", within = "30d" }}')
    _known(row, _CONDITION_KEYS, where)
    kinds = row.get("kind")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not isinstance(kinds, list) or not kinds or not all(isinstance(kind, str) and kind for kind in kinds):
        raise BadInput(f"{where}: needs kind, one kind of event or a list of them")
    each = row.get("each")
    if each is not None and each not in _FIELDS:
        raise BadInput(f"{where}: each is subject or source")
    within = _duration(row, "within", where)
    if within is None:
        raise BadInput(f'{where}: needs within, how far back events count, such as "30d", "12h" or "90m"')
    least, most = _count(row, "at_least", where), _count(row, "at_most", where)
    least = least if least is not None else (0 if most is not None else 1)
    if most is not None and most < least:
        raise BadInput(f"{where}: at_most {most} is less than at_least {least}: it could never hold")
    return Condition(
        kinds=frozenset(kinds),
        subject=_pattern(row, "subject", where),
        source=_pattern(row, "source", where),
        within_ms=within,
        at_least=least,
        at_most=most,
        newest_within_ms=_duration(row, "newest_within", where),
        oldest_before_ms=_duration(row, "oldest_before", where),
        each=cast("Each | None", each),
    )


def _count(row: Mapping[str, Any], name: str, where: str) -> int | None:
    value = row.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 10_000):
        raise BadInput(f"{where}: {name} must be a whole number from 0 to 10000")
    return value


def _duration(row: Mapping[str, Any], name: str, where: str) -> int | None:
    value = row.get(name)
    if value is None:
        return None
    match = re.fullmatch(r"(\d{1,6})([mhd])", value) if isinstance(value, str) else None
    length = int(match[1]) * _UNITS_MS[match[2]] if match else 0
    if not 0 < length <= MAX_DAYS * _UNITS_MS["d"]:
        raise BadInput(f'{where}: {name} must be a time such as "30d", "12h" or "90m", at most {MAX_DAYS}d')
    return length


def _pattern(row: Mapping[str, Any], name: str, where: str) -> re.Pattern[str] | None:
    """``subject = "x"`` is the whole text, ``subject_matches = "x"`` a regular expression found in it."""
    whole, part = row.get(name), row.get(f"{name}_matches")
    if whole is None and part is None:
        return None
    if whole is not None and part is not None:
        raise BadInput(f"{where}: {name} and {name}_matches exclude each other")
    given = whole if whole is not None else part
    if not isinstance(given, str) or not given:
        raise BadInput(f"{where}: {name} must be a text that is not empty")
    try:
        return re.compile(f"^{re.escape(given)}$" if whole is not None else given, re.IGNORECASE)
    except re.error as error:
        raise BadInput(f"{where}: {name}_matches is not a regular expression ({error})") from error


def _known(row: Mapping[str, Any], keys: set[str], where: str) -> None:
    unknown = set(row) - keys
    if unknown:
        raise BadInput(f"{where}: unknown keys {', '.join(sorted(unknown))}; known are {', '.join(sorted(keys))}")


def fired_since(before: Sequence[DerivedTag], now: Sequence[DerivedTag]) -> list[tuple[DerivedTag, str | None]]:
    """What is new in ``now``, each with the text of the tag of the same key that it replaces."""
    held = {tag.key: tag.tag for tag in before}
    return [(tag, held.get(tag.key)) for tag in now if held.get(tag.key) != tag.tag]
