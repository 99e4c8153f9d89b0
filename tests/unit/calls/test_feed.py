"""Every durable event once and in order, across reconnects, overflow of the bus and new calls."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import aclosing

from callcue.calls.feed import EventFeed
from callcue.core.events import Alert, AnyEvent, PartialTranscript
from tests.unit.calls.conftest import Store, started


def alert(call_id: str, n: int) -> Alert:
    return Alert(call_id=call_id, at_ms=n, kind="test", reason=str(n), evidence=(), severity="info")


async def take(stream: AsyncIterator[AnyEvent], count: int) -> list[AnyEvent]:
    got: list[AnyEvent] = []
    async with asyncio.timeout(20):
        async for event in stream:
            got.append(event)
            if len(got) == count:
                return got
    return got


def feed_of(store: Store, capacity: int = 512) -> EventFeed:
    return EventFeed(log=store.log, bus=store.bus, calls=store.calls, capacity=capacity)


async def test_what_was_missed_comes_before_what_happens(store: Store) -> None:
    await store.log.append(started("c1"))
    await store.log.append(alert("c1", 2), alert("c1", 3))
    async with aclosing(feed_of(store).follow({"c1": 1})) as stream:
        assert [e.seq for e in await take(stream, 2)] == [2, 3]
        await store.log.append(alert("c1", 4))
        assert [e.seq for e in await take(stream, 1)] == [4]


async def test_another_call_is_not_heard(store: Store) -> None:
    await store.log.append(started("c1"))
    await store.log.append(started("c2"))
    async with aclosing(feed_of(store).follow({"c1": 1})) as stream:
        pending = asyncio.create_task(take(stream, 1))
        await asyncio.sleep(0)
        await store.log.append(alert("c2", 1))
        await store.log.append(alert("c1", 1))
        assert [e.call_id for e in await pending] == ["c1"]


async def test_a_new_call_joins_from_its_first_event(store: Store) -> None:
    async with aclosing(feed_of(store).follow({}, lambda event: event.agent_id == "a1")) as stream:
        pending = asyncio.create_task(take(stream, 2))
        while not store.bus.stats().subscriptions:  # noqa: ASYNC110 - the task says nothing when it is there
            await asyncio.sleep(0)
        await store.log.append(started("other", "a2"))
        await store.log.append(started("mine", "a1"))
        await store.log.append(alert("mine", 1))
        assert [(e.call_id, e.seq) for e in await pending] == [("mine", 1), ("mine", 2)]


async def test_an_overflowing_bus_loses_nothing_durable(store: Store) -> None:
    await store.log.append(started("c1"))
    async with aclosing(feed_of(store, capacity=4).follow({"c1": 0}, lambda _event: True)) as stream:
        assert [e.seq for e in await take(stream, 1)] == [1]
        pending = asyncio.create_task(take(stream, 1))
        await asyncio.sleep(0)
        for n in range(30):  # far more than fit, while the reader holds still
            await store.log.append(alert("c1", n))
        await store.log.append(started("late"))
        first = await pending
        rest = await take(stream, 30)
    ours = [e.seq for e in (*first, *rest) if e.call_id == "c1"]
    assert ours == list(range(2, 32))
    assert [e.seq for e in (*first, *rest) if e.call_id == "late"] == [1]


async def test_partials_pass_but_never_after_their_time(store: Store) -> None:
    await store.log.append(started("c1"))
    partial = PartialTranscript(
        call_id="c1", at_ms=5, channel="caller", segment_id="caller-1", revision=1, start_ms=0, stable="", unstable="x"
    )
    async with aclosing(feed_of(store).follow({"c1": 1})) as stream:
        pending = asyncio.create_task(take(stream, 2))
        while not store.bus.stats().subscriptions:  # noqa: ASYNC110 - the task says nothing when it is there
            await asyncio.sleep(0)
        await store.log.announce(partial)
        await store.log.append(alert("c1", 1))
        assert [e.type for e in await pending] == ["PartialTranscript", "Alert"]


async def test_a_reader_that_comes_and_goes_sees_everything_once(store: Store) -> None:
    """Drops at random points while a writer goes on: the union of what was read is the log, without a repeat."""
    await store.log.append(started("c1"))
    dice = random.Random(7)
    total = 120

    async def write() -> None:
        for n in range(total - 1):
            await store.log.append(alert("c1", n))
            if dice.random() < 0.3:
                await asyncio.sleep(0)

    writer = asyncio.create_task(write())
    seen: list[int] = []
    while len(seen) < total:
        wanted = min(dice.randint(1, 15), total - len(seen))
        async with aclosing(feed_of(store, capacity=8).follow({"c1": seen[-1] if seen else 0})) as stream:
            seen.extend(e.seq for e in await take(stream, wanted))
    await writer
    assert seen == list(range(1, total + 1))


async def test_what_comes_in_the_same_breath_as_a_start_is_not_missed(store: Store) -> None:
    async with aclosing(feed_of(store).follow({}, lambda _event: True)) as stream:
        pending = asyncio.create_task(take(stream, 2))
        while not store.bus.stats().subscriptions:  # noqa: ASYNC110 - the task says nothing when it is there
            await asyncio.sleep(0)
        await store.log.append(started("c1"), alert("c1", 1))
        assert [e.seq for e in await pending] == [1, 2]


async def test_a_call_that_began_before_the_subscription_joins_too(store: Store) -> None:
    await store.log.append(started("c1"))
    async with aclosing(feed_of(store).follow({}, lambda _event: True)) as stream:
        assert [(e.call_id, e.seq) for e in await take(stream, 1)] == [("c1", 1)]
