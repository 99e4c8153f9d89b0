"""What a centre's configuration says of a record's channel, category, coordinator and traces (``records.rules_file``).

A TOML file; docs/record.md has the whole form. Without one there are no lines and no coordinators, so nothing is filled
that only a configuration can know.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import Formatter
from typing import Any

from callcue.core.customer_events import plain_phone
from callcue.core.errors import BadInput
from callcue.core.field_values import MAX_ENTRY, MAX_LEVELS

RECORD_RULES_NAME = "fill/1"
"""As written beside what these rules fill."""
MAX_ENTRIES = 300
_PLACES = ("channel", "issue_type", "issue_subtype")
_KEYS = {
    "": {"category", "default_channel", "line", "coordinator", "actions", "trace"},
    "line": {"dialled", "channel", "category"},
    "coordinator": {"name", "staff_no", "agent", "channel", "issue_type", "issue_subtype"},
    "actions": {"order", "wechat"},
    "trace": {"offline", "online"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A number that customers dial, and what a call to it says."""

    dialled: str
    """As ``plain_dialled`` writes it."""
    channel: str = ""
    category: str = ""
    """Levels with ``/`` between them; ``{channel}``, ``{issue_type}``, ``{issue_subtype}`` stand for the record's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordinator:
    """Who looks after what goes on in another channel. What is empty does not matter."""

    name: str
    staff_no: str = ""
    agent: str = ""
    """The agent id under which calls are handed over to them."""
    channel: str = ""
    issue_type: str = ""
    issue_subtype: str = ""

    def fits(self, *, channels: Sequence[str], issue_type: str, issue_subtype: str) -> int:
        """How many conditions hold; 0: one of them does not, or there is none."""
        wanted = (
            (self.channel, channels),
            (self.issue_type, (issue_type,)),
            (self.issue_subtype, (issue_subtype,)),
        )
        said = [(name, held) for name, held in wanted if name]
        return len(said) if all(name in held for name, held in said) else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRules:
    """All of it."""

    category: str = ""
    """Of calls whose line says none."""
    default_channel: str = ""
    """Of calls of which neither the intake nor their line says one."""
    lines: tuple[Line, ...] = ()
    coordinators: tuple[Coordinator, ...] = ()
    order: tuple[str, ...] = ()
    """Channels of next actions, the first goes first; others follow in the order in which they were named."""
    wechat: str = "企微"
    """The channel by which customers are written to who say 微信."""
    offline: tuple[str, ...] = ("门店", "POS", "线下", "专柜", "柜台", "营业厅", "网点", "store")
    online: tuple[str, ...] = (
        "小程序", "官网", "APP", "网页", "商城", "电商", "抖音", "直播", "淘宝", "天猫", "京东", "拼多多", "公众号",
        "企微", "微信", "web", "online",
    )  # fmt: skip
    """Words of an event's source that tell where it happened."""
    _by_number: Mapping[str, Line] = field(default_factory=dict)

    def line(self, dialled: str | None) -> Line | None:
        """The line that was dialled, where it is configured."""
        return self._by_number.get(plain_dialled(dialled or ""))

    def coordinator(self, *, channels: Sequence[str], issue_type: str, issue_subtype: str) -> Coordinator | None:
        """The one with most conditions, all of which hold; where two are as near, nobody can tell: None."""
        fits = [
            (one.fits(channels=channels, issue_type=issue_type, issue_subtype=issue_subtype), one)
            for one in self.coordinators
        ]
        best = max((count for count, _ in fits), default=0)
        found = [one for count, one in fits if count == best and count]
        return found[0] if len(found) == 1 else None

    def behind(self, agent: str) -> Coordinator | None:
        """The coordinator to whom calls are handed over under this agent id."""
        return next((one for one in self.coordinators if one.agent and one.agent == agent), None)


def plain_dialled(number: str) -> str:
    """A dialled number as it is compared: a telephone number's digits, or a line's name in small letters."""
    return plain_phone(number) or number.strip().lower()


def category_path(pattern: str, values: Mapping[str, str]) -> str:
    """The levels of a category up to the first one that is not known yet; empty where that is the first."""
    levels: list[str] = []
    for level in pattern.split("/"):
        names = [name for _, name, _, _ in Formatter().parse(level) if name]
        if any(not values.get(name) for name in names):
            break
        levels.append(level.strip().format(**values))
    return "/".join(levels)


def read_record_rules(file: Path) -> RecordRules:
    """The rules in a file. Raises BadInput that names what is wrong and where."""
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"the record rules {file} cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"the record rules {file} are no TOML: {error}") from None
    try:
        return parse_record_rules(told)
    except BadInput as error:
        raise BadInput(f"the record rules {file}: {error.message}") from None


