"""The event bus inside one process."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

from callcue.core.errors import BadInput
from callcue.core.events import AnyEvent, Delivery

Accepts = Callable[[AnyEvent], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class BusStats:
    """Counters since the bus was made."""

    subscriptions: int
    """Open now."""
    published: Mapping[str, int]
    """By event type."""
    dropped_lossy: int
    dropped_durable: int
    """Events that a slow subscription has to read from the event log instead."""


class InProcessBus:
    """An EventBus for one event loop: hands each event to every open subscription that accepts it, without waiting.

    ``on_drop`` hears of every event that did not fit somewhere.
    """

    def __init__(self, on_drop: Callable[[AnyEvent], None] | None = None) -> None:
        self._on_drop = on_drop
        self._open: list[InProcessSubscription] = []
        self._published: Counter[str] = Counter()
        self._dropped = {Delivery.LOSSY: 0, Delivery.DURABLE: 0}

    async def publish(self, event: AnyEvent) -> None:
        """Hand the event over; returns without ever having waited."""
        self._published[event.type] += 1
        for subscription in tuple(self._open):
            lost = subscription.offer(event)
            if lost is not None:
                self._dropped[lost.delivery] += 1
                if self._on_drop is not None:
                    self._on_drop(lost)

    def subscribe(self, accepts: Accepts | None = None, *, capacity: int = 256) -> "InProcessSubscription":
        """A subscription that receives from the moment it is entered (``async with``) until it is left."""
        if capacity < 1:
            raise BadInput(f"a subscription needs room for at least one event, not {capacity}")
        return InProcessSubscription(self._open, accepts, capacity)

    def stats(self) -> BusStats:
        """The counters now."""
        return BusStats(
            subscriptions=len(self._open),
            published=dict(self._published),
            dropped_lossy=self._dropped[Delivery.LOSSY],
            dropped_durable=self._dropped[Delivery.DURABLE],
        )


class InProcessSubscription:
    """A bounded stream of events for one reader."""

    def __init__(self, registry: "list[InProcessSubscription]", accepts: Accepts | None, capacity: int) -> None:
        self._registry = registry
        self._accepts = accepts
        self._capacity = capacity
        # two queues, merged by arrival number, so that finding the oldest lossy event takes no search
        self._lossy: deque[tuple[int, AnyEvent]] = deque()
        self._durable: deque[tuple[int, AnyEvent]] = deque()
        self._arrivals = 0
        self._dropped = 0
        self._wake = asyncio.Event()
        self._closed = False

    async def __aenter__(self) -> "InProcessSubscription":
        self._registry.append(self)
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self in self._registry:
            self._registry.remove(self)
        self._closed = True
        self._wake.set()

    def __aiter__(self) -> AsyncIterator[AnyEvent]:
        return self

    async def __anext__(self) -> AnyEvent:
        while not (self._lossy or self._durable):
            if self._closed:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        return self._pop()

    @property
    def dropped(self) -> int:
        """How many durable events did not fit since the subscription began."""
        return self._dropped

    def offer(self, event: AnyEvent) -> AnyEvent | None:
        """Queue the event if it is wanted; returns what had to go for it, possibly the event itself."""
        if self._accepts is not None and not self._accepts(event):
            return None
        lost = self._make_room(event)
        if lost is not None and lost.delivery is Delivery.DURABLE:
            self._dropped += 1
        if lost is not event:
            self._arrivals += 1
            queue = self._lossy if event.delivery is Delivery.LOSSY else self._durable
            queue.append((self._arrivals, event))
            self._wake.set()
        return lost

    def _make_room(self, event: AnyEvent) -> AnyEvent | None:
        if len(self._lossy) + len(self._durable) < self._capacity:
            return None
        if self._lossy:
            return self._lossy.popleft()[1]
        if event.delivery is Delivery.LOSSY:
            return event  # it is itself the oldest lossy event
        return self._durable.popleft()[1]

    def _pop(self) -> AnyEvent:
        first_lossy = self._lossy[0][0] if self._lossy else self._arrivals + 1
        first_durable = self._durable[0][0] if self._durable else self._arrivals + 1
        return (self._lossy if first_lossy < first_durable else self._durable).popleft()[1]
