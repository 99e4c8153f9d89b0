"""The one writer of call records: findings of the tagger and edits of people meet here, in order.

Both are checked against the schema. What a person has set is never overwritten by a model or a
rule; their finding stays in the log, as a suggestion.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from weakref import WeakValueDictionary

import structlog

from callcue.calls.issue_fields import agreed, edited
from callcue.calls.patience import append_patiently
from callcue.calls.progress import followed
from callcue.calls.withdrawal import without
from callcue.core.errors import BadInput, Conflict
from callcue.core.events import AnyEvent, RecordUpdated, TagUpdate
from callcue.core.field_spec import FieldSpec
from callcue.core.field_values import MAX_VALUES, check_entry, gives_end, is_end_of, is_whole
from callcue.core.ports import Clock
from callcue.core.record_schema import RecordSchema
from callcue.core.records import CallRecord, FieldChange, FieldValue, TagSuggestion, Value
from callcue.core.roles import Role
from callcue.core.taxonomy import Taxonomy, default_taxonomy
from callcue.infra.calls import CallStore
from callcue.infra.event_log import EventLog
from callcue.infra.records import RecordStore

ATTEMPTS = 5
"""Times that a finding is merged anew after another process changed the record."""
PHONE = "facts.phone"
"""Where nothing else is set, the number that called stands for it."""
_STANDARD = RecordSchema()

_log = structlog.get_logger(__name__)


async def standard_schema() -> RecordSchema:
    """The schema of a service without a configuration."""
    return _STANDARD


EditCheck = Callable[[CallRecord, CallRecord], Awaitable[None]]
"""Asked with the record before and after an edit; raises what speaks against it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edit:
    """What a person wants."""

    call_id: str
    checked: Mapping[str, Value]
    schema: RecordSchema
    by: str
    check: EditCheck | None


class RecordKeeper:
    """Reads and writes records; one lock per call keeps versions in order."""

    def __init__(
        self,
        *,
        log: EventLog,
        store: RecordStore,
        calls: CallStore,
        clock: Clock,
        schema: Callable[[], Awaitable[RecordSchema]] = standard_schema,
        taxonomy: Taxonomy | None = None,
    ) -> None:
        """``taxonomy``: the one that comes with CallCue where none is given."""
        self._log = log
        self._clock = clock
        self._store = store
        self._calls = calls
        self._schema = schema
        self._taxonomy = taxonomy or default_taxonomy()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def schema(self) -> RecordSchema:
        """The schema in force."""
        return await self._schema()

    async def get(self, call_id: str) -> CallRecord:
        """The record as stored; raises NotFound for an unknown call."""
        await self._calls.get(call_id)
        return await self._store.get(call_id)

    async def suggest(
        self, call_id: str, suggestions: Sequence[TagSuggestion], at_ms: int, *, ended: bool = False
    ) -> None:
        """Write the findings, and the record's next version where they change it. Of a call that has ``ended`` only the
        record's: its findings are closed.

        The tagger says a thing once, so this waits for a database that is away, and starts again when another process
        changed the record in between.
        """
        if not suggestions:
            return
        async with self.turn(call_id):
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    await self._suggest(call_id, suggestions, at_ms, ended=ended)
                    break
                except Conflict:
                    if attempt == ATTEMPTS:
                        raise

    async def _suggest(self, call_id: str, suggestions: Sequence[TagSuggestion], at_ms: int, *, ended: bool) -> None:
        record = await self._store.get(call_id)
        events: list[AnyEvent] = [] if ended else [_tag_update(call_id, at_ms, found) for found in suggestions]
        phoned = any(found.field == PHONE for found in suggestions)
        caller = (await self._calls.get(call_id)).caller if phoned else None
        changes = agreed(record, _changes(record, suggestions, await self._schema(), caller), self._taxonomy)
        if changes:
            events.append(RecordUpdated(call_id=call_id, at_ms=at_ms, version=record.version + 1, changes=changes))
        if not events:
            return
        await append_patiently(self._log, self._clock, *events)

    async def withdraw(self, call_id: str, field: str, values: Collection[str], *, by: str, at_ms: int) -> None:
        """Take back what ``by`` (a model or a rule) had added to a field of several values, and nobody else found.

        A field that a person has set stays as it is, and the findings stay in the log.
        """
        async with self.turn(call_id):
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    await self._withdraw(call_id, field, values, by, at_ms)
                    break
                except Conflict:
                    if attempt == ATTEMPTS:
                        raise

    async def _withdraw(self, call_id: str, field: str, values: Collection[str], by: str, at_ms: int) -> None:
        record = await self._store.get(call_id)
        held = record.fields.get(field)
        if held is None or held.source == "person" or not isinstance(held.value, tuple):
            return
        written = await self._log.read_type(call_id, "TagUpdate")
        found = [update for update in written if isinstance(update, TagUpdate) and update.field == field]
        left = without(held, found, values, by)
        if left == held:
            return
        change = FieldChange(field=field, old=held.value, new=left)
        event = RecordUpdated(call_id=call_id, at_ms=at_ms, version=record.version + 1, changes=(change,))
        await append_patiently(self._log, self._clock, event)

    async def edit(
        self,
        call_id: str,
        changes: Mapping[str, Value],
        *,
        by: str,
        role: Role = "admin",
        expected_version: int | None = None,
        check: EditCheck | None = None,
    ) -> CallRecord:
        """A person sets fields (None clears one). Returns the record after it. ``check`` is asked before it is
        written.

        Raises NotFound (call), BadInput (field or value), NotAllowed (the role may not set a field), Conflict
        (``expected_version`` is not the present one), and what ``check`` raises. Without ``expected_version`` the edit
        is made on top of whatever there is, also of what another process writes in the same moment.
        """
        schema = await self._schema()
        checked = {name: schema.check(name, value, role) for name, value in changes.items()}
        await self._calls.get(call_id)
        made = _Edit(call_id=call_id, checked=checked, schema=schema, by=by, check=check)
        async with self.turn(call_id):
            for _ in range(ATTEMPTS - 1 if expected_version is None else 0):
                try:
                    return await self._edit(made, None)
                except Conflict:
                    continue
            return await self._edit(made, expected_version)

    async def _edit(self, edit: _Edit, expected_version: int | None) -> CallRecord:
        call_id = edit.call_id
        record = await self._store.get(call_id)
        if expected_version is not None and expected_version != record.version:
            raise Conflict(
                f"the record is at version {record.version}, not {expected_version}: somebody changed it since it "
                "was read; nothing was written. Read it again and repeat the edit"
            )
        _check_ends(record, edit)
        made = tuple(_person_change(record, name, value, edit.by) for name, value in edit.checked.items())
        made = tuple(change for change in made if record.fields.get(change.field) != change.new)
        made = followed(record, edited(record, made, self._taxonomy))
        if not made:
            return record
        version = record.version + 1
        if edit.check is not None:
            await edit.check(record, record.apply(made, version))
        at_ms = await self._log.last_at_ms(call_id)
        await self._log.append(RecordUpdated(call_id=call_id, at_ms=at_ms, version=version, changes=made))
        return record.apply(made, version)

    def turn(self, call_id: str) -> asyncio.Lock:
        """Who holds it is the only one in this process to change the record."""
        return self._locks.setdefault(call_id, asyncio.Lock())


