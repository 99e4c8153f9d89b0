"""A migrated database in a file, a bus and a log on a clock that stands still."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

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


async def run_sql(db: Database, statement: str) -> Any:
    """Run one statement in a writing transaction; the first value of its result, if it has one."""

    async def work(session: AsyncSession) -> Any:
        result = await session.execute(text(statement))
        return result.scalar() if result.returns_rows else None

    return await db.write("run a statement", work)
