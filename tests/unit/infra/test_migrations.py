"""Down the ladder and up again, with something in every table: nothing is lost but what the service makes anew."""

import asyncio

import pytest
from sqlalchemy import inspect

from callcue.core.errors import BadInput
from callcue.infra.bus import InProcessBus
from callcue.infra.completions import CompletionStore
from callcue.infra.database import Database
from callcue.infra.event_log import EventLog
from callcue.testing import ManualClock
from tests.databases import KINDS, why_no_postgres
from tests.unit.infra.conftest import run_sql
from tests.unit.infra.every_table import content, fill, without_vectors
from tests.unit.infra.samples import alert, started

STEPS = ("0005", "0004", "0003", "0002", "0001")


@pytest.mark.skipif(bool(why_no_postgres()), reason=why_no_postgres() or "there is one")
def test_postgresql_is_among_the_databases() -> None:
    """Says so where it is not: the other tests here run on whatever there is."""
    assert "postgresql" in KINDS


async def full(db: Database) -> EventLog:
    log = EventLog(db, InProcessBus(), ManualClock())
    await fill(db, log)
    return log


async def tables(db: Database) -> set[str]:
    async with db.engine.connect() as connection:
        return set(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))


async def test_there_is_something_in_every_table(db: Database) -> None:
    await full(db)
    found = await content(db)
    assert [name for name, rows in found.items() if not rows] == []


@pytest.mark.parametrize("down", STEPS)
async def test_down_and_up_again_loses_nothing(db: Database, down: str) -> None:
    await full(db)
    before = await content(db)
    await db.migrate(down)
    assert await run_sql(db, "SELECT version_num FROM alembic_version") == down
    await db.migrate()
    after = await content(db)
    lost = {"card_shows"} if down == "0001" else set()  # their vectors
    for name, rows in before.items():
        if name in lost:
            assert without_vectors(after)[name] == without_vectors(before)[name]
        else:
            assert after[name] == rows, name
    assert {name for name in await tables(db) if name.startswith("kept_")} == set()


async def test_step_by_step_down_and_up(db: Database) -> None:
    await full(db)
    before = without_vectors(await content(db))
    for step in STEPS:
        await db.migrate(step)
    for step in (*reversed(STEPS), "head"):
        await db.migrate(step)
    assert without_vectors(await content(db)) == before


async def test_a_confirmation_survives_without_its_table(db: Database) -> None:
    await full(db)
    held = await CompletionStore(db).get("c1")
    assert held is not None
    assert (held.confirmed_by, held.confirmed_version) == ("li", 1)
    await db.migrate("0005")
    await db.migrate()
    assert await CompletionStore(db).get("c1") == held
    open_one = await CompletionStore(db).get("c2")
    assert open_one is not None
    assert open_one.confirmed_ms is None
    assert await CompletionStore(db).get("c3") is None


async def test_what_was_set_aside_stays_away_where_its_call_is_gone(db: Database) -> None:
    await full(db)
    await db.migrate("0003")
    await run_sql(db, "DELETE FROM records WHERE call_id = 'c1'")
    await run_sql(db, "DELETE FROM calls WHERE call_id = 'c1'")
    await db.migrate()
    found = await content(db)
    assert found["forecasts"] == []
    assert [row["order_no"] for row in found["orders"]] == ["20773186"]


async def test_the_way_to_the_ground_empties_the_database(db: Database) -> None:
    await full(db)
    await db.migrate("0003")
    await db.migrate("base")
    assert await tables(db) <= {"alembic_version"}
    await db.migrate()
    assert not any((await content(db)).values())


async def test_a_revision_that_there_is_not_changes_nothing(db: Database) -> None:
    with pytest.raises(BadInput, match="there are 0001"):
        await db.migrate("0042")
    assert await run_sql(db, "SELECT version_num FROM alembic_version") == "0006"


async def test_an_older_program_says_that_the_schema_is_a_newer_ones(db: Database) -> None:
    await run_sql(db, "UPDATE alembic_version SET version_num = '0999'")
    with pytest.raises(BadInput, match="callcue schema --to 0006"):
        await db.migrate()


async def test_work_beside_each_other_keeps_the_numbers_of_a_call(db: Database) -> None:
    """Two services on one database, one call: no number twice, none left out."""
    one, other = (EventLog(db, InProcessBus(), ManualClock()) for _ in range(2))
    await one.append(started())
    await asyncio.gather(*(log.append(alert(at_ms=n)) for n in range(10) for log in (one, other)))
    assert [event.seq for event in await one.read("c1")] == list(range(1, 22))
