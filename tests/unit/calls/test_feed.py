"""Every durable event once and in order, across reconnects, overflow of the bus and new calls."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace

import pytest

from callcue.calls import feed
from callcue.calls.feed import EventFeed
from callcue.core.events import Alert, AnyEvent, CallEnded, CardAck, PartialTranscript
from callcue.infra.calls import CallFilter
from callcue.infra.projections import epoch_ms
from tests.unit.calls.conftest import Store, started


def alert(call_id: str, n: int) -> Alert:
    return Alert(call_id=call_id, at_ms=n, kind="test", reason=str(n), evidence=(), severity="info")


def ended(call_id: str) -> CallEnded:
    return CallEnded(call_id=call_id, at_ms=9, reason="hangup", duration_ms=9)


def ack(call_id: str) -> CardAck:
    """Something that may follow the end of a call."""
    return CardAck(call_id=call_id, at_ms=9, card_id="kb-1", push_seq=1, action="used", by="a1")


def partial(call_id: str, revision: int) -> PartialTranscript:
    return PartialTranscript(
        call_id=call_id,
        at_ms=5,
        channel="caller",
        segment_id="caller-1",
        revision=revision,
        start_ms=0,
        stable="",
        unstable="x",
    )


async def take(stream: AsyncIterator[AnyEvent], count: int) -> list[AnyEvent]:
    got: list[AnyEvent] = []
    async with asyncio.timeout(20):
        async for event in stream:
            got.append(event)
            if len(got) == count:
                return got
    return got


async def subscribed(store: Store) -> None:
    """Return when somebody listens."""
    while not store.bus.stats().subscriptions:  # noqa: ASYNC110 - the follower says nothing when it is there
        await asyncio.sleep(0)


def count_reads(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls whose events are read from the log from now on."""
    reads: list[str] = []
    real = store.log.read

    async def read(call_id: str, after: int = 0, limit: int = 1000) -> list[AnyEvent]:
        reads.append(call_id)
        return await real(call_id, after=after, limit=limit)

    monkeypatch.setattr(store.log, "read", read)
    return reads


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
        await subscribed(store)
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
    async with aclosing(feed_of(store).follow({"c1": 1})) as stream:
        pending = asyncio.create_task(take(stream, 2))
        await subscribed(store)
        await store.log.announce(partial("c1", 1))
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
        await subscribed(store)
        await store.log.append(started("c1"), alert("c1", 1))
        assert [e.seq for e in await pending] == [1, 2]


async def test_a_call_that_began_before_the_subscription_joins_too(store: Store) -> None:
    await store.log.append(started("c1"))
    async with aclosing(feed_of(store).follow({}, lambda _event: True)) as stream:
        assert [(e.call_id, e.seq) for e in await take(stream, 1)] == [("c1", 1)]


async def test_partials_that_did_not_fit_send_nobody_to_the_log(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await store.log.append(started("c1"))
    async with aclosing(feed_of(store, capacity=2).follow({"c1": 0})) as stream:
        assert [e.seq for e in await take(stream, 1)] == [1]
        reads = count_reads(store, monkeypatch)
        for revision in range(1, 20):
            await store.log.announce(partial("c1", revision))
        await store.log.append(alert("c1", 2))
        assert [e.type for e in await take(stream, 2)] == ["PartialTranscript", "Alert"]
    assert store.bus.stats().dropped_lossy > 0
    assert reads == []


async def test_a_call_that_came_and_went_while_the_bus_overflowed_is_passed_on_whole(store: Store) -> None:
    await store.log.append(started("c1"))
    async with aclosing(feed_of(store, capacity=2).follow({"c1": 0}, lambda _event: True)) as stream:
        assert [e.seq for e in await take(stream, 1)] == [1]
        await store.log.append(started("short"), alert("short", 2), ended("short"))
        await store.log.append(*(alert("c1", n) for n in range(5)))  # nothing of the short call is left on the bus
        got = await take(stream, 8)
    assert [e.seq for e in got if e.call_id == "short"] == [1, 2, 3]
    assert [e.seq for e in got if e.call_id == "c1"] == [2, 3, 4, 5, 6]


async def test_calls_that_ended_are_forgotten_in_time_and_never_repeated(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "KEPT_ENDED", 3)
    await store.log.append(started("running"))
    seen: list[AnyEvent] = []
    async with aclosing(feed_of(store, capacity=4).follow({"running": 1}, lambda _event: True)) as stream:
        pending = asyncio.create_task(take(stream, 20))
        await subscribed(store)
        for n in range(10):
            await store.log.append(started(f"c{n}"))
            await store.log.append(ended(f"c{n}"))
            await asyncio.sleep(0)
        seen += await pending
        reads = count_reads(store, monkeypatch)
        await store.log.append(ack("c0"))  # too long ago
        await store.log.append(ack("c9"))
        await store.log.append(*(alert("running", n) for n in range(6)))  # overflows
        seen += await take(stream, 7)
    assert set(reads) == {"running", "c7", "c8", "c9"}, "what is looked for after an overflow does not grow for ever"
    positions = [(e.call_id, e.seq) for e in seen]
    assert len(positions) == len(set(positions))
    expected = {(f"c{n}", seq) for n in range(10) for seq in (1, 2)}
    assert set(positions) == expected | {("c9", 3)} | {("running", seq) for seq in range(2, 8)}


async def test_a_call_that_began_and_ended_while_nobody_followed_is_not_missing(store: Store) -> None:
    """Known calls go on where they were, others come whole; what ended before the first known call stays away."""
    await store.log.append(replace(started("before"), started_at="2026-11-23T09:59:59+08:00"), ended("before"))
    await store.log.append(started("known"), alert("known", 2))
    await store.log.append(started("missed"), alert("missed", 2), ended("missed"))
    await store.log.append(started("theirs", "a2"), ended("theirs"))
    since = CallFilter(started_from_ms=epoch_ms(started("known").started_at))
    positions = {"known": 1}
    async with aclosing(feed_of(store).follow(positions, lambda call: call.agent_id == "a1", since=since)) as stream:
        got = await take(stream, 4)
        await store.log.append(alert("known", 3))
        got += await take(stream, 1)
    assert [(e.call_id, e.seq) for e in got] == [
        ("known", 2),
        ("missed", 1),
        ("missed", 2),
        ("missed", 3),
        ("known", 3),
    ]


async def test_every_page_of_missed_calls_is_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "PAGE", 2)
    for n in range(7):
        await store.log.append(started(f"c{n}"), alert(f"c{n}", 2), ended(f"c{n}"))
    since = CallFilter(started_from_ms=0)
    async with aclosing(feed_of(store).follow({}, lambda _call: True, since=since)) as stream:
        got = await take(stream, 21)
    assert [(e.call_id, e.seq) for e in got] == [(f"c{n}", seq) for n in range(7) for seq in (1, 2, 3)]
