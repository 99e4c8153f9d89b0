"""What customers did elsewhere, and the calls that they made before."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from callcue.core.clock import SystemClock
from callcue.core.customer_events import Customer, CustomerEvent
from callcue.core.errors import BadInput
from callcue.core.ports import Clock
from callcue.core.records import Value
from callcue.infra.customer_tables import CustomerEventRow
from callcue.infra.database import Database
from callcue.infra.projections import record_of
from callcue.infra.tables import CallTableRow, RecordRow

MOST_EVENTS = 2000
"""Newest events of one customer that are looked at."""
MOST_CALLS = 200
_CHUNK = 400
_FIELDS = ("event_id", "kind", "at_ms", "customer_id", "phone", "subject", "source")


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What became of a batch."""

    added: tuple[CustomerEvent, ...]
    known: int
    """Held already, the same in every field, or twice in the batch."""
    different: tuple[str, ...]
    """Ids that are held with other contents. What is held stays: an event is not rewritten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Every number and id under which one customer is known."""

    phones: frozenset[str]
    ids: frozenset[str]

    def match(self, event: CustomerEvent) -> bool:
        """Whether an event is this customer's."""
        return event.phone in self.phones or event.customer_id in self.ids


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCall:
    """A call of a number, as later ones look back at it."""

    call_id: str
    started_ms: int
    """Epoch milliseconds."""
    tags: Value
    sentiment: Value


class CustomerEventStore:
    """Takes events in, each id once, and finds a customer's."""

    def __init__(self, db: Database, clock: Clock | None = None) -> None:
        self._db = db
        self._clock = clock or SystemClock()

    async def add(self, events: Sequence[CustomerEvent], *, dry_run: bool = False) -> Intake:
        """Store checked events; the same again changes nothing. All or nothing."""
        now_ms = int(self._clock.now().timestamp() * 1000)

        async def work(session: AsyncSession) -> Intake:
            return await _add(session, events, None if dry_run else now_ms)

        if dry_run:
            return await self._db.read("look up customer events", work)
        return await self._db.write(f"keep {len(events)} customer event(s)", work)

    async def keys(self, customer: Customer) -> Keys:
        """The customer's numbers and ids: events that bear both tie them together, one step far."""

        async def work(session: AsyncSession) -> Keys:
            return await _keys(session, customer)

        return await self._db.read("look up a customer", work)

    async def of(self, customer: Customer, *, since_ms: int = 0, until_ms: int | None = None) -> list[CustomerEvent]:
        """The customer's events from ``since_ms`` to ``until_ms``, newest first, at most 2000."""

        async def work(session: AsyncSession) -> list[CustomerEvent]:
            mine = _owned(await _keys(session, customer))
            if mine is None:
                return []
            query = select(CustomerEventRow).where(mine, CustomerEventRow.at_ms >= since_ms)
            if until_ms is not None:
                query = query.where(CustomerEventRow.at_ms <= until_ms)
            query = query.order_by(CustomerEventRow.at_ms.desc(), CustomerEventRow.event_id).limit(MOST_EVENTS)
            return [_event(row) for row in await session.scalars(query)]

        return await self._db.read("read a customer's events", work)

    async def named(self, event_ids: Sequence[str]) -> list[CustomerEvent]:
        """The events of these ids, as far as they are held."""

        async def work(session: AsyncSession) -> list[CustomerEvent]:
            query = select(CustomerEventRow).where(CustomerEventRow.event_id.in_(event_ids[:_CHUNK]))
            return [_event(row) for row in await session.scalars(query)]

        return await self._db.read("look up customer events", work)

    async def latest(self, kinds: Sequence[str]) -> int | None:
        """When the newest event of these kinds happened, of anybody: whether a source speaks at all."""
        query = select(func.max(CustomerEventRow.at_ms)).where(CustomerEventRow.kind.in_(list(kinds)))

        async def work(session: AsyncSession) -> int | None:
            found: int | None = (await session.execute(query)).scalar()
            return found

        return await self._db.read("look up the newest customer event", work)

    async def calls_of(self, phone: str, *, since_ms: int, until_ms: int, but: str = "") -> list[PastCall]:
        """Calls of a number that began within the time, newest first, without the call ``but``; at most 200."""
        if not phone:
            return []
        query = (
            select(CallTableRow, RecordRow)
            .outerjoin(RecordRow, RecordRow.call_id == CallTableRow.call_id)
            .where(
                CallTableRow.caller.in_(written_phones(phone)),
                CallTableRow.started_ms >= since_ms,
                CallTableRow.started_ms <= until_ms,
                CallTableRow.call_id != but,
            )
            .order_by(CallTableRow.started_ms.desc())
            .limit(MOST_CALLS)
        )

        async def work(session: AsyncSession) -> list[PastCall]:
            return [_past(call, record) for call, record in (await session.execute(query)).all()]

        return await self._db.read("read earlier calls", work)


async def _add(session: AsyncSession, events: Sequence[CustomerEvent], now_ms: int | None) -> Intake:
    """``now_ms`` None: only look."""
    wanted: dict[str, CustomerEvent] = {}
    for event in events:
        if wanted.setdefault(event.event_id, event) != event:
            raise BadInput(f"the event_id {event.event_id} stands twice in this batch, for different events")
    held: dict[str, CustomerEvent] = {}
    ids = list(wanted)
    for start in range(0, len(ids), _CHUNK):
        query = select(CustomerEventRow).where(CustomerEventRow.event_id.in_(ids[start : start + _CHUNK]))
        held |= {row.event_id: _event(row) for row in await session.scalars(query)}
    added = [event for event in wanted.values() if event.event_id not in held]
    if now_ms is not None:
        session.add_all(
            CustomerEventRow(received_ms=now_ms, **{name: getattr(event, name) for name in _FIELDS}) for event in added
        )
        await session.flush()
    different = tuple(event_id for event_id, event in held.items() if event != wanted[event_id])
    return Intake(added=tuple(added), known=len(events) - len(added) - len(different), different=different)


async def _keys(session: AsyncSession, customer: Customer) -> Keys:
    phones, ids = {customer.phone} - {""}, {customer.customer_id} - {""}
    row = CustomerEventRow
    if phones:
        query = select(row.customer_id).where(row.phone.in_(phones), row.customer_id != "").distinct().limit(20)
        ids |= set(await session.scalars(query))
    if customer.customer_id:
        query = select(row.phone).where(row.customer_id == customer.customer_id, row.phone != "").distinct().limit(20)
        phones |= set(await session.scalars(query))
    return Keys(phones=frozenset(phones), ids=frozenset(ids))


def _owned(keys: Keys) -> ColumnElement[bool] | None:
    parts: list[ColumnElement[bool]] = []
    if keys.phones:
        parts.append(CustomerEventRow.phone.in_(sorted(keys.phones)))
    if keys.ids:
        parts.append(CustomerEventRow.customer_id.in_(sorted(keys.ids)))
    return or_(*parts) if parts else None


def written_phones(phone: str) -> list[str]:
    """How switches write a number: calls keep it as it came."""
    return [phone, f"86{phone}", f"+86{phone}", f"0086{phone}", f"0{phone}"]


def _event(row: CustomerEventRow) -> CustomerEvent:
    return CustomerEvent(**{name: getattr(row, name) for name in _FIELDS})


def _past(call: CallTableRow, record: RecordRow | None) -> PastCall:
    held = None if record is None else record_of(record)
    return PastCall(
        call_id=call.call_id,
        started_ms=call.started_ms,
        tags=None if held is None else held.value("tags"),
        sentiment=None if held is None else held.value("sentiment"),
    )
