"""``callcue tags``: events from files, rules that are checked, shorthand, and the predictive tags."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from typer.testing import CliRunner

from callcue.app.cli import app
from callcue.app.cli.tags import read_events
from callcue.app.reliability import reliability
from callcue.core.errors import BadInput, CallCueError
from callcue.infra.customer_tables import ForecastRow
from callcue.infra.database import Database
from callcue.infra.tables import CallTableRow
from tagger.forecast_model import read_forecasts, shipped_forecasts
from tagger.forecast_scores import score

NOW = datetime(2026, 11, 23, tzinfo=UTC)
LINE = {"event_id": "e1", "kind": "visit", "at": "2026-11-20T10:00:00+08:00", "phone": "13800138000", "source": "门店"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("callcue.infra.logging.configure", lambda *_args, **_more: None)
    monkeypatch.setenv("CALLCUE_DATA_DIR", str(tmp_path / "data"))
    return tmp_path


def rows(*command: str) -> list[dict[str, Any]]:
    done = CliRunner().invoke(app, ["tags", *command, "--json"])
    assert done.exit_code == 0, (done.output, done.exception)
    return [json.loads(line) for line in done.stdout.splitlines()]


def refused(*command: str) -> str:
    error = CliRunner().invoke(app, ["tags", *command]).exception
    assert isinstance(error, CallCueError)
    return error.message


def jsonl(folder: Path, *lines: object) -> str:
    file = folder / "events.jsonl"
    file.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), encoding="utf-8")
    return str(file)


def test_events_are_imported_once_and_only_when_it_is_no_dry_run(folder: Path) -> None:
    file = jsonl(folder, LINE, LINE | {"event_id": "e2"})
    assert rows("import", file, "--dry-run")[0]["added"] == 2
    assert rows("import", file)[0]["added"] == 2
    (again,) = rows("import", jsonl(folder, LINE, LINE | {"event_id": "e2", "kind": "order"}))
    assert (again["added"], again["known"], again["different_ids"]) == (0, 1, ["e2"])


def test_a_large_file_is_written_bit_by_bit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callcue.app.cli.tags.BATCH", 2)
    lines = [LINE | {"event_id": f"e{n}"} for n in range(5)]
    (dry,) = rows("import", jsonl(folder, *lines), "--dry-run")
    assert (dry["added"], dry["known"]) == (5, 0)
    (done,) = rows("import", jsonl(folder, *lines, lines[0]))
    assert (done["added"], done["known"]) == (5, 1)
    (again,) = rows("import", jsonl(folder, *lines[:3], lines[3] | {"kind": "order"}, LINE | {"event_id": "new"}))
    assert (again["added"], again["known"], again["different_ids"]) == (1, 3, ["e3"])


def test_a_file_that_contradicts_itself_is_refused_whole(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callcue.app.cli.tags.BATCH", 1)
    assert "twice in this file" in refused(
        "import", jsonl(folder, LINE, LINE | {"event_id": "e2"}, LINE | {"kind": "order"})
    )
    assert rows("import", jsonl(folder, LINE))[0]["added"] == 1


def test_a_customer_is_forgotten(folder: Path) -> None:
    rows("import", jsonl(folder, LINE))
    done = CliRunner().invoke(app, ["tags", "forget", "--phone", "+86 13800138000"])
    assert done.stdout.startswith("1 events, 0 forecasts and 0 orders were deleted")
    assert rows("import", jsonl(folder, LINE))[0]["added"] == 1
    assert "--phone" in refused("forget")


def test_csv_and_jsonl_hold_the_same(folder: Path) -> None:
    table = folder / "events.csv"
    table.write_text(
        "\ufeffevent_id,kind,at,phone,source\ne1,visit,2026-11-20T10:00:00+08:00,13800138000,门店\n", "utf-8"
    )
    assert read_events(table, NOW) == read_events(Path(jsonl(folder, LINE)), NOW)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ([1], "not a JSON object"),
        (LINE | {"at": "2026-11-20"}, "with an offset"),
        (LINE | {"at": "2027-11-20T10:00:00+08:00"}, "in the future"),
        (LINE | {"colour": "red"}, "unknown fields colour"),
        (LINE | {"subject": 3}, "subject must be texts"),
        (LINE | {"phone": ""}, "nobody's"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(folder: Path, line: object, problem: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_events(Path(jsonl(folder, LINE, line)), NOW)
    assert "line 2" in caught.value.message
    assert problem in caught.value.message
    assert "nothing was imported" in caught.value.message


def test_other_files_are_refused(folder: Path) -> None:
    (folder / "events.txt").write_text("x")
    assert ".jsonl or .csv" in refused("import", str(folder / "events.txt"))


def test_the_vocabulary_of_own_rules(folder: Path) -> None:
    own = folder / "mine.toml"
    own.write_text(
        'extends = "shipped"\noff = ["luggage"]\n[rename]\n"外箱破损" = "包装破损"\n'
        '[[rule]]\nsignal = "baby"\ntag = "母婴关注"\nkind = "demand"\npattern = "奶粉|尿不湿"\nprobability = 0.8\n',
        encoding="utf-8",
    )
    found = {row["tag"]: row["kind"] for row in rows("rules", "--speech", str(own))}
    assert (found["母婴关注"], found["包装破损"], found["7天内高概率到店体验"]) == ("demand", "base", "predictive")
    assert "行李异常" not in found
    assert "外箱破损" not in found
    own.write_text('extends = "shipped"\noff = ["nothing"]\n', encoding="utf-8")
    assert "no shipped rule gives: nothing" in refused("rules", "--speech", str(own))
    own.write_text('[[tag]]\ntag = "x"\n', encoding="utf-8")
    assert "at least one condition" in refused("rules", "--events", str(own))


def test_a_note_is_read() -> None:
    (lead,) = rows("note", "★预算1万元+线下对比需求")
    assert (lead["kind"], lead["budget"], lead["needs"]) == ("lead", "10000", ["线下对比需求"])
    shown = CliRunner().invoke(app, ["tags", "note", "电话咨询->门店自提"])
    assert shown.stdout == "电话咨询→门店自提\n"


def test_predictive_tags_are_listed_and_switched(folder: Path) -> None:
    listed = rows("forecasts", "--plots", str(folder / "plots"))
    assert {(row["state"], row["cases"]) for row in listed} == {("watching", 0)}
    assert (folder / "plots" / "reliability.svg").read_text("utf-8").startswith("<svg")
    done = CliRunner().invoke(app, ["tags", "switch", "visit_7d", "off", "--reason", "closed"])
    assert done.exit_code == 0, done.exception
    assert {row["name"]: row["state"] for row in rows("forecasts")}["visit_7d"] == "off"
    assert "not one of" in refused("switch", "visit_7d", "maybe")
    assert "no predictive tag" in refused("switch", "weather", "off")


def test_training_without_outcomes_says_so(folder: Path) -> None:
    assert "nothing was trained" in refused("train", "--out", str(folder / "mine.json"))
    assert not (folder / "mine.json").exists()


async def _fill(folder: Path, count: int) -> None:
    """Outcomes of forecasts in which an appointment decides nearly everything."""
    db = Database(f"sqlite:///{folder / 'data' / 'callcue.sqlite3'}")
    await db.migrate()

    async def work(session: AsyncSession) -> None:
        for number in range(count):
            appointed = number % 2
            session.add(
                CallTableRow(
                    call_id=f"c{number}",
                    language="zh",
                    source="test",
                    channels=["caller"],
                    sample_rate=8000,
                    encoding="pcmu",
                    started_at="2026-01-01T00:00:00+00:00",
                    started_ms=0,
                )
            )
            await session.flush()
            session.add(
                ForecastRow(
                    call_id=f"c{number}",
                    name="visit_7d",
                    model="forecasts/before",
                    phone=f"1390000{number // 3:04d}",
                    customer_id="",
                    probability=0.5,
                    features={"appointment": float(appointed)},
                    shown=False,
                    made_ms=0,
                    due_ms=1,
                    outcome=bool(appointed) != (number % 10 == 0),
                    outcome_by="events",
                    outcome_ms=2,
                )
            )

    await db.write("fill", work)
    await db.close()


def test_training_takes_what_own_outcomes_make_better(folder: Path) -> None:
    asyncio.run(_fill(folder, 300))
    out = folder / "mine.json"
    reports = {row["name"]: row for row in rows("train", "--out", str(out))}
    assert reports["visit_7d"]["taken"]
    assert reports["visit_7d"]["brier"] < reports["visit_7d"]["present_brier"]
    assert not reports["repeat_7d"]["taken"]
    model, shipped = read_forecasts(out), shipped_forecasts()
    assert model.trained_on.startswith("visit_7d: outcomes of own forecasts")
    (was, now) = (m.find("visit_7d") for m in (shipped, model))
    assert was is not None
    assert now is not None
    assert now.probability({"appointment": 1.0}) > 0.85 > was.probability({"appointment": 1.0})
    assert model.find("repeat_7d") == shipped.find("repeat_7d")
    rows("train", "--out", str(out))
    assert out.with_name("mine.json.previous").exists()


def test_the_picture_has_a_dot_for_every_bin() -> None:
    drawn = reliability({"visit_7d": score([(0.1, False), (0.5, True), (0.9, True)]), "none": score([])}, "T & t")
    assert drawn.count("<circle") == 3
    assert "T &amp; t" in drawn