def _check_ends(record: CallRecord, edit: _Edit) -> None:
    """Raises BadInput where a person would replace a whole number by last digits, which is hardly what they want."""
    for name, value in edit.checked.items():
        spec = edit.schema.fields[name]
        if gives_end(spec, value) and is_whole(spec, record.value(name)):
            raise BadInput(
                f"{name} holds a whole number, and 尾号 gives only the end of one: give the whole number, or clear the "
                "field first (null). Nothing was written"
            )


def _tag_update(call_id: str, at_ms: int, found: TagSuggestion) -> TagUpdate:
    return TagUpdate(
        call_id=call_id,
        at_ms=at_ms,
        field=found.field,
        value=found.value,
        probability=found.probability,
        evidence=found.evidence,
        model=found.model,
        source=found.source,
        fills=found.fills,
    )


def _changes(
    record: CallRecord, suggestions: Sequence[TagSuggestion], schema: RecordSchema, caller: str | None
) -> list[FieldChange]:
    """Fold the findings that fill their field into at most one change per field. What the schema does not take stays
    in the log, as a suggestion, and so do the last digits (尾号) of a number that is known whole."""
    now: dict[str, FieldValue] = {}
    for found in suggestions:
        held = now.get(found.field) or record.fields.get(found.field)
        if not found.fills or (held is not None and held.source == "person"):
            continue
        spec = schema.fields.get(found.field)
        try:
            if spec is None or spec.retired or found.source not in spec.sources:
                raise BadInput(f"a {found.source} may not set {found.field[:64]}")
            value = check_entry(spec, found.value)
        except BadInput:
            _log.warning("record.finding_not_taken", call_id=record.call_id, field=found.field[:64], by=found.model)
            continue
        if gives_end(spec, value) and _known_whole(spec, value, held, caller):
            continue
        now[found.field] = _merged(held, found, spec, value)
    kept = {name: None if value.value is None else value for name, value in now.items()}
    return [
        FieldChange(field=name, old=record.value(name), new=value)
        for name, value in kept.items()
        if record.fields.get(name) != value
    ]


def _known_whole(spec: FieldSpec, end: Value, held: FieldValue | None, caller: str | None) -> bool:
    """Whether the record holds a whole number, or for want of another one the number that called ends so."""
    if held is not None:
        return is_whole(spec, held.value)
    return spec.name == PHONE and is_end_of(end, caller)


def _merged(held: FieldValue | None, found: TagSuggestion, spec: FieldSpec, value: Value) -> FieldValue:
    """``value`` is the finding's as the schema keeps it; of several values it is one more, unless it is all of them."""
    if not spec.many or not isinstance(value, tuple) or isinstance(found.value, tuple):
        return FieldValue(
            value=value,
            probability=found.probability,
            source=found.source,
            by=found.model,
            evidence=found.evidence,
        )
    before = held.value if held is not None and isinstance(held.value, tuple) else ()
    if found.replaces is not None and found.replaces not in value:
        before = tuple(entry for entry in before if entry != found.replaces)
    more = tuple(entry for entry in value if entry not in before)
    if held is not None and (not more or len(before) >= MAX_VALUES):
        return held
    return FieldValue(
        value=(*before, *more),
        probability=min(found.probability, held.probability if held else 1.0),
        source=found.source,
        by=found.model,
        evidence=tuple(dict.fromkeys((*(held.evidence if held else ()), *found.evidence))),
    )


def _person_change(record: CallRecord, name: str, value: Value, by: str) -> FieldChange:
    """A cleared field keeps who cleared it: an empty value of a person stands against models like any other."""
    new = FieldValue(value=value, probability=1.0, source="person", by=by)
    return FieldChange(field=name, old=record.value(name), new=new)
