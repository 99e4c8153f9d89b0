"""The event log: every durable event is written here first, and only then announced on the bus."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from callcue.core.clock import SystemClock
from callcue.core.errors import BadInput, StorageFailed
from callcue.core.events import AnyEvent, Delivery, PartialTranscript
from callcue.core.ports import Clock, EventBus
from callcue.infra.codec import decode, encode
from callcue.infra.database import Database
from callcue.infra.projections import project
from callcue.infra.tables import CallTableRow, EventRow

MAX_READ = 10_000
_ATTEMPTS = 50
"""Another process took the number each time; one attempt always succeeds, so this many rounds mean something else."""
_REMEMBERED_CALLS = 4096
_FEW = 50
"""Events that are decoded at once without leaving the event loop."""
_NEWEST = select(func.max(EventRow.seq)).where(EventRow.call_id == bindparam("call_id"))
_STATE = select(CallTableRow, _NEWEST.scalar_subquery()).where(CallTableRow.call_id == bindparam("call_id"))


class EventLog:
    """Numbers, stores and announces the events of every call. One per process; processes may share a database."""

    def __init__(self, db: Database, bus: EventBus, clock: Clock | None = None) -> None:
        self._db = db
        self._bus = bus
        self._clock = clock or SystemClock()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._last: OrderedDict[str, int] = OrderedDict()
        self._running: set[asyncio.Task[list[AnyEvent]]] = set()

    async def append(self, *events: AnyEvent) -> list[AnyEvent]:
        """Write durable events of one call in one transaction, then announce them in order; returns them numbered.

        Raises Conflict (call id in use, call over, stale record version), NotFound (no such call), BadInput (an event
        that could not be read back), StorageFailed; in each case nothing was written and nobody was told. When the
        caller is cancelled, what was begun still runs to its end, so that nothing is written without being announced.
        """
        if not events:
            return []
        call_id = _common_call(events)
        bodies = [encode(event) for event in events]
        task = asyncio.create_task(self._append(call_id, events, bodies))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def announce(self, event: PartialTranscript) -> None:
        """Put a lossy event on the bus, with the number of the newest durable event of its call."""
        if event.delivery is not Delivery.LOSSY:
            raise BadInput(f"{event.type} is durable: append it")
        seq = self._last.get(event.call_id)
        if seq is None:
            seq = self._remember(event.call_id, await self.last_seq(event.call_id))
        await self._bus.publish(replace(event, seq=seq))

    async def read(self, call_id: str, after: int = 0, limit: int = 1000) -> list[AnyEvent]:
        """Up to ``limit`` (at most 10,000) events of a call that come after number ``after``, in order."""
        query = (
            select(EventRow.body)
            .where(EventRow.call_id == call_id, EventRow.seq > after)
            .order_by(EventRow.seq)
            .limit(max(0, min(limit, MAX_READ)))
        )

        async def bodies(session: AsyncSession) -> Sequence[dict[str, Any]]:
            return (await session.scalars(query)).all()

        return await _decoded(await self._db.read(f"read the events of call {call_id}", bodies))

    async def newest(self, call_id: str, kind: str) -> AnyEvent | None:
        """The newest event of a call that has this ``type``; None where there is none."""
        query = (
            select(EventRow.body)
            .where(EventRow.call_id == call_id, EventRow.type == kind)
            .order_by(EventRow.seq.desc())
            .limit(1)
        )

        async def body(session: AsyncSession) -> dict[str, Any] | None:
            return await session.scalar(query)

        found = await self._db.read(f"read the newest {kind} of call {call_id}", body)
        return None if found is None else decode(found)

    async def read_type(self, call_id: str, kind: str) -> list[AnyEvent]:
        """The events of a call that have this ``type``, in order; at most the first 10,000."""
        query = (
            select(EventRow.body)
            .where(EventRow.call_id == call_id, EventRow.type == kind)
            .order_by(EventRow.seq)
            .limit(MAX_READ)
        )

        async def bodies(session: AsyncSession) -> Sequence[dict[str, Any]]:
            return (await session.scalars(query)).all()

        return await _decoded(await self._db.read(f"read every {kind} of call {call_id}", bodies))

    async def last_seq(self, call_id: str) -> int:
        """The number of the newest event of a call; 0 when there is none."""
        return await self._db.read(f"read the newest event of call {call_id}", partial(_last_seq, call_id=call_id))

    async def last_at_ms(self, call_id: str) -> int:
        """Call time of the newest event of a call: the time of what people do beside it. 0 when there is none."""

        async def work(session: AsyncSession) -> int:
            newest = select(EventRow.at_ms).where(EventRow.call_id == call_id).order_by(EventRow.seq.desc()).limit(1)
            return await session.scalar(newest) or 0

        return await self._db.read(f"read the newest event of call {call_id}", work)

    async def drain(self) -> None:
        """Wait for appends whose callers have gone; call it before the database is closed."""
        while self._running:
            await asyncio.wait(tuple(self._running))

    async def _append(self, call_id: str, events: Sequence[AnyEvent], bodies: list[dict[str, Any]]) -> list[AnyEvent]:
        lock = self._locks.get(call_id)
        if lock is None:
            lock = self._locks[call_id] = asyncio.Lock()
        async with lock:
            written = await self._write(call_id, events, bodies)
            for event in written:
                self._remember(call_id, event.seq)
                await self._bus.publish(event)
        return written

    async def _write(self, call_id: str, events: Sequence[AnyEvent], bodies: list[dict[str, Any]]) -> list[AnyEvent]:
        work = partial(self._write_once, call_id=call_id, events=events, bodies=bodies)
        for _ in range(_ATTEMPTS):
            try:
                return await self._db.write(f"write {len(events)} event(s) of call {call_id}", work)
            except IntegrityError:
                continue  # another process wrote to the same call in between: look again at what is there
        raise StorageFailed(
            f"The database kept refusing {len(events)} event(s) of call {call_id} as duplicates. Nothing was written "
            "and nothing was announced; check that no other program writes to this database"
        )

    async def _write_once(
        self, session: AsyncSession, call_id: str, events: Sequence[AnyEvent], bodies: list[dict[str, Any]]
    ) -> list[AnyEvent]:
        # Number and state are read together: whatever another process changes after this moment makes the insert below
        # collide, so the state is the one that these numbers follow, also where reads do not lock (PostgreSQL).
        found = (await session.execute(_STATE, {"call_id": call_id})).first()
        last, call = (found[1] or 0, found[0]) if found else (await _last_seq(session, call_id), None)
        now = self._clock.now().isoformat()
        numbered = [replace(event, seq=last + nth) for nth, event in enumerate(events, 1)]
        await project(session, call, numbered, now)
        rows = [
            {
                "call_id": call_id,
                "seq": event.seq,
                "type": event.type,
                "at_ms": event.at_ms,
                "written_at": now,
                "body": {**body, "seq": event.seq},
            }
            for event, body in zip(numbered, bodies, strict=True)
        ]
        await session.execute(insert(EventRow), rows)
        return numbered

    def _remember(self, call_id: str, seq: int) -> int:
        newest = max(seq, self._last.get(call_id, 0))
        self._last[call_id] = newest
        self._last.move_to_end(call_id)
        if len(self._last) > _REMEMBERED_CALLS:
            self._last.popitem(last=False)
        return newest


async def _decoded(bodies: Sequence[dict[str, Any]]) -> list[AnyEvent]:
    """Beside the event loop where there are many: one takes 0.2 ms."""
    if len(bodies) <= _FEW:
        return [decode(body) for body in bodies]
    return await asyncio.to_thread(lambda: [decode(body) for body in bodies])


def _common_call(events: Sequence[AnyEvent]) -> str:
    for event in events:
        if event.delivery is not Delivery.DURABLE:
            raise BadInput(f"{event.type} is not durable: announce it")
        if event.call_id != events[0].call_id:
            raise BadInput("events of one append belong to one call")
    return events[0].call_id


async def _last_seq(session: AsyncSession, call_id: str) -> int:
    return (await session.scalar(_NEWEST, {"call_id": call_id})) or 0
