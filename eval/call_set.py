"""A set of test calls: ``DIR/cards.jsonl`` and, per call, ``DIR/calls/<id>.json`` with its recording ``<id>.flac``.

Turns say what a good agent wants on the screen at their end (``cards``), which of those are to be pushed now
(``new_cards``), and what is not needed but not wrong (``also_ok``). The format is described in docs/evaluation.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from callcue.core.errors import BadInput
from callcue.core.speech import Channel, Language
from eval.data import number_field, read_json, text_field

STARTED_AT = "2026-11-23T10:00+08:00"
"""When a call began whose file does not say so; relative dates are resolved from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn of a call and what should be on the screen."""

    channel: Channel
    start_ms: int
    end_ms: int
    text: str
    cards: frozenset[str] = frozenset()
    new_cards: tuple[str, ...] = ()
    also_ok: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedCall:
    """One test call."""

    id: str
    audio: Path
    language: Language
    started_at: datetime
    turns: tuple[Turn, ...]
    """In order of their start."""
    record: Mapping[str, object] = field(default_factory=dict)
    """The expected record, as in the file; empty where the file has none."""

    @property
    def wanted(self) -> int:
        """Cards that should be pushed."""
        return sum(len(turn.new_cards) for turn in self.turns)


def read_calls(folder: Path, limit: int | None = None) -> list[ScriptedCall]:
    """The calls in order of their names. Raises BadInput."""
    files = sorted((folder / "calls").glob("*.json"))[:limit]
    if not files:
        raise BadInput(f"{folder / 'calls'} holds no calls (<id>.json with <id>.flac)")
    return [read_call(file) for file in files]


def read_call(file: Path) -> ScriptedCall:
    """One call. Raises BadInput that says where."""
    obj = read_json(file)
    audio = file.with_suffix(".flac")
    if not audio.is_file():
        raise BadInput(f"{audio} is missing")
    language = obj.get("lang", "zh")
    if language not in ("zh", "en"):
        raise BadInput(f"{file}: lang {language!r} is not zh or en")
    turns, record = obj.get("turns"), obj.get("record", {})
    if not isinstance(turns, list) or not turns or not isinstance(record, dict):
        raise BadInput(f"{file}: a list of turns and an object 'record' are needed")
    read = [_turn(turn, f"{file}, turn {number}") for number, turn in enumerate(turns)]
    return ScriptedCall(
        id=file.stem,
        audio=audio,
        language=language,
        started_at=_started_at(obj.get("started_at") or STARTED_AT, file),
        turns=tuple(sorted(read, key=lambda turn: turn.start_ms)),
        record=record,
    )


def _turn(obj: object, where: str) -> Turn:
    if not isinstance(obj, dict):
        raise BadInput(f"{where} is not an object")
    channel = obj.get("channel")
    if channel not in ("caller", "agent"):
        raise BadInput(f"{where}: channel {channel!r} is not caller or agent")
    return Turn(
        channel=channel,
        start_ms=int(number_field(obj, "start_ms", where)),
        end_ms=int(number_field(obj, "end_ms", where)),
        text=text_field(obj, "text", where),
        cards=frozenset(_ids(obj, "cards", where)),
        new_cards=_ids(obj, "new_cards", where),
        also_ok=frozenset(_ids(obj, "also_ok", where)),
    )


def _ids(obj: dict[str, object], name: str, where: str) -> tuple[str, ...]:
    value = obj.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadInput(f"{where}: {name} is not a list of card ids")
    return tuple(value)


def _started_at(value: object, file: Path) -> datetime:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise BadInput(f"{file}: started_at {value!r} is no ISO 8601 time") from error
    if moment.tzinfo is None:
        raise BadInput(f"{file}: started_at {value!r} has no offset from UTC")
    return moment
