"""The schema in force: the standard fields, what the configuration changes about them, and the fields that it adds.

A configuration is one version of the added part. Fields of earlier versions that are not in the newest are *retired*:
records keep their values, which are shown and can be cleared, but nobody is asked for them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, floor
from types import MappingProxyType
from typing import get_args

from callcue.core.errors import BadInput, NotAllowed
from callcue.core.field_spec import READERS, FieldKind, FieldSpec, Value
from callcue.core.field_values import MAX_ENTRY, check_value, is_filled
from callcue.core.records import STANDARD_FIELDS, CallRecord
from callcue.core.roles import Role

CUSTOM_PREFIX = "x."
"""Of the name of every added field, so that no standard field of a later version can take its name."""
CUSTOM_GROUP = "custom"
MAX_CUSTOM = 100
MAX_CHOICES = 300
_NAME = re.compile(r"x\.[a-z][a-z0-9_]{0,47}")
_SINGLE: tuple[FieldKind, ...] = ("notes", "flag", "integer", "number", "amount", "date", "time", "path")
"""Kinds that hold one value only."""
_TELLS = {
    "issue_subtype": ("issue_type",),
    "category": ("channel", "issue_type", "issue_subtype"),
    "response_min": ("handed_off_at", "store_replied_at"),
}
"""Field -> fields whose value it tells: it is seen by those who see all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChoice:
    """What a configuration says of one standard field; None leaves it as it is."""

    name: str
    required: bool | None = None
    choices: tuple[str, ...] | None = None
    """Only of fields with open choices, and of ``category``: other parts of CallCue know the closed ones by name."""
    see: tuple[Role, ...] | None = None
    edit: tuple[Role, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldConfig:
    """One version of the configured part of the schema."""

    fields: tuple[FieldSpec, ...] = ()
    standard: tuple[FieldChoice, ...] = ()

    def checked(self, earlier: Iterable[FieldSpec] = ()) -> "FieldConfig":
        """The same, if it can be used; ``earlier`` are the fields of all versions before. Raises BadInput."""
        if len(self.fields) > MAX_CUSTOM:
            raise BadInput(f"there are {len(self.fields)} added fields; at most {MAX_CUSTOM} are taken")
        for kind, names in (("fields", [f.name for f in self.fields]), ("standard", [c.name for c in self.standard])):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise BadInput(f"{kind} has {', '.join(twice)} twice")
        before = {spec.name: spec for spec in earlier}
        for spec in self.fields:
            _check_spec(spec, before.get(spec.name))
        for choice in self.standard:
            _check_choice(choice)
        _check_labels(self.fields)
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSchema:
    """Every field that a record can have. Immutable: another configuration is another schema."""

    version: int = 0
    """Of the configuration; 0: none was ever made."""
    fields: Mapping[str, FieldSpec] = field(
        default_factory=lambda: MappingProxyType({spec.name: spec for spec in STANDARD_FIELDS})
    )
    """By name; standard ones first, then added, then retired ones."""

    @classmethod
    def of(cls, version: int, config: FieldConfig, earlier: Sequence[FieldSpec] = ()) -> "RecordSchema":
        """The schema that a configuration makes; ``earlier``: fields of the versions before it, the newest of a name
        last."""
        said = {choice.name: choice for choice in config.standard}
        fields = {spec.name: _laid(spec, said.get(spec.name)) for spec in STANDARD_FIELDS}
        fields |= {
            name: _seen_with(fields[name], [fields[told] for told in told_by]) for name, told_by in _TELLS.items()
        }
        fields |= {spec.name: spec for spec in config.fields}
        gone = {
            spec.name: replace(spec, retired=True, required=False, default=None)
            for spec in earlier
            if spec.name not in fields
        }
        return cls(version=version, fields=MappingProxyType(fields | gone))

    def with_choices(self, choices: Mapping[str, tuple[str, ...]]) -> "RecordSchema":
        """The same, with other choices for the fields named."""
        fields = {
            name: replace(spec, choices=choices[name]) if name in choices else spec
            for name, spec in self.fields.items()
        }
        return replace(self, fields=MappingProxyType(fields))

    def seen_by(self, role: Role) -> tuple[FieldSpec, ...]:
        """The fields that a role may see."""
        return tuple(spec for spec in self.fields.values() if role in spec.see)

    def may_see(self, name: str, role: Role) -> bool:
        """Whether a role may see a field; one that no schema ever had is the administrator's."""
        spec = self.fields.get(name)
        return role == "admin" if spec is None else role in spec.see

    def check(self, name: str, value: Value, role: Role) -> Value:
        """``value`` as the field keeps it, set by a person of this role. Raises BadInput or NotAllowed."""
        spec = self.fields.get(name)
        if spec is None or role not in spec.see:
            known = ", ".join(each.name for each in self.seen_by(role) if not each.computed and not each.retired)
            raise BadInput(f"the record has no field {name[:64]!r}; it has {known}")
        if spec.computed:
            raise BadInput(f"{name} is worked out of the call and of other fields; nobody sets it")
        if role not in spec.edit:
            raise NotAllowed(f"the role {role} may not set {name}; these may: {', '.join(spec.edit) or 'none'}")
        if spec.retired and value is not None:
            raise BadInput(f"{name} is not in use any more; its value is kept, and null clears it")
        return check_value(spec, value)

    def missing(self, record: CallRecord, extra: Mapping[str, Value] | None = None) -> tuple[str, ...]:
        """Required fields without a value; ``extra`` has what is known beside the record."""
        known = extra or {}
        return tuple(
            spec.name
            for spec in self.fields.values()
            if spec.required and not is_filled(spec, held_or_default(record, spec, known.get(spec.name)))
        )


def held_or_default(record: CallRecord, spec: FieldSpec, known: Value = None) -> Value:
    """The value that counts: what the record has (also when a person emptied it), else what is known beside it, else
    the default."""
    held = record.fields.get(spec.name)
    if held is not None and (held.value is not None or held.source == "person"):
        return held.value
    return spec.default if known is None else known


def _laid(spec: FieldSpec, choice: FieldChoice | None) -> FieldSpec:
    if choice is None:
        return spec
    return replace(
        spec,
        required=spec.required if choice.required is None else choice.required,
        choices=spec.choices if choice.choices is None else choice.choices,
        see=spec.see if choice.see is None else choice.see,
        edit=spec.edit if choice.edit is None else choice.edit,
    )


def _seen_with(spec: FieldSpec, told: Sequence[FieldSpec]) -> FieldSpec:
    see = tuple(role for role in spec.see if all(role in other.see for other in told))
    return replace(spec, see=see, edit=tuple(role for role in spec.edit if role in see))


def _check_spec(spec: FieldSpec, before: FieldSpec | None) -> None:
    if not _NAME.fullmatch(spec.name):
        raise BadInput(
            f"the field name {spec.name[:64]!r} is not usable: {CUSTOM_PREFIX} and then up to 48 small letters, digits "
            "and _, the first a letter"
        )
    if spec.kind not in get_args(FieldKind) or spec.computed:
        raise BadInput(f"{spec.name}: kind is one of {', '.join(get_args(FieldKind))}")
    for name, label in (("label", spec.label), ("label_en", spec.label_en)):
        if not 0 < len(label) <= MAX_ENTRY or label != label.strip() or not label.isprintable():
            raise BadInput(f"{spec.name}: {name} is a text of 1 to {MAX_ENTRY} characters without outer blanks")
    if spec.many and spec.kind in _SINGLE:
        raise BadInput(f"{spec.name}: a field of kind {spec.kind} holds one value")
    if before is not None and (before.kind, before.many) != (spec.kind, spec.many):
        raise BadInput(
            f"{spec.name} was once of kind {before.kind}{' with several values' if before.many else ''}, and records "
            "hold such values: give the new field another name"
        )
    _check_choices(spec.name, spec.choices, needed=spec.kind == "choice", allowed=spec.kind in ("choice", "path"))
    if spec.open_choices and not spec.choices:
        raise BadInput(f"{spec.name}: open_choices goes with choices, and there are none")
    _check_range(spec)
    _check_roles(spec.name, spec.see, spec.edit)
    _check_fillable(spec)
    if check_value(spec, spec.default) != spec.default or (
        spec.default is not None and not is_filled(spec, spec.default)
    ):
        raise BadInput(f"{spec.name}: its default is no whole value as the field keeps it; correct it, or leave it out")


def _check_choice(choice: FieldChoice) -> None:
    spec = next((spec for spec in STANDARD_FIELDS if spec.name == choice.name), None)
    if spec is None:
        raise BadInput(f"there is no standard field {choice.name[:64]!r}")
    if choice.choices is not None:
        allowed = spec.open_choices or spec.kind == "path"
        _check_choices(spec.name, choice.choices, needed=spec.kind == "choice", allowed=allowed)
    if choice.required and spec.computed:
        raise BadInput(f"{spec.name} is computed and cannot be required")
    if spec.computed and choice.edit:
        raise BadInput(f"{spec.name} is computed: nobody edits it")
    laid = _laid(spec, choice)
    _check_roles(spec.name, laid.see, laid.edit)
    _check_fillable(laid)


def _check_fillable(spec: FieldSpec) -> None:
    if spec.required and not spec.edit and spec.default is None:
        raise BadInput(f"{spec.name} is required and nobody may edit it: no record could be confirmed without it")


def _check_range(spec: FieldSpec) -> None:
    low, high = spec.minimum, spec.maximum
    if (low is not None or high is not None) and spec.kind not in ("integer", "number"):
        raise BadInput(f"{spec.name}: minimum and maximum go with the kinds integer and number")
    if low is None or high is None:
        return
    if low > high:
        raise BadInput(f"{spec.name}: minimum is above maximum")
    if spec.kind == "integer" and ceil(low) > floor(high):
        raise BadInput(f"{spec.name}: there is no whole number from minimum to maximum")


def _check_labels(fields: Sequence[FieldSpec]) -> None:
    """Two fields under one label cannot be told apart on the desk and in a table."""
    for part in ("label", "label_en"):
        held = {getattr(spec, part): spec.name for spec in STANDARD_FIELDS}
        for spec in fields:
            label = getattr(spec, part)
            if label in held:
                raise BadInput(f"{spec.name}: its {part} {label!r} is that of {held[label]}, too; give it another one")
            held[label] = spec.name


def _check_choices(name: str, choices: tuple[str, ...], *, needed: bool, allowed: bool) -> None:
    if choices and not allowed:
        raise BadInput(f"{name}: its choices cannot be set")
    if needed and not choices:
        raise BadInput(f"{name}: a choice needs choices")
    if len(choices) > MAX_CHOICES or len(set(choices)) < len(choices):
        raise BadInput(f"{name}: at most {MAX_CHOICES} choices, each once")
    levels = [level for choice in choices for level in choice.split("/")]
    if any(not 0 < len(level) <= MAX_ENTRY or level != level.strip() or not level.isprintable() for level in levels):
        raise BadInput(
            f"{name}: a choice, or each level of a path, is a text of 1 to {MAX_ENTRY} characters without outer blanks"
        )


def _check_roles(name: str, see: tuple[Role, ...], edit: tuple[Role, ...]) -> None:
    for role in (*see, *edit):
        if role not in READERS:
            raise BadInput(f"{name}: the role {role} reads no records; these do: {', '.join(READERS)}")
    unseen = [role for role in edit if role not in see]
    if unseen:
        raise BadInput(f"{name}: {', '.join(unseen)} may edit it but not see it")
    if "admin" not in see:
        raise BadInput(f"{name}: admin sees every field, or nobody could look after it")
