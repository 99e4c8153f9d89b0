"""Calls as they are looked up: one row each, kept by the event log from CallStarted and CallEnded."""

from dataclasses import dataclass
from typing import cast

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from callcue.core.errors import NotFound
from callcue.core.speech import Channel, Encoding, LanguageChoice
from callcue.infra.database import Database
from callcue.infra.projections import epoch_ms
from callcue.infra.tables import CallTableRow, EventRow

MAX_PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRow:
    """One call."""

    call_id: str
    agent_id: str | None
    caller: str | None
    """The caller's number as the switch gave it: never in a log line."""
    language: LanguageChoice
    source: str
    channels: tuple[Channel, ...]
    sample_rate: int
    """Hz."""
    encoding: Encoding
    started_at: str
    """ISO 8601 with offset."""
    ended_at: str | None
    """ISO 8601, UTC; None while the call runs."""
    duration_ms: int | None
    """Milliseconds of audio received; None while the call runs."""
    end_reason: str | None
    last_seq: int
    """The number of its newest durable event."""


CallRows = list[CallRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    """Which calls to list; None places no limit."""

    agent_id: str | None = None
    caller: str | None = None
    """The whole number, exactly as stored."""
    live: bool | None = None
    """True: not ended; False: ended."""
    started_from_ms: int | None = None
    """Epoch milliseconds, inclusive."""
    started_to_ms: int | None = None
    """Epoch milliseconds, exclusive."""


class CallStore:
    """Looks calls up."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def get(self, call_id: str) -> CallRow:
        """One call. Raises NotFound."""
        rows = await self._rows(_select().where(CallTableRow.call_id == call_id), f"look up call {call_id}")
        if not rows:
            raise NotFound(f"there is no call {call_id[:128]!r}")
        return rows[0]

    async def list(self, wanted: CallFilter | None = None, *, limit: int = 50, before: str | None = None) -> CallRows:
        """Newest first, at most ``limit`` (up to 1000); ``before`` is the id of the last call of the page before.

        Raises NotFound when there is no call ``before``.
        """
        query = _select().where(*_conditions(wanted or CallFilter()))
        if before is not None:
            query = query.where(await self._older_than(before))
        query = query.order_by(CallTableRow.started_ms.desc(), CallTableRow.call_id.desc())
        return await self._rows(query.limit(max(0, min(limit, MAX_PAGE))), "list calls")

    async def unfinished(self) -> CallRows:
        """Every call that has not ended, oldest first: live ones, and after a crash those to close."""
        query = _select().where(CallTableRow.ended_at.is_(None))
        query = query.order_by(CallTableRow.started_ms, CallTableRow.call_id)
        return await self._rows(query, "list the unfinished calls")

    async def of_agent(self, agent_id: str, *, live: bool | None = None, limit: int = 50) -> CallRows:
        """An agent's calls, newest first."""
        return await self.list(CallFilter(agent_id=agent_id, live=live), limit=limit)

    async def started_since(self, epoch_ms: int, *, limit: int = MAX_PAGE) -> CallRows:
        """Calls that started at or after ``epoch_ms``, newest first."""
        return await self.list(CallFilter(started_from_ms=epoch_ms), limit=limit)

    async def _older_than(self, call_id: str) -> ColumnElement[bool]:
        started_ms = epoch_ms((await self.get(call_id)).started_at)
        same = and_(CallTableRow.started_ms == started_ms, CallTableRow.call_id < call_id)
        return or_(CallTableRow.started_ms < started_ms, same)

    async def _rows(self, query: "Select[CallTableRow, int | None]", what: str) -> CallRows:
        async def work(session: AsyncSession) -> CallRows:
            return [_row(held, newest) for held, newest in (await session.execute(query)).all()]

        return await self._db.read(what, work)


def _select() -> "Select[CallTableRow, int | None]":
    newest = select(func.max(EventRow.seq)).where(EventRow.call_id == CallTableRow.call_id).scalar_subquery()
    return select(CallTableRow, newest)


def _conditions(wanted: CallFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.agent_id is not None:
        conditions.append(CallTableRow.agent_id == wanted.agent_id)
    if wanted.caller is not None:
        conditions.append(CallTableRow.caller == wanted.caller)
    if wanted.live is not None:
        conditions.append(CallTableRow.ended_at.is_(None) if wanted.live else CallTableRow.ended_at.is_not(None))
    if wanted.started_from_ms is not None:
        conditions.append(CallTableRow.started_ms >= wanted.started_from_ms)
    if wanted.started_to_ms is not None:
        conditions.append(CallTableRow.started_ms < wanted.started_to_ms)
    return conditions


def _row(held: CallTableRow, newest: int | None) -> CallRow:
    return CallRow(
        call_id=held.call_id,
        agent_id=held.agent_id,
        caller=held.caller,
        language=cast(LanguageChoice, held.language),
        source=held.source,
        channels=cast("tuple[Channel, ...]", tuple(held.channels)),
        sample_rate=held.sample_rate,
        encoding=cast(Encoding, held.encoding),
        started_at=held.started_at,
        ended_at=held.ended_at,
        duration_ms=held.duration_ms,
        end_reason=held.end_reason,
        last_seq=newest or 0,
    )
