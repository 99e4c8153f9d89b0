"""A database of orders."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callcue.infra.database import Database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    found = Database(f"sqlite:///{tmp_path / 'orders.sqlite3'}")
    await found.migrate()
    yield found
    await found.close()
