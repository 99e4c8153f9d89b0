"""What differs between two versions of a card, field by field."""

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_CONTEXT = 2
_MOST_LINES = 2_000
"""Lines of a field that are aligned; aligning costs up to the square of it. Beyond, the field is shown as replaced."""
_IGNORED = ("version",)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDiff:
    """One field that differs."""

    field: str
    old: object
    """The JSON value before; None where there was none."""
    new: object
    lines: tuple[str, ...]
    """As people read it: ``- `` gone, ``+ `` new, two blanks for what stays beside them, ``…`` for what is left out."""


def diff_forms(old: Mapping[str, object], new: Mapping[str, object]) -> tuple[FieldDiff, ...]:
    """Differences of two cards in their JSON form, in the order of the fields of ``new``."""
    names = [name for name in dict.fromkeys((*new, *old)) if name not in _IGNORED]
    return tuple(
        FieldDiff(field=name, old=old.get(name), new=new.get(name), lines=_lines(old.get(name), new.get(name)))
        for name in names
        if old.get(name) != new.get(name) or (name == "steps" and _shown(old.get(name)) != _shown(new.get(name)))
    )


def _lines(old: object, new: object) -> tuple[str, ...]:
    before, after = _shown(old), _shown(new)
    if max(len(before), len(after)) > _MOST_LINES:
        return (*(f"- {line}" for line in before), *(f"+ {line}" for line in after))
    found = list(difflib.unified_diff(before, after, n=_CONTEXT, lineterm=""))[2:]
    # unified_diff writes the mark without a blank, and a header before every stretch
    shown = ["…" if line.startswith("@@") else f"{line[0]} {line[1:]}" for line in found]
    return tuple(shown[1:] if shown[:1] == ["…"] else shown)


def _shown(value: object) -> list[str]:
    """A value as lines: a text's own, an entry of a list each, anything else one."""
    if value in (None, [], {}):
        return []
    if isinstance(value, str):
        return value.splitlines()
    if isinstance(value, Sequence):
        return [entry if isinstance(entry, str) else _compact(entry) for entry in value]
    if isinstance(value, Mapping):
        return [f"{name}: {_compact(entry)}" for name, entry in value.items() if entry not in (None, [], {})]
    return [_compact(value)]


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
