"""What was announced is there after ``kill -9``, and two processes that write to one call do not disturb each other.

Real processes, a real file.
"""

import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from callcue.core.events import CallEnded
from callcue.infra.bus import InProcessBus
from callcue.infra.calls import CallStore
from callcue.infra.codec import encode
from callcue.infra.database import Database
from callcue.infra.event_log import EventLog
from callcue.infra.records import RecordStore
from tests.unit.infra.conftest import run_sql
from tests.unit.infra.samples import started

ROOT = Path(__file__).parents[3]


class Writer:
    """A writer process."""

    def __init__(self, url: str, mode: str, count: int, name: str) -> None:
        command = [sys.executable, "-m", "tests.integration.infra.writer", url, "c1", mode, str(count), name]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        assert self.process.stdout is not None
        assert self.process.stdin is not None
        self.out, self.input = self.process.stdout, self.process.stdin
        assert self.out.readline() == "ready\n"

    def go(self) -> None:
        self.input.write("go\n")
        self.input.flush()

    def announced(self, at_most: int | None = None) -> Iterator[dict[str, Any]]:
        for nth, line in enumerate(self.out, 1):
            if line.endswith("\n"):  # the last line of a killed process may be cut
                yield json.loads(line)
            if nth == at_most:
                return

    def close(self) -> None:
        self.process.kill()
        self.process.wait(30)
        self.out.close()
        self.input.close()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path / 'callcue.sqlite3'}"


@pytest.fixture
async def db(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    await database.migrate()
    await EventLog(database, InProcessBus()).append(started())
    yield database
    await database.close()


async def events(db: Database) -> list[dict[str, Any]]:
    return [encode(event) for event in await EventLog(db, InProcessBus()).read("c1", limit=10_000)]


@pytest.mark.parametrize("kill_after", [1, 40, 150])
async def test_every_announced_event_survives_kill_9(db: Database, url: str, kill_after: int) -> None:
    writer = Writer(url, "alerts", 100_000, "w")
    try:
        writer.go()
        heard = list(writer.announced(at_most=kill_after))
        writer.process.send_signal(signal.SIGKILL)
        assert writer.process.wait(30) == -signal.SIGKILL
        heard += list(writer.announced())
    finally:
        writer.close()
    stored = await events(db)
    assert [event["seq"] for event in stored] == list(range(1, len(stored) + 1))
    assert stored[1 : 1 + len(heard)] == heard
    # a batch was written whole or not at all
    assert len([event for event in stored if event["at_ms"] % 3 == 0]) - 1 == len(
        [event for event in stored if event["at_ms"] % 3 == 1]
    )
    assert await run_sql(db, "PRAGMA integrity_check") == "ok"

    # and the call can be closed with everything it had
    (unfinished,) = await CallStore(db).unfinished()
    assert unfinished.last_seq == len(stored)
    log = EventLog(db, InProcessBus())
    (end,) = await log.append(CallEnded(call_id="c1", at_ms=0, reason="interrupted", duration_ms=0))
    assert end.seq == len(stored) + 1
    assert await CallStore(db).unfinished() == []


async def test_two_processes_number_one_call_without_gap_or_double(db: Database, url: str) -> None:
    writers = [Writer(url, "alerts", 120, name) for name in ("one", "other")]
    try:
        for writer in writers:
            writer.go()
        heard = [list(writer.announced()) for writer in writers]
        assert [writer.process.wait(60) for writer in writers] == [0, 0]
    finally:
        for writer in writers:
            writer.close()
    stored = await events(db)
    assert [event["seq"] for event in stored] == list(range(1, 242))
    for own in heard:
        assert [event["seq"] for event in own] == sorted(event["seq"] for event in own)
    assert sorted((*heard[0], *heard[1]), key=lambda event: event["seq"]) == stored[1:]


async def test_two_processes_lose_no_edit_of_a_record(db: Database, url: str) -> None:
    writers = [Writer(url, "record", 40, name) for name in ("one", "other")]
    try:
        for writer in writers:
            writer.go()
        assert [len(list(writer.announced())) for writer in writers] == [40, 40]
    finally:
        for writer in writers:
            writer.close()
    record = await RecordStore(db).get("c1")
    assert (record.version, record.value("priority")) == (80, 80)


def test_two_processes_may_bring_the_schema_up_at_once(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'new.sqlite3'}"
    program = f"import asyncio; from callcue.infra.database import Database; asyncio.run(Database({url!r}).migrate())"
    processes = [subprocess.Popen([sys.executable, "-c", program], cwd=ROOT) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]