def parse_record_rules(told: Mapping[str, Any]) -> RecordRules:
    """The rules that a parsed file tells. Raises BadInput that names the entry at fault."""
    _known(told, "", "the file")
    lines = tuple(_line(entry, f"line {number}") for number, entry in enumerate(_tables(told, "line"), 1))
    people = _tables(told, "coordinator")
    coordinators = tuple(_coordinator(entry, f"coordinator {number}") for number, entry in enumerate(people, 1))
    by_number = {line.dialled: line for line in lines}
    if len(by_number) < len(lines):
        raise BadInput("the same dialled number stands in two lines")
    rules = RecordRules(
        category=_category(told, "category"),
        default_channel=_text(told, "default_channel", "the file"),
        lines=lines,
        coordinators=coordinators,
        _by_number=by_number,
    )
    actions, trace = _table(told, "actions"), _table(told, "trace")
    return replace(
        rules,
        order=_texts(actions, "order", rules.order),
        wechat=_text(actions, "wechat", "actions") or rules.wechat,
        offline=_texts(trace, "offline", rules.offline),
        online=_texts(trace, "online", rules.online),
    )


def _line(entry: Mapping[str, Any], where: str) -> Line:
    dialled = plain_dialled(_text(entry, "dialled", where))
    if not dialled:
        raise BadInput(f"{where} needs dialled: the number or the name of the line")
    line = Line(dialled=dialled, channel=_text(entry, "channel", where), category=_category(entry, where))
    if not line.channel and not line.category:
        raise BadInput(f"{where} says neither channel nor category")
    return line


def _coordinator(entry: Mapping[str, Any], where: str) -> Coordinator:
    found = Coordinator(**{name: _text(entry, name, where) for name in sorted(_KEYS["coordinator"])})
    if not found.name:
        raise BadInput(f"{where} needs a name")
    if not (found.agent or found.channel or found.issue_type or found.issue_subtype):
        raise BadInput(f"{where} needs agent, channel, issue_type or issue_subtype: when it is theirs")
    if found.staff_no and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:/@#-]{0,63}", found.staff_no):
        raise BadInput(f"{where}: staff_no takes letters and digits, with . _ : / @ # - between them")
    return found


def _category(told: Mapping[str, Any], where: str) -> str:
    pattern = _text(told, "category", where, limit=MAX_ENTRY * MAX_LEVELS)
    if not pattern:
        return ""
    try:
        names = [part[1:] for part in Formatter().parse(pattern)]
    except ValueError:
        raise BadInput(f"{where}: category has a brace without its other one") from None
    if any(name is not None and (name not in _PLACES or spec or how) for name, spec, how in names):
        raise BadInput(f"{where}: category may name {', '.join(f'{{{place}}}' for place in _PLACES)}, and nothing else")
    levels = pattern.split("/")
    if len(levels) > MAX_LEVELS or any(not 0 < len(level.strip()) <= MAX_ENTRY for level in levels):
        raise BadInput(f"{where}: category has 1 to {MAX_LEVELS} levels with / between them, none of them empty")
    return pattern


def _known(entry: Mapping[str, Any], kind: str, where: str) -> None:
    unknown = sorted(set(entry) - _KEYS[kind])
    if unknown:
        raise BadInput(f"{where} has {unknown[0]!r}; it takes {', '.join(sorted(_KEYS[kind]))}")


def _tables(told: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    entries = told.get(kind, [])
    if not isinstance(entries, list) or any(not isinstance(entry, dict) for entry in entries):
        raise BadInput(f"{kind} is written as [[{kind}]] tables")
    if len(entries) > MAX_ENTRIES:
        raise BadInput(f"there are {len(entries)} of [[{kind}]]; at most {MAX_ENTRIES} are taken")
    for number, entry in enumerate(entries, 1):
        _known(entry, kind, f"{kind} {number}")
    return entries


def _table(told: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    entry = told.get(kind, {})
    if not isinstance(entry, dict):
        raise BadInput(f"{kind} is written as a [{kind}] table")
    _known(entry, kind, kind)
    return entry


def _text(entry: Mapping[str, Any], name: str, where: str, limit: int = MAX_ENTRY) -> str:
    value = entry.get(name, "")
    if not isinstance(value, str) or len(value.strip()) > limit or not value.isprintable():
        raise BadInput(f"{where}: {name} is a text of at most {limit} characters")
    return value.strip()


def _texts(entry: Mapping[str, Any], name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    values = entry.get(name, list(default))
    if not isinstance(values, list) or not all(isinstance(v, str) and 0 < len(v.strip()) <= MAX_ENTRY for v in values):
        raise BadInput(f"{name} is a list of texts of 1 to {MAX_ENTRY} characters")
    return tuple(dict.fromkeys(value.strip() for value in values))
