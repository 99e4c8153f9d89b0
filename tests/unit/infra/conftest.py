"""A migrated database in a file, a bus and a log on a clock that stands still."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callcue.infra.bus import InProcessBus
from callcue.infra.database import Database
from callcue.infra.event_log import EventLog
from callcue.testing import ManualClock


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'callcue.sqlite3'}")
    await database.migrate()
    yield database
    await database.close()


@pytest.fixture
def bus() -> InProcessBus:
    return InProcessBus()


@pytest.fixture
def log(db: Database, bus: InProcessBus) -> EventLog:
    return EventLog(db, bus, ManualClock())
