"""Written before announced, numbered without gap, in order, all or nothing."""

import asyncio
from dataclasses import replace

import pytest

from callcue.core.errors import BadInput, CallCueError, Conflict, NotFound, StorageFailed
from callcue.core.events import AnyEvent, FinalTranscript
from callcue.core.ids import KB_STREAM
from callcue.infra.bus import InProcessBus
from callcue.infra.database import Database
from callcue.infra.event_log import EventLog
from tests.unit.infra.conftest import run_sql
from tests.unit.infra.samples import (
    ack,
    alert,
    customer,
    ended,
    final,
    flow_moved,
    index_built,
    kb_changed,
    partial,
    push,
    started,
    tag,
    updated,
    voices,
)


async def test_an_append_is_numbered_stored_and_announced(log: EventLog, bus: InProcessBus) -> None:
    async with bus.subscribe() as heard:
        written = await log.append(started(), final(), push())
    assert [event.seq for event in written] == [1, 2, 3]
    assert [replace(event, seq=0) for event in written] == [started(), final(), push()]
    assert await log.read("c1") == written
    assert [event async for event in heard] == written


async def test_the_newest_event_of_a_type(log: EventLog) -> None:
    await log.append(started(), voices(), alert(at_ms=1), alert(at_ms=2), ended())
    found = await log.newest("c1", "Alert")
    assert found is not None
    assert (found.seq, found.at_ms) == (4, 2)
    assert await log.newest("c1", "VoiceSummary") == replace(voices(), seq=2)
    assert await log.newest("c1", "CardPush") is None
    assert await log.newest("nowhere", "Alert") is None


async def test_every_event_of_a_type(log: EventLog) -> None:
    await log.append(started(), alert(at_ms=1), flow_moved(), alert(at_ms=2))
    assert [(event.seq, event.at_ms) for event in await log.read_type("c1", "Alert")] == [(2, 1), (4, 2)]
    assert await log.read_type("c1", "CardPush") == await log.read_type("nowhere", "Alert") == []


async def test_after_the_end_people_tick_off_steps_and_nothing_else_moves_a_flow(log: EventLog) -> None:
    await log.append(started(), ended())
    (written,) = await log.append(flow_moved(source="person"))
    assert written.seq == 3
    for late in (flow_moved(source="speech"), customer()):
        with pytest.raises(Conflict, match="is over"):
            await log.append(late)


async def test_nothing_is_announced_before_it_can_be_read(db: Database) -> None:
    class Suspicious(InProcessBus):
        async def publish(self, event: AnyEvent) -> None:
            assert event in await log.read(event.call_id)
            self.seen = [*getattr(self, "seen", []), event.seq]

    bus = Suspicious()
    log = EventLog(db, bus)
    await log.append(started(), final())
    await log.append(tag())
    assert bus.seen == [1, 2, 3]


async def test_concurrent_appends_of_a_call_are_announced_in_order(log: EventLog, bus: InProcessBus) -> None:
    await log.append(started())
    await log.append(started("c2"))
    async with bus.subscribe(capacity=1000) as heard:
        await asyncio.gather(
            *(log.append(alert("c1", nth), alert("c1", nth)) for nth in range(20)),
            *(log.append(alert("c2", nth)) for nth in range(20)),
        )
    events = [event async for event in heard]
    assert [event.seq for event in events if event.call_id == "c1"] == list(range(2, 42))
    assert [event.seq for event in events if event.call_id == "c2"] == list(range(2, 22))
    assert await log.read("c1", after=1) == [event for event in events if event.call_id == "c1"]


async def test_a_bus_that_takes_its_time_changes_no_order(db: Database) -> None:
    class Dawdling(InProcessBus):
        def __init__(self) -> None:
            super().__init__()
            self.order: list[int] = []

        async def publish(self, event: AnyEvent) -> None:
            for _ in range(200 if event.seq % 2 else 0):
                await asyncio.sleep(0)
            self.order.append(event.seq)

    bus = Dawdling()
    log = EventLog(db, bus)
    await log.append(started())
    await asyncio.gather(*(log.append(alert("c1", nth)) for nth in range(10)))
    assert bus.order == list(range(1, 12))


async def test_reading_goes_on_after_a_number_and_stops_at_a_limit(log: EventLog) -> None:
    await log.append(started(), *(final(nth=nth) for nth in range(1, 10)))
    assert [event.seq for event in await log.read("c1", after=4, limit=3)] == [5, 6, 7]
    assert await log.read("c1", after=10) == []
    assert await log.read("c1", limit=0) == []
    assert await log.last_seq("c1") == 10
    assert await log.last_seq("unknown") == 0
    assert await log.read("unknown") == []


