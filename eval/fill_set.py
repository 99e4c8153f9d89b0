"""Calls as text with the fields that their records ought to have; ``fill_calls.txt`` tells its form."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, cast

from callcue.core.customer_events import CustomerEvent
from callcue.core.errors import BadInput
from callcue.core.speech import Utterance
from eval.call_set import STARTED_AT
from nlu.normalise import Normaliser

SHIPPED = Path(__file__).parent / "fill_calls.txt"
RULES = Path(__file__).parent / "fill_rules.toml"
_HEAD = re.compile(r"## (\S+) (dev|test) (.+)")
_EVENT = re.compile(r"(\S+) (\d{4}-\d\d-\d\d) (\S+) (\S+)")
_PER_CHARACTER_MS, _PAUSE_MS = 200, 600

Set = Literal["dev", "test"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedAction:
    """One next action that a record ought to have."""

    who: str
    channel: str
    """Empty: none."""
    due: str
    """A day; empty: none."""
    words: tuple[str, ...]
    """At least one of them stands in it."""


@dataclass(slots=True, kw_only=True)
class FillCall:
    """One call and its record."""

    id: str
    set: Set
    note: str
    told: dict[str, str] = field(default_factory=dict)
    """``dialled``, ``origin``, ``caller``, ``segment``."""
    events: list[CustomerEvent] = field(default_factory=list)
    turns: list[tuple[str, str]] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    """Fields with one value."""
    words: dict[str, list[str]] = field(default_factory=dict)
    """Fields with several, or with text: a word of each entry."""
    actions: list[WantedAction] = field(default_factory=list)
    channels: tuple[str, ...] = ()

    @property
    def started_at(self) -> datetime:
        """When it began."""
        return datetime.fromisoformat(STARTED_AT)

    def utterances(self) -> Sequence[Utterance]:
        """The turns as perfect finals, ids ``s1``, ``s2``, …"""
        normaliser, at_ms = Normaliser(), 500
        heard = []
        for number, (speaker, text) in enumerate(self.turns, 1):
            end_ms = at_ms + _PER_CHARACTER_MS * len(text)
            heard.append(
                Utterance(
                    call_id=self.id,
                    channel="caller" if speaker == "c" else "agent",
                    segment_id=f"s{number}",
                    start_ms=at_ms,
                    end_ms=end_ms,
                    raw_text=text,
                    text=normaliser.normalise(text, "zh").text,
                    language="zh",
                    confidence=1.0,
                )
            )
            at_ms = end_ms + _PAUSE_MS
        return heard


SINGLE = ("channel", "category", "service_status", "coordinator.name")
WORDED = ("offline_trace", "online_history", "persona_tags", "culture_notes")


def read_fill_calls(path: Path) -> list[FillCall]:
    """The calls of a file. Raises BadInput that names the line."""
    calls: list[FillCall] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        where = f"{path}, line {number}"
        if line.startswith("## "):
            head = _HEAD.fullmatch(line)
            if head is None:
                raise BadInput(f"{where}: a call begins with '## ID dev|test NOTE'")
            calls.append(FillCall(id=head[1], set=cast(Set, head[2]), note=head[3]))
        elif line.strip() and not line.startswith("#"):
            mark, _, rest = line.partition(" ")
            if not calls or mark not in _READERS or not rest.strip():
                raise BadInput(f"{where}: a line is '! WHAT VALUE', '= FIELD VALUE', 'c TEXT' or 'a TEXT' of a call")
            _READERS[mark](calls[-1], rest.strip(), where)
    if not calls:
        raise BadInput(f"{path} holds no calls")
    return calls


def _given(call: FillCall, rest: str, where: str) -> None:
    name, _, value = rest.partition(" ")
    if name != "event":
        call.told[name] = value
        return
    told = _EVENT.fullmatch(value)
    if told is None:
        raise BadInput(f"{where}: an event is 'event KIND YYYY-MM-DD SUBJECT SOURCE'")
    call.events.append(
        CustomerEvent(
            event_id=f"{call.id}-{len(call.events) + 1}",
            kind=told[1],
            at_ms=int(datetime.fromisoformat(f"{told[2]}T15:00:00+08:00").timestamp() * 1000),
            phone=call.told.get("caller", "13800138000"),
            subject="" if told[3] == "-" else told[3],
            source="" if told[4] == "-" else told[4],
        )
    )


def _expected(call: FillCall, rest: str, where: str) -> None:
    name, _, value = rest.partition(" ")
    if name == "next_actions":
        parts = value.split(" ")
        if len(parts) != 4:
            raise BadInput(f"{where}: next_actions is 'WHO CHANNEL DUE WORD'")
        who, channel, due, words = ("" if part == "-" else part for part in parts)
        call.actions.append(WantedAction(who=who, channel=channel, due=due, words=tuple(words.split("|"))))
    elif name == "action_channels":
        call.channels = tuple(part.strip() for part in value.split(">"))
    elif name in SINGLE:
        call.values[name] = value
    elif name in WORDED:
        call.words.setdefault(name, []).append(value)
    else:
        raise BadInput(f"{where}: {name[:40]!r} is not scored here")


def _said(speaker: str) -> Callable[[FillCall, str, str], None]:
    return lambda call, rest, where: call.turns.append((speaker, rest))


_READERS = {"!": _given, "=": _expected, "c": _said("c"), "a": _said("a")}
