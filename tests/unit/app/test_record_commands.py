"""The commands of ``callcue records`` over a database with calls in it."""

import asyncio
import csv
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from callcue.app.cli import app
from callcue.core.errors import BadInput, NotFound
from callcue.core.events import RecordConfirmed
from callcue.infra.bus import InProcessBus
from callcue.infra.database import Database
from callcue.infra.event_log import EventLog
from callcue.testing.clock import ManualClock
from tests.unit.api.edge import record_book
from tests.unit.api.fakes import started
from tests.unit.infra.samples import change, ended, updated

TOML = """
note = "直播渠道"
[[fields]]
name = "x.live_stream"
label = "直播引流标识"
kind = "choice"
choices = ["抖音", "快手"]
required = true

[[standard]]
name = "channel"
required = true
"""


@pytest.fixture(autouse=True)
def logs_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command logs to the runner's standard error, which is closed after it: other tests must not."""
    monkeypatch.setattr("callcue.infra.logging.configure", lambda *_args, **_more: None)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CALLCUE_DATA_DIR", str(tmp_path))
    asyncio.run(_fill(tmp_path))
    return tmp_path


async def _fill(folder: Path) -> None:
    db = Database(f"sqlite:///{folder / 'callcue.sqlite3'}")
    await db.migrate()
    log = EventLog(db, InProcessBus(), ManualClock())  # long ago: what is open is overdue
    await log.append(started("c1"), updated("c1", 1, change("issue_type", "技术")), ended("c1"))
    await log.append(started("c2", "a2"), ended("c2"))
    await log.append(RecordConfirmed(call_id="c1", at_ms=9000, version=1, by="a1"))
    await record_book(db, log).edit("c1", {"issue_type": "物流"}, by="sue", role="supervisor")
    await db.close()


def rows(*command: str) -> list[dict[str, Any]]:
    done = CliRunner().invoke(app, ["records", *command])
    assert done.exit_code == 0, (done.output, done.exception)
    return [json.loads(line) for line in done.stdout.splitlines()]


ALL = ("--since", "2026-11-01", "--until", "2026-12-01")


@pytest.mark.usefixtures("folder")
def test_lists_and_the_report() -> None:
    assert [(row["call_id"], row["state"]) for row in rows("list", *ALL, "--json")] == [
        ("c1", "done"),
        ("c2", "overdue"),
    ]
    (row,) = rows("overdue", *ALL, "--json")
    assert (row["call_id"], row["missing"]) == ("c2", "issue_type")
    assert [row["share_in_time"] for row in rows("report", *ALL, "--json")] == [1.0, 0.0, 0.5]
    assert rows("list", "--since", "2000-01-01", "--until", "2000-01-02", "--json") == []


@pytest.mark.usefixtures("folder")
def test_a_record_with_its_versions() -> None:
    (shown,) = rows("show", "c1", "--json")
    assert (shown["version"], shown["record"]["fields"]["issue_type"]["value"]) == (2, "物流")
    (old,) = rows("show", "c1", "--version", "1", "--json")
    assert old["record"]["fields"]["issue_type"]["value"] == "技术"
    (changed,) = rows("show", "c1", "--since", "1", "--json")
    assert changed["differences"][0]["new"]["by"] == "sue"
    told = CliRunner().invoke(app, ["records", "show", "c2"])
    assert "missing: issue_type" in told.stdout


def test_an_export_to_a_file_and_to_standard_output(folder: Path) -> None:
    file = folder / "out.csv"
    assert rows("export", "--format", "csv", "--out", str(file), *ALL) == []
    with file.open(encoding="utf-8-sig", newline="") as held:
        told = list(csv.DictReader(held))
    assert [(row["call_id"], row["issue_type"], row["facts.phone"]) for row in told] == [
        ("c1", "物流", "###"),
        ("c2", "", "###"),
    ]
    assert rows("export", "--personal", *ALL)[0]["facts.phone"] == "13800138000"
    held_by = rows("export", "--personal", "--sources", *ALL)[0]["fields"]["issue_type"]
    assert (held_by["by"], held_by["source"]) == ("sue", "person")


