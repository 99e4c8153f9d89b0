"""Calls and records as they are looked up after the log wrote them."""

import pytest

from callcue.core.errors import Conflict, NotFound
from callcue.core.records import CallRecord
from callcue.infra.calls import CallFilter, CallStore
from callcue.infra.database import Database
from callcue.infra.event_log import EventLog
from callcue.infra.records import RecordStore
from tests.unit.infra.samples import change, ended, final, started, updated


async def test_a_call_is_found_as_it_started_and_ended(db: Database, log: EventLog) -> None:
    store = CallStore(db)
    await log.append(started(), final())
    live = await store.get("c1")
    assert (live.agent_id, live.caller, live.language, live.source) == ("a1", "13800138000", "zh", "native")
    assert (live.channels, live.sample_rate, live.encoding) == (("caller", "agent"), 8000, "pcmu")
    assert (live.started_at, live.ended_at, live.duration_ms) == ("2026-11-23T10:00:00+08:00", None, None)
    assert live.last_seq == 2
    await log.append(ended())
    over = await store.get("c1")
    assert (over.ended_at, over.duration_ms, over.end_reason, over.last_seq) == (
        "2026-11-23T02:00:00+00:00",
        9000,
        "hangup",
        3,
    )


async def test_an_unknown_call_is_not_found(db: Database) -> None:
    with pytest.raises(NotFound):
        await CallStore(db).get("nobody")
    with pytest.raises(NotFound):
        await CallStore(db).list(before="nobody")


async def test_calls_are_listed_newest_first_in_pages_whatever_their_offset(db: Database, log: EventLog) -> None:
    times = {
        "b": "2026-11-23T10:00:00+08:00",
        "c": "2026-11-23T02:00:00+00:00",  # the same moment
        "a": "2026-11-23T02:00:01Z",
        "d": "2026-11-22T23:00:00-04:00",  # 03:00 UTC, the newest
    }
    for call_id, time in times.items():
        await log.append(started(call_id, started_at=time))
    store = CallStore(db)
    assert [row.call_id for row in await store.list()] == ["d", "a", "c", "b"]
    assert [row.call_id for row in await store.list(limit=2)] == ["d", "a"]
    assert [row.call_id for row in await store.list(limit=2, before="a")] == ["c", "b"]
    assert await store.list(before="b") == []


async def test_a_filter_leaves_only_what_it_names(db: Database, log: EventLog) -> None:
    await log.append(started("c1", agent_id="a1"), ended("c1"))
    await log.append(started("c2", agent_id="a1", caller="10086", started_at="2026-11-24T10:00:00+08:00"))
    await log.append(started("c3", agent_id=None, caller=None))
    store = CallStore(db)

    async def ids(wanted: CallFilter) -> list[str]:
        return sorted(row.call_id for row in await store.list(wanted))

    assert await ids(CallFilter(agent_id="a1")) == ["c1", "c2"]
    assert await ids(CallFilter(caller="10086")) == ["c2"]
    assert await ids(CallFilter(live=True)) == ["c2", "c3"]
    assert await ids(CallFilter(live=False)) == ["c1"]
    noon = 1_795_406_400_000  # 2026-11-23T12:00+08:00
    assert [row.call_id for row in await store.started_since(noon)] == ["c2"]
    assert await ids(CallFilter(started_to_ms=noon)) == ["c1", "c3"]
    assert [row.call_id for row in await store.unfinished()] == ["c3", "c2"]
    assert [row.call_id for row in await store.of_agent("a1", live=True)] == ["c2"]


async def test_the_record_is_the_fold_over_its_events(db: Database, log: EventLog) -> None:
    changes = (change("tags", ("退款",)), change("facts.amount", 12.5))
    await log.append(started(), updated("c1", 1, *changes))
    await log.append(updated("c1", 2, change("priority", 3)), updated("c1", 3, change("tags", ("退款", "投诉"))))
    stored = await RecordStore(db).get("c1")
    folded = CallRecord(call_id="c1")
    history = await RecordStore(db).history("c1")
    for version in history:
        folded = folded.apply(version.changes, version.version)
    assert stored == folded
    assert stored.version == 3
    assert stored.value("tags") == ("退款", "投诉")
    assert stored.value("facts.amount") == 12.5
    assert [(version.version, version.seq) for version in history] == [(1, 2), (2, 3), (3, 4)]


async def test_an_unknown_record_is_empty(db: Database) -> None:
    assert await RecordStore(db).get("c1") == CallRecord(call_id="c1")
    assert await RecordStore(db).history("c1") == []


async def test_a_stale_version_changes_nothing(db: Database, log: EventLog) -> None:
    await log.append(started(), updated("c1", 1, change("priority", 1)))
    with pytest.raises(Conflict, match="version 1"):
        await log.append(updated("c1", 1, change("priority", 2)))
    assert (await RecordStore(db).get("c1")).value("priority") == 1
