"""A migrated database (a file, and one of PostgreSQL where a server is named), a bus and a log on a clock that stands
still."""

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
from tests.databases import KINDS, empty_database


@pytest.fixture(params=KINDS)
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with empty_database(request.param, tmp_path) as database:
        await database.migrate()
        yield database


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
