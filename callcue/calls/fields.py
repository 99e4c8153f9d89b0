"""What each field of the record takes from a person."""

from collections.abc import Callable, Mapping

from callcue.core.errors import BadInput
from callcue.core.records import LIFECYCLES, RECORD_FIELDS, SENTIMENTS, Value
from callcue.core.taxonomy import default_taxonomy

MAX_TAGS = 50
MAX_TAG = 64
MAX_TEXT = 2000
"""Characters."""


def check_value(name: str, value: Value, choices: Mapping[str, tuple[str, ...]] | None = None) -> Value:
    """``value`` in the form in which field ``name`` keeps it; None clears the field.

    ``choices`` are what the fields of the taxonomy in force take; default: those of the one that comes with CallCue.
    Raises BadInput that says what the field takes.
    """
    if name not in RECORD_FIELDS:
        raise BadInput(f"the record has no field {name!r}; it has {', '.join(RECORD_FIELDS)}")
    if value is None:
        return None
    chosen = default_taxonomy().choices() if choices is None else choices
    check = _one_of(*chosen[name]) if name in chosen else _CHECKS.get(name, _text)
    return check(name, value)


def _one_of(*choices: str) -> Callable[[str, Value], Value]:
    def check(name: str, value: Value) -> Value:
        if value not in choices:
            raise BadInput(f"{name} takes one of {', '.join(choices)}")
        return value

    return check


def _tags(name: str, value: Value) -> Value:
    if not isinstance(value, tuple) or len(value) > MAX_TAGS or any(not 0 < len(tag) <= MAX_TAG for tag in value):
        raise BadInput(f"{name} takes at most {MAX_TAGS} texts of 1 to {MAX_TAG} characters")
    return tuple(dict.fromkeys(value))


def _priority(name: str, value: Value) -> Value:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 5:
        raise BadInput(f"{name} takes a whole number from 1 (highest) to 5")
    return value


def _flag(name: str, value: Value) -> Value:
    if not isinstance(value, bool):
        raise BadInput(f"{name} takes true or false")
    return value


def _text(name: str, value: Value) -> Value:
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise BadInput(f"{name} takes a text of at most {MAX_TEXT} characters")
    return value


_CHECKS: dict[str, Callable[[str, Value], Value]] = {
    "sentiment": _one_of(*SENTIMENTS),
    "lifecycle": _one_of(*LIFECYCLES),
    "tags": _tags,
    "priority": _priority,
    "needs_offline_inspection": _flag,
}
