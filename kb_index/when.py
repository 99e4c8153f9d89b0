"""Reading and writing a card's ``when``: the conditions that bring it up without a word about it."""

import dataclasses
from typing import Any

from callcue.core.cards import When
from callcue.core.records import LIFECYCLES, SENTIMENTS
from kb_index.fields import FieldReader

MAX_DAYS = 60
"""Of ``birthday_within_days``; further ahead it is no occasion."""
MAX_VALUES = 100
MAX_VALUE = 60
_LISTS = tuple(field.name for field in dataclasses.fields(When) if field.name != "birthday_within_days")
FIELDS = ("birthday_within_days", *_LISTS)
_KNOWN = {"lifecycle": LIFECYCLES, "sentiment": SENTIMENTS}


def read_when(reader: FieldReader) -> When | None:
    """The card's ``when``; None where it is absent or null, or wrong (a finding then says how)."""
    if reader.value("when") is None:
        return None
    child = reader.child("when", reader.value("when"))
    if child is None:
        return None
    child.refuse_unknown(FIELDS)
    lists: dict[str, Any] = {}
    for name in _LISTS:
        lists[name] = child.texts(name, MAX_VALUES, MAX_VALUE)
        known = _KNOWN.get(name, ())
        for value in lists[name]:
            if known and value and value not in known:
                child.finding(name, f"names {value!r}, which never occurs; there are {', '.join(known)}")
        if child.given(name) and child.value(name) == []:
            child.finding(name, "is an empty list and would never hold; name a value or leave the condition out")
    days = None
    if child.value("birthday_within_days") is not None:
        days = child.integer("birthday_within_days", 0, 0, MAX_DAYS)
    if not any(child.given(name) for name in FIELDS):
        reader.finding("when", f"has no condition; give one of {', '.join(FIELDS)}, or leave when out")
    return When(birthday_within_days=days, **lists)


def when_to_json(when: When | None) -> dict[str, object] | None:
    """The import form; conditions that are not set are left out."""
    if when is None:
        return None
    found: dict[str, object] = {name: list(getattr(when, name)) for name in _LISTS if getattr(when, name)}
    if when.birthday_within_days is not None:
        found["birthday_within_days"] = when.birthday_within_days
    return found
