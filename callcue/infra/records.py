"""Call records as they are read. They are written by the event log alone, from RecordUpdated."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from callcue.core.errors import NotFound
from callcue.core.events import RecordUpdated
from callcue.core.records import CallRecord, FieldChange
from callcue.infra.codec import decode
from callcue.infra.database import Database
from callcue.infra.projections import record_of
from callcue.infra.tables import EventRow, RecordRow


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordVersion:
    """One version of a record: what changed, and when."""

    version: int
    seq: int
    """The event that made it."""
    at_ms: int
    """Call time."""
    written_at: str
    """ISO 8601, UTC."""
    changes: tuple[FieldChange, ...]


class RecordStore:
    """Reads records."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def get(self, call_id: str) -> CallRecord:
        """The newest version; version 0 and empty when nothing was ever filled in, or the call is unknown."""

        async def work(session: AsyncSession) -> RecordRow | None:
            return await session.get(RecordRow, call_id)

        row = await self._db.read(f"read the record of call {call_id}", work)
        return CallRecord(call_id=call_id) if row is None else record_of(row)

    async def history(self, call_id: str) -> list[RecordVersion]:
        """Every version from 1 on, oldest first."""
        query = (
            select(EventRow.body, EventRow.written_at)
            .where(EventRow.call_id == call_id, EventRow.type == "RecordUpdated")
            .order_by(EventRow.seq)
        )

        async def work(session: AsyncSession) -> list[tuple[dict[str, Any], str]]:
            return [(body, written_at) for body, written_at in (await session.execute(query)).all()]

        rows = await self._db.read(f"read the history of the record of call {call_id}", work)
        decoded = [(decode(body), written_at) for body, written_at in rows]
        return [_version(event, written_at) for event, written_at in decoded if isinstance(event, RecordUpdated)]

    async def at(self, call_id: str, version: int) -> CallRecord:
        """The record as it was at a version, folded from its changes. Raises NotFound for a version it never had."""
        record = CallRecord(call_id=call_id)
        for step in await self.history(call_id) if version > 0 else ():
            record = record.apply(step.changes, step.version)
            if record.version == version:
                break
        if record.version != version:
            raise NotFound(f"the record of call {call_id} has no version {version}; its newest is {record.version}")
        return record


def _version(event: RecordUpdated, written_at: str) -> RecordVersion:
    return RecordVersion(
        version=event.version, seq=event.seq, at_ms=event.at_ms, written_at=written_at, changes=event.changes
    )
