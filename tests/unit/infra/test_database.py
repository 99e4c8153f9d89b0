"""The schema comes up and down, agrees with the models, and the file is set up to keep what it was given."""

import asyncio
import sqlite3
import stat
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_mock_engine, inspect, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.schema import CreateTable

from callcue.core.errors import BadInput, MissingExtra, StorageFailed
from callcue.infra import customer_tables  # noqa: F401 - its tables belong to Base, too
from callcue.infra.database import Database
from callcue.infra.tables import Base
from tests.unit.infra.conftest import run_sql

_COLUMNS = "(card_id, version, status, lang, digest)"
TABLES = {"events", "calls", "records", "cards", "card_versions", "card_searches", "question_verdicts"} | {
    "card_shows",
    "card_acks",
    "completions",
    "field_configs",
    "topics",
    "questions",
    "call_outcomes",
    "audits",
    "customer_events",
    "forecasts",
    "forecast_switches",
    "orders",
}


async def tables(db: Database) -> set[str]:
    async with db.engine.connect() as connection:
        return set(await connection.run_sync(lambda sync: inspect(sync).get_table_names())) - {"alembic_version"}


async def test_migrations_and_models_agree(db: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, Base.metadata))

    async with db.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_the_schema_goes_up_down_and_up_again(db: Database) -> None:
    assert await tables(db) == TABLES
    await db.migrate("base")
    assert await tables(db) == set()
    await db.migrate()
    assert await tables(db) == TABLES


async def test_migrating_twice_at_once_is_safe(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'deep' / 'er' / 'callcue.sqlite3'}"
    first, second = Database(url), Database(url)
    await asyncio.gather(first.migrate(), second.migrate())
    assert await tables(first) == TABLES
    await first.close()
    await second.close()


async def test_another_process_that_writes_to_the_new_file_is_waited_for(tmp_path: Path) -> None:
    """SQLite refuses the change to WAL on the spot while somebody writes, whatever the busy timeout."""
    path = tmp_path / "callcue.sqlite3"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        sqlite3.connect(path).execute("PRAGMA journal_mode=WAL")

    db = Database(f"sqlite:///{path}")
    migrating = asyncio.create_task(db.migrate())
    done, _ = await asyncio.wait([migrating], timeout=0.3)
    assert not done
    other.execute("COMMIT")
    other.close()
    await migrating
    assert await tables(db) == TABLES
    assert await run_sql(db, "PRAGMA journal_mode") == "wal"
    await db.close()


async def test_the_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "100% private"
    db = Database(f"sqlite:///{folder / 'callcue.sqlite3'}")
    await db.migrate()
    await db.close()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("name", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 10_000)]
)
async def test_sqlite_keeps_what_was_committed(db: Database, name: str, value: object) -> None:
    assert await run_sql(db, f"PRAGMA {name}") == value


async def test_work_that_raises_leaves_nothing(db: Database) -> None:
    async def work(session: AsyncSession) -> None:
        await session.execute(text(f"INSERT INTO cards {_COLUMNS} VALUES ('k', 1, 'draft', 'zh', 'd')"))
        raise KeyError

    with pytest.raises(KeyError):
        await db.write("try", work)
    assert await run_sql(db, "SELECT count(*) FROM cards") == 0


async def test_a_row_without_its_call_is_refused(db: Database) -> None:
    with pytest.raises(IntegrityError):
        await run_sql(db, "INSERT INTO records VALUES ('nobody', 1, '{}', 'now')")


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
async def test_writers_of_one_process_take_turns(db: Database) -> None:
    async def count_up(session: AsyncSession) -> None:
        held = await session.scalar(text("SELECT version FROM cards WHERE card_id = 'k'"))
        await asyncio.sleep(0)
        await session.execute(text("UPDATE cards SET version = :next"), {"next": held + 1})

    await run_sql(db, f"INSERT INTO cards {_COLUMNS} VALUES ('k', 0, 'draft', 'zh', 'd')")
    await asyncio.gather(*(db.write("count", count_up) for _ in range(30)))
    assert await run_sql(db, "SELECT version FROM cards") == 30


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize("rounds", range(12))
async def test_a_caller_that_goes_away_leaves_nothing_locked(db: Database, rounds: int) -> None:
    """Cancelled after any number of turns of the loop, the work is done whole, and the next one does not wait."""

    async def work(session: AsyncSession) -> None:
        for nth in range(3):
            await session.execute(text(f"INSERT INTO cards {_COLUMNS} VALUES ('k{nth}', 0, 'draft', 'zh', 'd')"))

    writing = asyncio.create_task(db.write("try", work))
    for _ in range(rounds + 1):
        await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert await run_sql(db, "SELECT count(*) FROM cards") == 3


async def test_closing_waits_for_what_was_begun(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'callcue.sqlite3'}")
    await db.migrate()
    writing = asyncio.create_task(run_sql(db, f"INSERT INTO cards {_COLUMNS} VALUES ('k', 0, 'draft', 'zh', 'd')"))
    await asyncio.sleep(0)
    writing.cancel()
    await db.close()
    assert writing.cancelled()
    again = Database(f"sqlite:///{tmp_path / 'callcue.sqlite3'}")
    assert await run_sql(again, "SELECT count(*) FROM cards") == 1
    await again.close()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://host/db", "callcue.sqlite3", ""])
def test_a_database_that_would_not_do_is_refused(url: str) -> None:
    with pytest.raises(BadInput, match=r"database\.url"):
        Database(url)


async def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    db = Database(f"sqlite:///{tmp_path / 'file' / 'callcue.sqlite3'}")
    with pytest.raises(StorageFailed, match="data_dir"):
        await db.migrate()
    await db.close()


async def test_a_file_that_is_no_database_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "callcue.sqlite3"
    path.write_bytes(b"this is not SQLite " * 100)
    db = Database(f"sqlite:///{path}")
    with pytest.raises(StorageFailed, match="not a database"):
        await db.migrate()
    await db.close()


def test_a_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(MissingExtra, match="postgres"):
        Database("postgresql://localhost/callcue")


def test_the_tables_can_be_made_in_postgresql() -> None:
    made: list[str] = []
    engine = create_mock_engine("postgresql://", lambda statement, *a, **k: made.append(str(statement)))
    Base.metadata.create_all(engine, checkfirst=False)
    assert len([line for line in made if "CREATE TABLE" in line]) == len(TABLES)
    for table in Base.metadata.sorted_tables:
        assert str(CreateTable(table).compile(dialect=postgresql.dialect()))
