"""The bus never waits, and what does not fit is dropped in the right order and counted."""

import asyncio

import pytest

from callcue.core.errors import BadInput
from callcue.core.events import AnyEvent
from callcue.infra.bus import InProcessBus
from tests.unit.infra.samples import alert, final, partial


async def test_counters_tell_what_was_announced_and_what_was_lost() -> None:
    lost: list[AnyEvent] = []
    bus = InProcessBus(on_drop=lost.append)
    async with bus.subscribe(capacity=2) as slow:
        for event in (partial(revision=1), final(nth=1), final(nth=2), final(nth=3)):
            await bus.publish(event)
        stats = bus.stats()
        assert (stats.subscriptions, stats.dropped_lossy, stats.dropped_durable) == (1, 1, 1)
        assert stats.published == {"PartialTranscript": 1, "FinalTranscript": 3}
        assert slow.dropped == 1, "the partial is counted by the bus alone"
    assert lost == [partial(revision=1), final(nth=1)]
    assert bus.stats().subscriptions == 0


async def test_a_lossy_event_never_displaces_a_durable_one() -> None:
    bus = InProcessBus()
    async with bus.subscribe(capacity=2) as slow:
        for event in (final(nth=1), final(nth=2), partial(revision=1)):
            await bus.publish(event)
    assert [event async for event in slow] == [final(nth=1), final(nth=2)]
    assert slow.dropped == 0
    assert bus.stats().dropped_lossy == 1


async def test_publishing_never_gives_way_to_a_reader() -> None:
    bus = InProcessBus()
    async with bus.subscribe(capacity=1):
        publishing = bus.publish(final())
        with pytest.raises(StopIteration):
            publishing.send(None)  # ran through without once handing control to the loop


async def test_a_cancelled_reader_can_go_on_reading() -> None:
    bus = InProcessBus()
    async with bus.subscribe() as subscription:
        reader = asyncio.ensure_future(anext(aiter(subscription)))
        await asyncio.sleep(0)
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        await bus.publish(alert())
        assert await anext(aiter(subscription)) == alert()


def test_a_subscription_without_room_is_refused() -> None:
    with pytest.raises(BadInput):
        InProcessBus().subscribe(capacity=0)
