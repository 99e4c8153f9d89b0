"""Which records are open, overdue and done: the completion clock as it is stored, with the records it is about."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from callcue.core.completion import CallTimes, CompletionState
from callcue.core.errors import NotFound
from callcue.core.records import CallRecord
from callcue.infra.database import Database
from callcue.infra.projections import record_of
from callcue.infra.tables import CallTableRow, CompletionRow, RecordRow

MAX_PAGE = 1000
MAX_REPORT = 200_000
"""The newest so many ended calls of a period are counted in a report."""
CLOCKS_PAGE = 2000
"""Clocks that are read at once: some 10 ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """When a call ended and its record was confirmed."""

    call_id: str
    agent_id: str | None
    ended_ms: int
    """Epoch milliseconds, like the next."""
    confirmed_ms: int | None
    confirmed_by: str | None
    confirmed_version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One call with its record."""

    clock: Confirmed | None
    """None while the call runs."""
    call: CallTimes
    record: CallRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class DueFilter:
    """Which ended calls; None places no limit."""

    state: CompletionState | None = None
    agent_id: str | None = None
    since_ms: int | None = None
    """Ended at or after; epoch milliseconds."""
    until_ms: int | None = None
    """Ended before."""


class CompletionStore:
    """Reads the clocks. They are written by the event log alone, from CallEnded and RecordConfirmed."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def get(self, call_id: str) -> Confirmed | None:
        """One call's clock; None while it runs."""
        query = select(CompletionRow, CallTableRow).join(CallTableRow).where(CompletionRow.call_id == call_id)

        async def work(session: AsyncSession) -> Confirmed | None:
            found = (await session.execute(query)).first()
            return None if found is None else _confirmed(found[0], found[1])

        return await self._db.read(f"read the clock of the record of call {call_id}", work)

    async def list(
        self, wanted: DueFilter, *, now_ms: int, within_ms: int, limit: int = 50, after: str | None = None
    ) -> Sequence[Due]:
        """Ended calls with their records, the one that ended first leading; ``after`` is the last of the page before.

        Raises NotFound when there is no ended call ``after``.
        """
        query = (
            select(CompletionRow, CallTableRow, RecordRow)
            .join(CallTableRow, CallTableRow.call_id == CompletionRow.call_id)
            .outerjoin(RecordRow, RecordRow.call_id == CompletionRow.call_id)
            .where(*_conditions(wanted, now_ms, within_ms))
            .order_by(CompletionRow.ended_ms, CompletionRow.call_id)
            .limit(max(0, min(limit, MAX_PAGE)))
        )
        if after is not None:
            held = await self.get(after)
            if held is None:
                raise NotFound(f"there is no ended call {after[:128]!r} to go on after")
            same = and_(CompletionRow.ended_ms == held.ended_ms, CompletionRow.call_id > after)
            query = query.where(or_(CompletionRow.ended_ms > held.ended_ms, same))

        async def work(session: AsyncSession) -> list[Due]:
            return [_due(clock, call, record) for clock, call, record in (await session.execute(query)).all()]

        return await self._db.read("list the records to be completed", work)

    async def clocks(self, wanted: DueFilter) -> AsyncIterator[Sequence[Confirmed]]:
        """The clocks alone, the newest ``MAX_REPORT`` of them, newest first, page by page: no page keeps the event loop
        for long. The filter's state is not looked at."""
        last: Confirmed | None = None
        for _ in range(MAX_REPORT // CLOCKS_PAGE):
            page = await self._clocks(wanted, last)
            if page:
                yield page
            if len(page) < CLOCKS_PAGE:
                return
            last = page[-1]

    async def _clocks(self, wanted: DueFilter, after: Confirmed | None) -> Sequence[Confirmed]:
        query = (
            select(
                CompletionRow.call_id,
                CallTableRow.agent_id,
                CompletionRow.ended_ms,
                CompletionRow.confirmed_ms,
                CompletionRow.confirmed_by,
                CompletionRow.confirmed_version,
            )
            .join(CallTableRow, CallTableRow.call_id == CompletionRow.call_id)
            .where(
                *_conditions(DueFilter(agent_id=wanted.agent_id, since_ms=wanted.since_ms, until_ms=wanted.until_ms))
            )
            .order_by(CompletionRow.ended_ms.desc(), CompletionRow.call_id.desc())
            .limit(CLOCKS_PAGE)
        )
        if after is not None:
            query = query.where(tuple_(CompletionRow.ended_ms, CompletionRow.call_id) < (after.ended_ms, after.call_id))

        async def work(session: AsyncSession) -> list[Confirmed]:
            return [Confirmed(**row._mapping) for row in (await session.execute(query)).all()]

        return await self._db.read("count the records that were completed", work)


def _conditions(wanted: DueFilter, now_ms: int = 0, within_ms: int = 0) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.agent_id is not None:
        conditions.append(CallTableRow.agent_id == wanted.agent_id)
    if wanted.since_ms is not None:
        conditions.append(CompletionRow.ended_ms >= wanted.since_ms)
    if wanted.until_ms is not None:
        conditions.append(CompletionRow.ended_ms < wanted.until_ms)
    if wanted.state in ("open", "overdue"):
        conditions.append(CompletionRow.confirmed_ms.is_(None))
        over = CompletionRow.ended_ms < now_ms - within_ms
        conditions.append(over if wanted.state == "overdue" else ~over)
    elif wanted.state in ("done", "late"):
        late = CompletionRow.confirmed_ms > CompletionRow.ended_ms + within_ms
        conditions += [CompletionRow.confirmed_ms.is_not(None), late if wanted.state == "late" else ~late]
    return conditions


def _confirmed(row: CompletionRow, call: CallTableRow) -> Confirmed:
    return Confirmed(
        call_id=row.call_id,
        agent_id=call.agent_id,
        ended_ms=row.ended_ms,
        confirmed_ms=row.confirmed_ms,
        confirmed_by=row.confirmed_by,
        confirmed_version=row.confirmed_version,
    )


def _due(row: CompletionRow, call: CallTableRow, record: RecordRow | None) -> Due:
    times = CallTimes(
        call_id=call.call_id,
        agent_id=call.agent_id,
        caller=call.caller,
        started_at=call.started_at,
        ended_at=call.ended_at,
    )
    held = CallRecord(call_id=call.call_id) if record is None else record_of(record)
    return Due(clock=_confirmed(row, call), call=times, record=held)
