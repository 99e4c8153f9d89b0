"""What durable events do to the tables beside the log: calls, records, cards shown. Runs inside the log's
transaction.
"""

from datetime import datetime
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncSession

from callcue.core.errors import BadInput, Conflict, NotFound
from callcue.core.events import (
    AnyEvent,
    CallEnded,
    CallStarted,
    CardAck,
    CardPush,
    FlowUpdated,
    IndexBuilt,
    KbChanged,
    RecordConfirmed,
    RecordUpdated,
    SummaryWritten,
)
from callcue.core.ids import KB_STREAM
from callcue.core.records import CallRecord, FieldValue
from callcue.core.summaries import SYSTEM
from callcue.infra import shows
from callcue.infra.codec import STRICT, dump_json
from callcue.infra.tables import CallTableRow, CompletionRow, RecordRow

_FIELDS: TypeAdapter[dict[str, FieldValue]] = TypeAdapter(dict[str, FieldValue], config=STRICT)


async def project(session: AsyncSession, call: CallTableRow | None, events: list[AnyEvent], written_at: str) -> None:
    """Check that these events may come next in their call, and apply them. Raises Conflict, NotFound or BadInput."""
    if events[0].call_id == KB_STREAM:
        for event in events:
            _check_kb(event)
        return
    for event in events:
        if isinstance(event, CallStarted):
            call = _started(session, call, event)
        elif call is None:
            raise NotFound(
                f"there is no call {event.call_id}: its first event must be CallStarted. Nothing was written"
            )
        else:
            _check_order(call, event)
        if isinstance(event, CallEnded):
            await _ended(session, call, event, written_at)
        else:
            await _apply(session, event, written_at)


async def _apply(session: AsyncSession, event: AnyEvent, written_at: str) -> None:
    if isinstance(event, RecordUpdated):
        await _updated(session, event, written_at)
    elif isinstance(event, RecordConfirmed):
        await _confirmed(session, event, written_at)
    elif isinstance(event, CardPush):
        await shows.shown(session, event, epoch_ms(written_at))
    elif isinstance(event, CardAck):
        await shows.acknowledged(session, event, epoch_ms(written_at))


def record_of(row: RecordRow) -> CallRecord:
    """The stored record."""
    fields = _FIELDS.validate_json(dump_json(row.fields), strict=True)
    return CallRecord(call_id=row.call_id, version=row.version, fields=MappingProxyType(fields))


def epoch_ms(stamp: str) -> int:
    """Milliseconds since 1970 of an ISO 8601 time with offset."""
    try:
        time = datetime.fromisoformat(stamp)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise BadInput("started_at must be an ISO 8601 time with an offset, such as 2026-11-23T10:00:00+08:00")
    return int(time.timestamp() * 1000)


async def _ended(session: AsyncSession, call: CallTableRow, event: CallEnded, written_at: str) -> None:
    """The call is over, and the clock of its record begins to run."""
    call.ended_at, call.duration_ms, call.end_reason = written_at, event.duration_ms, event.reason
    await session.flush()  # the clock refers to the call, which may have begun in this batch
    session.add(CompletionRow(call_id=event.call_id, ended_ms=epoch_ms(written_at)))
    await session.flush()


def _check_kb(event: AnyEvent) -> None:
    if not isinstance(event, KbChanged | IndexBuilt):
        raise BadInput(f"{event.type} belongs to a call, not to the stream {KB_STREAM!r}")


def _check_order(call: CallTableRow, event: AnyEvent) -> None:
    if isinstance(event, KbChanged | IndexBuilt):
        raise BadInput(f"{event.type} belongs to the stream {KB_STREAM!r}, not to a call")
    if call.ended_at is not None and not _by_people(event):
        raise Conflict(
            f"call {call.call_id} is over ({call.end_reason}): only acknowledgements, edits of the record, summaries "
            f"asked for and steps that an agent ticks off may follow, not {event.type}. Nothing was written"
        )


def _by_people(event: AnyEvent) -> bool:
    """What people do with a call, which may come after its end."""
    if isinstance(event, SummaryWritten):
        return event.by != SYSTEM
    return isinstance(event, CardAck | RecordUpdated | RecordConfirmed) or (
        isinstance(event, FlowUpdated) and event.source == "person"
    )


def _started(session: AsyncSession, call: CallTableRow | None, event: CallStarted) -> CallTableRow:
    if call is not None:
        raise Conflict(f"the call id {event.call_id} is in use; start the call under another one. Nothing was written")
    row = CallTableRow(
        call_id=event.call_id,
        agent_id=event.agent_id,
        caller=event.caller,
        language=event.language,
        source=event.source,
        channels=list(event.channels),
        sample_rate=event.sample_rate,
        encoding=event.encoding,
        started_at=event.started_at,
        started_ms=epoch_ms(event.started_at),
    )
    session.add(row)
    return row


async def _updated(session: AsyncSession, event: RecordUpdated, written_at: str) -> None:
    row = await session.get(RecordRow, event.call_id)
    held = CallRecord(call_id=event.call_id) if row is None else record_of(row)
    if event.version != held.version + 1:
        raise Conflict(
            f"the record of call {event.call_id} is at version {held.version}, so the next one is not {event.version}: "
            "somebody else changed it. Nothing was written; read it again and repeat the change"
        )
    _check_people(held, event)
    fields: dict[str, Any] = _FIELDS.dump_python(dict(held.apply(event.changes, event.version).fields), mode="json")
    if row is None:
        session.add(RecordRow(call_id=event.call_id, version=event.version, fields=fields, updated_at=written_at))
        await session.flush()  # a second update in the same batch has to find it
    else:
        row.version, row.fields, row.updated_at = event.version, fields, written_at


def _check_people(held: CallRecord, event: RecordUpdated) -> None:
    """Whoever writes the event, and however late: what a person has set, a person alone replaces."""
    for change in event.changes:
        now = held.fields.get(change.field)
        if now is not None and now.source == "person" and (change.new is None or change.new.source != "person"):
            raise Conflict(
                f"{change.field} of the record of call {event.call_id} was set by a person and stays as it is. "
                "Nothing was written"
            )


async def _confirmed(session: AsyncSession, event: RecordConfirmed, written_at: str) -> None:
    row = await session.get(CompletionRow, event.call_id)
    if row is None:
        raise Conflict(f"call {event.call_id} is not over: its record is confirmed after its end. Nothing was written")
    if row.confirmed_ms is not None:
        raise Conflict(f"the record of call {event.call_id} is confirmed already, by {row.confirmed_by}")
    held = await session.get(RecordRow, event.call_id)
    version = 0 if held is None else held.version
    if event.version != version:
        raise Conflict(
            f"the record of call {event.call_id} is at version {version}, not {event.version}: somebody changed it "
            "since it was read. Nothing was written; look at it again"
        )
    row.confirmed_ms, row.confirmed_by, row.confirmed_version = epoch_ms(written_at), event.by, event.version
