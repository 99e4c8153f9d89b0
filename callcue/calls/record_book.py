"""Call records as people read and finish them: what a role may see, what is missing, the clock, lists and a report."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from statistics import median

from callcue.calls.records import ATTEMPTS, RecordKeeper
from callcue.calls.visibility import Visibility
from callcue.core.completion import BY_CALL, CallTimes, Completion, CompletionState, computed_fields, state_of
from callcue.core.errors import BadInput, Conflict
from callcue.core.events import AnyEvent, RecordConfirmed
from callcue.core.ports import Clock
from callcue.core.record_schema import RecordSchema
from callcue.core.records import CallRecord, FieldValue, Value
from callcue.core.roles import Role
from callcue.infra.calls import CallRow, CallStore
from callcue.infra.completions import CompletionStore, Confirmed, Due, DueFilter
from callcue.infra.event_log import EventLog
from callcue.infra.records import RecordStore, RecordVersion
from callcue.infra.schemas import SchemaStore

PAGE = 500
EVENT_SCHEMA_AGE_S = 2.0
"""Seconds after which a change of who may see a field holds for the events of desktops that are connected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRecord:
    """One version of a record, as a role sees it."""

    record: CallRecord
    """What is stored of the fields that the role may see."""
    computed: Mapping[str, FieldValue]
    """What is worked out beside it, and defaults: never stored."""
    completion: Completion
    """Of the newest version, whichever this one is."""
    schema_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordLine:
    """One ended call in a list."""

    call: CallTimes
    seen: SeenRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDifference:
    """One field that differs between two versions."""

    field: str
    old: FieldValue | None
    new: FieldValue | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentLine:
    """How the records of one agent's ended calls were completed."""

    agent_id: str | None
    """None: calls without an agent; the line of all agents has ``all`` set."""
    all: bool = False
    calls: int
    in_time: int
    late: int
    open: int
    """Their time is not over."""
    overdue: int
    share_in_time: float | None
    """Of the calls that are confirmed or overdue, 0..1; None where there are none."""
    median_min: float | None
    """Minutes from a call's end to the confirmation of its record."""


@dataclass(slots=True)
class _Tally:
    """What a report counts, as it reads."""

    states: Counter[CompletionState] = field(default_factory=Counter)
    took_min: list[float] = field(default_factory=list)

    def count(self, clock: Confirmed, now_ms: int, within_ms: int) -> None:
        self.states[state_of(clock.ended_ms, clock.confirmed_ms, now_ms, within_ms)] += 1
        if clock.confirmed_ms is not None:
            self.took_min.append((clock.confirmed_ms - clock.ended_ms) / 60_000)

    def line(self, name: str | None) -> AgentLine:
        judged = self.states.total() - self.states["open"]
        return AgentLine(
            agent_id=name,
            calls=self.states.total(),
            in_time=self.states["done"],
            late=self.states["late"],
            open=self.states["open"],
            overdue=self.states["overdue"],
            share_in_time=self.states["done"] / judged if judged else None,
            median_min=round(median(self.took_min), 2) if self.took_min else None,
        )