def test_fields_from_a_file(folder: Path) -> None:
    file = folder / "fields.toml"
    file.write_text(TOML, encoding="utf-8")
    loaded = {row["field"]: row for row in rows("fields", "--load", str(file), "--by", "root", "--json")}
    assert (loaded["x.live_stream"]["required"], loaded["channel"]["required"]) == (True, True)
    (version,) = rows("fields", "--history", "--json")
    assert (version["by"], version["note"], version["fields"]) == ("root", "直播渠道", 1)
    (row,) = rows("overdue", *ALL, "--json")
    assert row["missing"] == "issue_type channel x.live_stream"
    again = folder / "fields.json"
    again.write_text('{"fields": []}', encoding="utf-8")
    retired = {row["field"]: row for row in rows("fields", "--load", str(again), "--json")}
    assert retired["x.live_stream"]["from"] == "retired"


def test_a_role_gets_what_it_may_see_and_no_more(folder: Path) -> None:
    file = folder / "fields.toml"
    hidden = [
        f'[[standard]]\nname = "{name}"\nsee = ["admin"]\nedit = ["admin"]' for name in ("issue_type", "facts.phone")
    ]
    file.write_text("\n".join(hidden), encoding="utf-8")
    rows("fields", "--load", str(file), "--json")
    shown = (
        ["records", "show", "c1", "--json"],
        ["records", "show", "c1", "--since", "1", "--json"],
        ["records", "export", "--personal", *ALL],
        ["records", "export", "--personal", "--sources", *ALL],
        ["call", "show", "c1", "--json"],
    )
    for command in shown:
        for role, seen in (("agent", False), ("supervisor", False), ("admin", True)):
            told = CliRunner().invoke(app, [*command, "--role", role])
            assert told.exit_code == 0, told.exception
            assert ("物流" in told.stdout) is seen, (command, role)
            assert "13800138000" not in told.stdout or seen, (command, role)
    assert isinstance(CliRunner().invoke(app, ["records", "show", "c1", "--role", "editor"]).exception, BadInput)


def test_a_file_without_fields_retires_nothing(folder: Path) -> None:
    file = folder / "fields.toml"
    file.write_text(TOML, encoding="utf-8")
    rows("fields", "--load", str(file), "--json")
    for text in ("", 'note = "x"\n', "\ufeff"):
        file.write_text(text, encoding="utf-8")
        refused = CliRunner().invoke(app, ["records", "fields", "--load", str(file)]).exception
        assert isinstance(refused, BadInput)
        assert "nothing was loaded" in refused.message
    file.write_text(
        '[[fields]]\nname = "x.day"\nlabel = "日期"\nkind = "date"\ndefault = 2026-11-01\n', encoding="utf-8"
    )
    assert "x.day" in {row["field"] for row in rows("fields", "--load", str(file), "--json")}


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (["show", "nowhere"], NotFound),
        (["show", "c1", "--version", "9"], NotFound),
        (["list", "--state", "lost"], BadInput),
        (["list", "--since", "yesterday"], BadInput),
        (["export", "--format", "xlsx"], BadInput),
        (["export", "--sources"], BadInput),
        (["export", "--out", "/nowhere/x.csv"], BadInput),
        (["fields", "--load", "/nowhere/x.toml"], BadInput),
    ],
)
@pytest.mark.usefixtures("folder")
def test_bad_input_is_said(command: list[str], error: type[Exception]) -> None:
    assert isinstance(CliRunner().invoke(app, ["records", *command]).exception, error)


@pytest.mark.parametrize(
    "text", ["fields = [", "fields = 5", '[[fields]]\nname = "x.a"', "[[fields]]\nname = 1979-05-27"]
)
def test_a_broken_file_is_refused_by_name(folder: Path, text: str) -> None:
    file = folder / "broken.toml"
    file.write_text(text, encoding="utf-8")
    refused = CliRunner().invoke(app, ["records", "fields", "--load", str(file)]).exception
    assert isinstance(refused, BadInput)
    assert "broken.toml" in refused.message
