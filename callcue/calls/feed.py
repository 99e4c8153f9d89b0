"""Every durable event, once and in order, to whoever follows calls, across drops of the connection and of the bus.

The bus only announces; the log is the truth. A follower knows the last ``seq`` of each call that it passed on: an
older event is a repeat, a later one shows a gap, and a gap is read from the log.
"""

from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Protocol

from callcue.core.events import AnyEvent, CallEnded, CallStarted, Delivery
from callcue.core.ports import EventBus
from callcue.infra.calls import CallFilter, CallRow, CallStore
from callcue.infra.event_log import EventLog

PAGE = 500
"""Events, or calls, read at once."""
KEPT_ENDED = 200
"""Ended calls that a follower still listens to, for acknowledgements and edits; older ones are forgotten."""


class Owned(Protocol):
    """What decides whether a call joins: its CallStarted, or its row where it began earlier."""

    @property
    def agent_id(self) -> str | None:
        """Whose call it is."""


class EventFeed:
    """Makes followers."""

    def __init__(self, *, log: EventLog, bus: EventBus, calls: CallStore, capacity: int = 512) -> None:
        self._log = log
        self._bus = bus
        self._calls = calls
        self._capacity = capacity

    async def follow(
        self,
        positions: Mapping[str, int],
        accept_new: Callable[[Owned], bool] | None = None,
        *,
        since: CallFilter | None = None,
    ) -> AsyncGenerator[AnyEvent]:
        """Yield, for each call of ``positions``, the durable events after its ``seq``, then what happens, for ever.

        Calls that run or start later join, from their first event, when ``accept_new`` says so, and so do the calls
        that ``since`` finds, ended or not. Partials come as they happen and may be missing. What people do with a call
        is passed on until 200 more calls have ended after it.
        """
        follower = _Follower(self._log, positions, accept_new)
        async with self._bus.subscribe(follower.concerns, capacity=self._capacity) as subscription:
            # Subscribed first, read second: what happens meanwhile waits in the subscription and is recognised as a
            # repeat by its seq.
            if accept_new is not None:
                follower.join(await self._begun(since))
            async with aclosing(follower.missed()) as before:
                async for event in before:
                    yield event
            dropped = 0
            async for event in subscription:
                if subscription.dropped != dropped:
                    dropped = subscription.dropped
                    async with aclosing(follower.missed()) as overflowed:
                        async for earlier in overflowed:
                            yield earlier
                async with aclosing(follower.in_order(event)) as due:
                    async for one in due:
                        yield one

    async def _begun(self, since: CallFilter | None) -> list[CallRow]:
        """The calls that run now and those of ``since``, oldest first."""
        found: list[CallRow] = []
        page = [] if since is None else await self._calls.list(since, limit=PAGE)
        while page:
            found += page
            page = await self._calls.list(since, limit=PAGE, before=page[-1].call_id) if len(page) == PAGE else []
        listed = {row.call_id for row in found}
        running = [row for row in await self._calls.unfinished() if row.call_id not in listed]
        return [*running, *reversed(found)]


class _Follower:
    """What one follower has passed on, by call."""

    def __init__(self, log: EventLog, positions: Mapping[str, int], accept_new: Callable[[Owned], bool] | None) -> None:
        self._log = log
        self._last = dict(positions)
        self._accept_new = accept_new
        self._ended: deque[str] = deque()
        """Calls whose end was passed on, in that order."""

    def concerns(self, event: AnyEvent) -> bool:
        """Whether to wait for the event. A call joins here, when its start is announced: whatever overflows later, the
        call is known and is looked for in the log.
        """
        if event.call_id not in self._last and isinstance(event, CallStarted):
            self._join(event.call_id, event)
        return event.call_id in self._last

    def join(self, rows: list[CallRow]) -> None:
        """Take in calls that began before the subscription, each from its first event."""
        for row in rows:
            if row.call_id not in self._last:
                self._join(row.call_id, row)

    def _join(self, call_id: str, call: Owned) -> None:
        if self._accept_new is not None and self._accept_new(call):
            self._last[call_id] = 0

    async def missed(self) -> AsyncGenerator[AnyEvent]:
        """What the log holds beyond what was passed on."""
        for call_id in tuple(self._last):
            async for event in self._catch_up(call_id):
                yield event
        self._forget()

    async def in_order(self, event: AnyEvent) -> AsyncGenerator[AnyEvent]:
        """The announced event if it is due, with what has to come before it; nothing if it was passed on already."""
        seen = self._last.get(event.call_id)
        if seen is None:
            return  # forgotten while the event waited
        if event.delivery is Delivery.LOSSY:
            if event.seq >= seen:
                yield event
        elif event.seq == seen + 1:
            yield self._passed(event)
        elif event.seq > seen:
            async for missed in self._catch_up(event.call_id):
                yield missed
        self._forget()

    async def _catch_up(self, call_id: str) -> AsyncGenerator[AnyEvent]:
        page: list[AnyEvent] | None = None
        while page is None or len(page) == PAGE:
            page = await self._log.read(call_id, after=self._last[call_id], limit=PAGE)
            for event in page:
                yield self._passed(event)

    def _passed(self, event: AnyEvent) -> AnyEvent:
        self._last[event.call_id] = event.seq
        if isinstance(event, CallEnded):
            self._ended.append(event.call_id)
        return event

    def _forget(self) -> None:
        """Only between events: a catch-up under way still needs the places of all calls."""
        while len(self._ended) > KEPT_ENDED:
            del self._last[self._ended.popleft()]
