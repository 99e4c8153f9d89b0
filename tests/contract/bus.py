"""What every EventBus promises; subclass it and give ``bus``."""

import asyncio
from collections.abc import AsyncIterator

from callcue.core.events import Alert, AnyEvent, PartialTranscript
from callcue.core.ports import EventBus


def durable(nth: int, call_id: str = "c1") -> AnyEvent:
    return Alert(call_id=call_id, seq=nth, at_ms=nth, kind="k", reason="r", evidence=(), severity="info")


def lossy(nth: int) -> AnyEvent:
    return PartialTranscript(
        call_id="c1",
        seq=nth,
        at_ms=nth,
        channel="caller",
        segment_id="s",
        revision=nth,
        start_ms=0,
        stable="",
        unstable="嗯",
    )


async def take(stream: AsyncIterator[AnyEvent], count: int) -> list[AnyEvent]:
    async with asyncio.timeout(10):
        return [await anext(stream) for _ in range(count)]


class EventBusContract:
    """Tests for a fixture ``bus``."""

    async def test_every_subscription_gets_every_event_in_order(self, bus: EventBus) -> None:
        events = [durable(1), lossy(1), durable(2)]
        async with bus.subscribe() as one, bus.subscribe() as other:
            for event in events:
                await bus.publish(event)
            assert await take(aiter(one), 3) == events
            assert await take(aiter(other), 3) == events
            assert one.dropped == 0

    async def test_only_what_is_accepted_arrives(self, bus: EventBus) -> None:
        async with bus.subscribe(lambda event: event.call_id == "c2") as mine:
            for event in (durable(1, "c1"), durable(2, "c2"), durable(3, "c1"), durable(4, "c2")):
                await bus.publish(event)
            assert [event.seq for event in await take(aiter(mine), 2)] == [2, 4]

    async def test_a_full_subscription_loses_its_oldest_lossy_event_first(self, bus: EventBus) -> None:
        async with bus.subscribe(capacity=3) as slow:
            for event in (durable(1), lossy(1), lossy(2), durable(2), durable(3)):
                await bus.publish(event)
            assert await take(aiter(slow), 3) == [durable(1), durable(2), durable(3)]
            assert slow.dropped == 0, "only durable events have to be read from elsewhere"

    async def test_then_its_oldest_event(self, bus: EventBus) -> None:
        async with bus.subscribe(capacity=2) as slow:
            for nth in range(1, 6):
                await bus.publish(durable(nth))
            assert await take(aiter(slow), 2) == [durable(4), durable(5)]
            assert slow.dropped == 3

    async def test_acceptance_is_asked_about_every_event_also_when_it_finds_no_room(self, bus: EventBus) -> None:
        asked: list[AnyEvent] = []

        def accepts(event: AnyEvent) -> bool:
            asked.append(event)
            return True

        events = [durable(1), durable(2), lossy(2), durable(3)]
        async with bus.subscribe(accepts, capacity=1):
            for event in events:
                await bus.publish(event)
            assert asked == events

    async def test_a_slow_reader_takes_nothing_from_a_fast_one(self, bus: EventBus) -> None:
        async with bus.subscribe(capacity=1) as slow, bus.subscribe(capacity=100) as fast:
            for nth in range(1, 51):
                await bus.publish(durable(nth))
            assert [event.seq for event in await take(aiter(fast), 50)] == list(range(1, 51))
            assert (slow.dropped, fast.dropped) == (49, 0)

    async def test_a_waiting_reader_is_woken(self, bus: EventBus) -> None:
        async with bus.subscribe() as subscription:
            waiting = asyncio.create_task(take(aiter(subscription), 1))
            await asyncio.sleep(0)
            await bus.publish(durable(1))
            assert await waiting == [durable(1)]

    async def test_who_has_left_gets_nothing(self, bus: EventBus) -> None:
        async with bus.subscribe() as gone:
            pass
        await bus.publish(durable(1))
        assert [event async for event in gone] == []

    async def test_what_was_published_before_is_not_repeated(self, bus: EventBus) -> None:
        await bus.publish(durable(1))
        async with bus.subscribe() as late:
            await bus.publish(durable(2))
            assert await take(aiter(late), 1) == [durable(2)]