async def test_a_partial_goes_to_the_bus_alone_with_the_newest_number(log: EventLog, bus: InProcessBus) -> None:
    await log.append(started(), final())
    async with bus.subscribe() as heard:
        await log.announce(partial())
    assert [event async for event in heard] == [replace(partial(), seq=2)]
    assert await log.last_seq("c1") == 2


async def test_a_partial_of_a_call_begun_before_a_restart_knows_its_number(db: Database, log: EventLog) -> None:
    await log.append(started(), final())
    bus = InProcessBus()
    async with bus.subscribe() as heard:
        await EventLog(db, bus).announce(partial())
    assert [event.seq async for event in heard] == [2]


@pytest.mark.parametrize(
    ("before", "then", "refusal"),
    [
        ([started()], [started()], Conflict),
        ([], [final()], NotFound),
        ([], [ended()], NotFound),
        ([started(), ended()], [final()], Conflict),
        ([started(), ended()], [ended()], Conflict),
        ([started(), ended()], [tag()], Conflict),
        ([started()], [ended(), final()], Conflict),
        ([started()], [updated("c1", 2)], Conflict),
        ([started(), updated("c1", 1)], [updated("c1", 1)], Conflict),
        ([started()], [partial()], BadInput),
        ([started()], [final(), final("c2")], BadInput),
        ([started()], [replace(kb_changed(), call_id="c1")], BadInput),
        ([started()], [alert(), replace(alert(), severity="loud")], BadInput),
        ([], [replace(alert(), call_id=KB_STREAM)], BadInput),
        ([], [started(started_at="2026-11-23T10:00:00")], BadInput),
        ([], [started(started_at="yesterday")], BadInput),
    ],
)
async def test_what_may_not_come_next_is_refused_whole(
    log: EventLog, bus: InProcessBus, before: list[AnyEvent], then: list[AnyEvent], refusal: type[CallCueError]
) -> None:
    await log.append(*before)
    async with bus.subscribe() as heard:
        with pytest.raises(refusal):
            await log.append(*then)
    assert [event async for event in heard] == []
    assert await log.last_seq("c1") == len(before)
    assert await log.last_seq(KB_STREAM) == 0


async def test_people_may_still_act_when_the_call_is_over(log: EventLog) -> None:
    await log.append(started(), push(), ended())
    assert [event.seq for event in await log.append(ack(), updated())] == [4, 5]


async def test_the_knowledge_base_has_a_stream_of_its_own(log: EventLog) -> None:
    assert [event.seq for event in await log.append(kb_changed(), index_built())] == [1, 2]


async def test_appending_nothing_does_nothing(log: EventLog) -> None:
    assert await log.append() == []


async def test_a_cancelled_append_is_still_written_and_announced_together(log: EventLog, bus: InProcessBus) -> None:
    await log.append(started())
    async with bus.subscribe() as heard:
        appending = asyncio.create_task(log.append(final()))
        await asyncio.sleep(0)
        appending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await appending
        await log.drain()
    announced = [event async for event in heard]
    assert announced == await log.read("c1", after=1)
    assert [event.seq for event in announced] == [2]


async def test_when_storage_fails_nobody_is_told_and_the_reason_holds_no_text(db: Database, bus: InProcessBus) -> None:
    log = EventLog(db, bus)
    await log.append(started())
    await run_sql(db, "ALTER TABLE events DROP COLUMN body")
    async with bus.subscribe() as heard:
        with pytest.raises(StorageFailed) as caught:
            await log.append(replace(alert(), reason="我的密码"))
    assert "nothing was announced" in caught.value.message
    error: BaseException | None = caught.value
    while error is not None:
        assert "密码" not in str(error)
        error = error.__cause__
    assert [event async for event in heard] == []


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
async def test_a_refusal_that_does_not_end_is_a_storage_failure(db: Database, log: EventLog) -> None:
    await log.append(started())
    await run_sql(db, "CREATE TRIGGER no BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'refused'); END")
    with pytest.raises(StorageFailed, match="Nothing was written"):
        await log.append(final())
    assert await log.last_seq("c1") == 1


async def test_a_call_can_be_written_to_again_after_a_failure(log: EventLog) -> None:
    with pytest.raises(NotFound):
        await log.append(final())
    written = await log.append(started(), final())
    assert isinstance(written[1], FinalTranscript)
