"""Blots a customer's numbers and ids out of what is stored, by where they may stand and by nothing else.

A source, a channel or an amount of somebody else can happen to read like an id, and an event in which one of those was
replaced could not be read any more.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from callcue.core.field_spec import FieldKind, FieldSpec
from callcue.core.records import STANDARD_FIELDS
from callcue.infra.customer_events import Keys

Place = Literal["key", "words", ""]
"""``key``: holds a number or an id and nothing else. ``words``: a text that may speak of one. Empty: neither."""

LEAST_WRITTEN = 6
"""Characters from which a number or an id is looked for in ``words``; shorter ones could be anything, and go where they
are the whole of a ``key``."""
_KEYS = frozenset({"caller", "dialled", "phone", "customer_id"})
_WORDS = frozenset({"text", "raw_text", "matched", "query", "note", "detail", "heard", "name"})
"""Members of events. None of them has a closed list of values."""
_VALUES = frozenset({"value", "old", "said", "stored"})
"""Members that hold a field's value; the field stands beside them, or the ``kind`` of the fact."""
_FACTS: Mapping[str, Place] = {"phone": "key", "amount": "", "date": "", "purchase_date": "", "return_period": ""}
"""Kinds of facts and of mismatches; all others are words."""
_KINDS: Mapping[FieldKind, Place] = {"phone": "key", "text": "words", "notes": "words", "code": "words"}
"""Of fields; what of the others has another form could not be read or compared any more."""
_ID_FIELD = "cross_channel_id"


def field_places(added: Mapping[str, FieldKind]) -> dict[str, Place]:
    """Where numbers and ids may stand in records; ``added``: the kinds of configured fields, whose codes may be ids."""
    places = {spec.name: _place(spec) for spec in STANDARD_FIELDS}
    return places | {name: "key" if kind == "code" else _KINDS.get(kind, "") for name, kind in added.items()}


def _place(spec: FieldSpec) -> Place:
    return "key" if spec.name == _ID_FIELD else _KINDS.get(spec.kind, "")


@dataclass(frozen=True, slots=True)
class Blot:
    """Replaces numbers and ids by as many ``#``: places in a text stay where they are."""

    keys: Keys
    fields: Mapping[str, Place]
    """By name; a field that is not there is ``words``."""
    _inside: re.Pattern[str] | None = field(init=False)

    def __post_init__(self) -> None:
        phones = [re.escape(phone) for phone in sorted(self.keys.phones) if len(phone) >= LEAST_WRITTEN]
        parts = [rf"(?<!\d)(?:(?:00)?86|0)?{phone}(?!\d)" for phone in phones]
        ids = [re.escape(name) for name in sorted(self.keys.ids) if len(name) >= LEAST_WRITTEN]
        parts += [rf"(?<![\w@-]){name}(?![\w@-])" for name in ids]
        object.__setattr__(self, "_inside", re.compile("|".join(parts)) if parts else None)

    def value(self, value: Any, place: Place) -> Any:
        """A value, or a list of them, that stands in such a place."""
        if isinstance(value, list):
            return [self.value(one, place) for one in value]
        if not isinstance(value, str) or not place:
            return value
        if place == "key" and value in self.keys.phones | self.keys.ids:
            return "#" * len(value)
        return self._inside.sub(lambda found: "#" * len(found[0]), value) if self._inside else value

    def record(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a record as they are stored."""
        return {name: self._held(held, self._of_field(name)) for name, held in fields.items()}

    def event(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """An event as it is stored. What was told of the customer in a call that is another's goes as a whole."""
        blotted = {name: self._member(body, name) for name in body}
        profile = body.get("profile")
        if isinstance(profile, dict) and profile.get("customer_id") in self.keys.ids:
            told = {name: [] if isinstance(value, list) else "" for name, value in profile.items()}
            blotted["profile"] = told | {"customer_id": "#" * len(profile["customer_id"])}
        if body.get("type") == "Alert":
            blotted["reason"] = self.value(body.get("reason"), "words")
        return blotted

    def _member(self, holder: Mapping[str, Any], name: str) -> Any:
        value = holder[name]
        if name == "slots" and isinstance(value, dict):
            return {blank: self.value(text, "key" if blank in _KEYS else "words") for blank, text in value.items()}
        if name in _VALUES:
            return self.value(value, self._beside(holder))
        if name == "new" and isinstance(value, dict):
            return self._held(value, self._beside(holder))
        if isinstance(value, dict):
            return {inner: self._member(value, inner) for inner in value}
        if isinstance(value, list) and any(isinstance(one, dict) for one in value):
            return [{inner: self._member(one, inner) for inner in one} for one in value]
        return self.value(value, "key" if name in _KEYS else "words" if name in _WORDS else "")

    def _held(self, held: Any, place: Place) -> Any:
        return (
            held | {"value": self.value(held["value"], place)} if isinstance(held, dict) and "value" in held else held
        )

    def _beside(self, holder: Mapping[str, Any]) -> Place:
        if "field" in holder:
            return self._of_field(str(holder["field"]))
        return _FACTS.get(str(holder["kind"]), "words") if "kind" in holder else ""

    def _of_field(self, name: str) -> Place:
        return self.fields.get(name, "words")