class RecordBook:
    """Reads records for people, and takes their confirmation. Everything that it says of time follows from what is
    stored and the clock."""

    def __init__(
        self,
        *,
        keeper: RecordKeeper,
        records: RecordStore,
        schemas: SchemaStore,
        completions: CompletionStore,
        calls: CallStore,
        log: EventLog,
        clock: Clock,
        within_s: float = 600.0,
    ) -> None:
        """``within_s``: seconds from the end of a call in which its record is to be confirmed."""
        self.keeper = keeper
        self.schemas = schemas
        self.within_s = within_s
        self._records = records
        self._completions = completions
        self._calls = calls
        self._log = log
        self._clock = clock

    @property
    def now_ms(self) -> int:
        """The present, epoch milliseconds."""
        return int(self._clock.now().timestamp() * 1000)

    async def read(self, call_id: str, role: Role, version: int | None = None) -> SeenRecord:
        """The record, by default its newest version. Raises NotFound for an unknown call or version."""
        call = _times(await self._calls.get(call_id))
        newest = await self._records.get(call_id)
        shown = newest if version in (None, newest.version) else await self._records.at(call_id, version or 0)
        clock = await self._completions.get(call_id)
        return self._seen(Due(clock=clock, call=call, record=newest), shown, await self.schemas.current(), role)

    async def history(self, call_id: str, role: Role) -> Sequence[RecordVersion]:
        """Every version from 1 on, oldest first: who or what set which field. Raises NotFound for an unknown call."""
        await self._calls.get(call_id)
        view = await self.visibility(role)
        return [replace(step, changes=view.changes(step.changes)) for step in await self._records.history(call_id)]

    async def diff(self, call_id: str, old: int, new: int, role: Role) -> Sequence[FieldDifference]:
        """What differs between two versions; who set a value counts as much as the value. Raises NotFound."""
        await self._calls.get(call_id)
        view = await self.visibility(role)
        schema = view.schema
        before, after = await self._records.at(call_id, old), await self._records.at(call_id, new)
        names = [*(name for name in schema.fields if name in before.fields or name in after.fields)]
        names += [name for name in dict.fromkeys((*before.fields, *after.fields)) if name not in schema.fields]
        return [
            FieldDifference(field=name, old=_shown(view, before, name), new=_shown(view, after, name))
            for name in names
            if view.sees(name) and before.fields.get(name) != after.fields.get(name)
        ]

    async def edit(
        self, call_id: str, changes: Mapping[str, Value], *, by: str, role: Role, expected: int | None = None
    ) -> SeenRecord:
        """A person sets fields; raises what ``RecordKeeper.edit`` raises, and BadInput for an edit after which a record
        that is confirmed lacks a required field: by an empty value, by one that does not count (尾号), or because it
        goes with what was set."""

        async def stays_complete(before: CallRecord, after: CallRecord) -> None:
            clock = await self._completions.get(call_id)
            if clock is None or clock.confirmed_ms is None:
                return
            view, call = await self.visibility(role), _times(await self._calls.get(call_id))
            lost = [
                name for name in _missing(view.schema, after, call) if name not in _missing(view.schema, before, call)
            ]
            if lost:
                raise BadInput(
                    f"the record is confirmed and {_named(lost, view)} must not be empty in it: set another value. "
                    "Nothing was written"
                )

        await self.keeper.edit(call_id, changes, by=by, role=role, expected_version=expected, check=stays_complete)
        return await self.read(call_id, role)

    async def confirm(self, call_id: str, *, by: str, role: Role, expected: int | None = None) -> SeenRecord:
        """Somebody says that the record is right. A record that is confirmed already stays as it was confirmed.

        Raises NotFound, Conflict: the call is live, a required field is missing, or the record is not at ``expected``.
        """
        for attempt in range(1, ATTEMPTS + 1):
            async with self.keeper.turn(call_id):  # an edit that empties a field comes before it, or is refused
                seen = await self.read(call_id, "admin")
                if seen.completion.confirmed_at is not None:
                    break
                _check_confirmable(seen, await self.visibility(role), expected)
                at_ms = await self._log.last_at_ms(call_id)
                event = RecordConfirmed(call_id=call_id, at_ms=at_ms, version=seen.record.version, by=by)
                try:
                    await self._log.append(event)
                    break
                except Conflict:
                    if expected is not None or attempt == ATTEMPTS:
                        raise
        return await self.read(call_id, role)

    async def list(
        self, wanted: DueFilter, role: Role, *, limit: int = 50, after: str | None = None
    ) -> Sequence[RecordLine]:
        """Ended calls and where their records stand, the one that ended first leading. Raises NotFound for an unknown
        ``after``."""
        within_ms = int(self.within_s * 1000)
        rows = await self._completions.list(wanted, now_ms=self.now_ms, within_ms=within_ms, limit=limit, after=after)
        schema = await self.schemas.current()
        return [self._line(row, schema, role) for row in rows]

    async def each(self, wanted: DueFilter, role: Role) -> AsyncIterator[RecordLine]:
        """All of them, page by page."""
        page = await self.list(wanted, role, limit=PAGE)
        while page:
            for line in page:
                yield line
            last = page[-1].call.call_id
            page = await self.list(wanted, role, limit=PAGE, after=last) if len(page) == PAGE else []

    async def report(self, wanted: DueFilter) -> Sequence[AgentLine]:
        """How many records were completed in time, by agent, and last for all of them."""
        within_ms, now_ms = int(self.within_s * 1000), self.now_ms
        by_agent: dict[str | None, _Tally] = defaultdict(_Tally)
        async for page in self._completions.clocks(wanted):
            for clock in page:
                by_agent[clock.agent_id].count(clock, now_ms, within_ms)
        return await asyncio.to_thread(_lines, by_agent)

    async def visibility(self, role: Role, max_age_s: float = 0.0) -> Visibility:
        """What a role may see; by a schema that is at most so old."""
        return Visibility(schema=await self.schemas.current(max_age_s), role=role)

    async def seen_event(self, event: AnyEvent, role: Role) -> AnyEvent:
        """The event without what the role may not see."""
        return (await self.visibility(role, EVENT_SCHEMA_AGE_S)).event(event)

    def _line(self, row: Due, schema: RecordSchema, role: Role) -> RecordLine:
        return RecordLine(call=row.call, seen=self._seen(row, row.record, schema, role))

    def _seen(self, row: Due, shown: CallRecord, schema: RecordSchema, role: Role) -> SeenRecord:
        found = computed_fields(shown, row.call)
        for spec in schema.fields.values():
            if spec.default is not None and spec.name not in shown.fields:
                found[spec.name] = FieldValue(value=spec.default, probability=0.0, source="default", by=BY_CALL)
        view = Visibility(schema=schema, role=role)
        return SeenRecord(
            record=replace(shown, fields=view.values(shown.fields)),
            computed=view.values(found),
            completion=view.completion(self._completion(row.clock, _missing(schema, row.record, row.call))),
            schema_version=schema.version,
        )

    def _completion(self, clock: Confirmed | None, missing: tuple[str, ...]) -> Completion:
        if clock is None:
            return Completion(state="live", missing=missing, due_at=None, left_s=None)
        within_ms = int(self.within_s * 1000)
        due_ms = clock.ended_ms + within_ms
        return Completion(
            state=state_of(clock.ended_ms, clock.confirmed_ms, self.now_ms, within_ms),
            missing=missing,
            due_at=_iso(due_ms),
            left_s=None if clock.confirmed_ms is not None else (due_ms - self.now_ms) / 1000,
            confirmed_at=None if clock.confirmed_ms is None else _iso(clock.confirmed_ms),
            confirmed_by=clock.confirmed_by,
            confirmed_version=clock.confirmed_version,
        )


