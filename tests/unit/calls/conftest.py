"""A real database and event log for the tests of the calls' room."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from callcue.core.events import CallStarted
from callcue.infra.bus import InProcessBus
from callcue.infra.calls import CallStore
from callcue.infra.database import Database
from callcue.infra.event_log import EventLog
from callcue.infra.records import RecordStore


@dataclass(frozen=True)
class Store:
    """Everything that reads and writes one fresh database."""

    database: Database
    bus: InProcessBus
    log: EventLog
    calls: CallStore
    records: RecordStore


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'test.sqlite3'}")
    await database.migrate()
    bus = InProcessBus()
    log = EventLog(database, bus)
    yield Store(database, bus, log, CallStore(database), RecordStore(database))
    await log.drain()
    await database.close()


def started(call_id: str, agent_id: str | None = "a1") -> CallStarted:
    """The first event of a call."""
    return CallStarted(
        call_id=call_id,
        at_ms=0,
        channels=("caller", "agent"),
        agent_id=agent_id,
        caller=None,
        language="zh",
        source="test",
        sample_rate=8000,
        encoding="pcm_s16le",
        started_at="2026-11-23T10:00:00+08:00",
    )
