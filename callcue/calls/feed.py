"""Every durable event, once and in order, to whoever follows calls, across drops of the connection and of the bus.

The bus only announces; the log is the truth. A follower knows the last ``seq`` of each call that it passed on: an
older event is a repeat, a later one shows a gap, and a gap is read from the log.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing

from callcue.core.events import AnyEvent, CallStarted, Delivery
from callcue.core.ports import EventBus
from callcue.infra.calls import CallStore
from callcue.infra.event_log import EventLog

PAGE = 500
"""Events read from the log at once."""


class EventFeed:
    """Makes followers."""

    def __init__(self, *, log: EventLog, bus: EventBus, calls: CallStore, capacity: int = 512) -> None:
        self._log = log
        self._bus = bus
        self._calls = calls
        self._capacity = capacity

    async def follow(
        self, positions: Mapping[str, int], accept_new: Callable[[CallStarted], bool] | None = None
    ) -> AsyncGenerator[AnyEvent]:
        """Yield, for each call of ``positions``, the durable events after its ``seq``, then what happens, for ever.

        Calls that start later join, from their first event, when ``accept_new`` says so. Partials come as they
        happen and may be missing.
        """
        last = dict(positions)

        def concerns(event: AnyEvent) -> bool:
            return event.call_id in last or (isinstance(event, CallStarted) and accept_new is not None)

        async with self._bus.subscribe(concerns, capacity=self._capacity) as subscription:
            # Subscribed first, read second: what happens meanwhile waits in the subscription and is recognised as a
            # repeat by its seq.
            async with aclosing(self._missed(last, accept_new)) as before:
                async for event in before:
                    yield event
            dropped = 0
            async for event in subscription:
                if subscription.dropped != dropped:
                    dropped = subscription.dropped
                    async with aclosing(self._missed(last, accept_new)) as overflowed:
                        async for earlier in overflowed:
                            yield earlier
                async with aclosing(self._in_order(event, last, accept_new)) as due:
                    async for one in due:
                        yield one

    async def _in_order(
        self, event: AnyEvent, last: dict[str, int], accept_new: Callable[[CallStarted], bool] | None
    ) -> AsyncGenerator[AnyEvent]:
        if event.call_id not in last:
            if not (isinstance(event, CallStarted) and accept_new is not None and accept_new(event)):
                return
            # What came right after the start was not ours yet when it was announced: it is in the log.
            last[event.call_id] = 0
            async for first in self._catch_up(event.call_id, last):
                yield first
            return
        seen = last[event.call_id]
        if event.delivery is Delivery.LOSSY:
            if event.seq >= seen:
                yield event
        elif event.seq == seen + 1:
            last[event.call_id] = event.seq
            yield event
        elif event.seq > seen:
            async for missed in self._catch_up(event.call_id, last):
                yield missed

    async def _catch_up(self, call_id: str, last: dict[str, int]) -> AsyncGenerator[AnyEvent]:
        while page := await self._log.read(call_id, after=last[call_id], limit=PAGE):
            for event in page:
                last[call_id] = event.seq
                yield event

    async def _missed(
        self, last: dict[str, int], accept_new: Callable[[CallStarted], bool] | None
    ) -> AsyncGenerator[AnyEvent]:
        """What the log holds beyond ``last``, calls included whose start was not heard."""
        if accept_new is not None:
            for row in await self._calls.unfinished():
                if row.call_id not in last:
                    first = await self._log.read(row.call_id, after=0, limit=1)
                    if first and isinstance(first[0], CallStarted) and accept_new(first[0]):
                        last[row.call_id] = 0
        for call_id in tuple(last):
            async for event in self._catch_up(call_id, last):
                yield event