def _lines(by_agent: Mapping[str | None, _Tally]) -> list[AgentLine]:
    """A line for each agent, and one for all. Blocking: sorts what may be many minutes."""
    every = _Tally()
    for tally in by_agent.values():
        every.states += tally.states
        every.took_min += tally.took_min
    names = sorted(by_agent, key=lambda name: (name is None, name or ""))
    return [*(by_agent[name].line(name) for name in names), replace(every.line(None), all=True)]


def _missing(schema: RecordSchema, record: CallRecord, call: CallTimes) -> tuple[str, ...]:
    return schema.missing(record, {name: held.value for name, held in computed_fields(record, call).items()})


def _named(names: Sequence[str], view: Visibility) -> str:
    """Fields for a message; those that the role may not see are only counted."""
    shown = [f"{name} ({view.schema.fields[name].label})" for name in names if view.sees(name)]
    hidden = len(names) - len(shown)
    return ", ".join([*shown, *([f"{hidden} that the role {view.role} may not see"] if hidden else [])])


def _check_confirmable(seen: SeenRecord, view: Visibility, expected: int | None) -> None:
    if expected is not None and seen.record.version != expected:
        raise Conflict(
            f"the record is at version {seen.record.version}, not {expected}: somebody changed it since it was read; "
            "it was not confirmed. Look at it again"
        )
    if seen.completion.state == "live":
        raise Conflict("the call is not over: its record is confirmed after its end. Nothing was written")
    if seen.completion.missing:
        named = _named(seen.completion.missing, view)
        raise Conflict(f"the record lacks {named}: set what is missing, then confirm it. Nothing was written")


def _shown(view: Visibility, record: CallRecord, name: str) -> FieldValue | None:
    held = record.fields.get(name)
    return None if held is None else view.value(held)


def _times(row: CallRow) -> CallTimes:
    return CallTimes(
        call_id=row.call_id,
        agent_id=row.agent_id,
        caller=row.caller,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")
