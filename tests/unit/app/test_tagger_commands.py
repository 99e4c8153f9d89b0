"""``callcue tagger``: learning from files and from corrections in the store, refusing, and going back."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from callcue.app.cli import app
from callcue.core.errors import BadInput, NotFound
from callcue.core.events import RecordUpdated, TagUpdate
from callcue.core.records import FieldChange, FieldValue
from callcue.infra.bus import InProcessBus
from callcue.infra.database import Database
from callcue.infra.event_log import EventLog
from tagger.classifier import read_manifest
from tests.unit.infra.samples import final, started
from tests.unit.tagger.fakes import LetterEmbedder

MATTERS = {"技术": "网络连不上", "账单": "发票开错了", "物流": "快递没送到", "其他": "想预约门店"}


@pytest.fixture(autouse=True)
def logs_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callcue.infra.logging.configure", lambda *_args, **_more: None)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CALLCUE_DATA_DIR", str(tmp_path))
    monkeypatch.setattr("models.embedders.load_embedder", lambda *_: LetterEmbedder())
    asyncio.run(_fill(tmp_path))
    lines = [
        json.dumps({"text": f"{matter}{end}", "issue_type": label, "wording": end}, ensure_ascii=False)
        for label, matter in MATTERS.items()
        for end in ("了", "呀", "吗", "怎么办", "麻烦看看", "好几天")
    ]
    (tmp_path / "mine.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


async def _fill(folder: Path) -> None:
    db = Database(f"sqlite:///{folder / 'callcue.sqlite3'}")
    await db.migrate()
    log = EventLog(db, InProcessBus())
    found = TagUpdate(
        call_id="c1",
        at_ms=1500,
        field="issue_type",
        value="物流",
        probability=0.7,
        evidence=("caller-1",),
        model="m",
        source="model",
        fills=True,
    )
    person = FieldValue(value="账单", probability=1.0, source="person", by="lin")
    change = FieldChange(field="issue_type", old="物流", new=person)
    await log.append(
        started("c1"),
        final("c1", text="发票怎么还没有寄过来"),
        found,
        RecordUpdated(call_id="c1", at_ms=2000, version=1, changes=(change,)),
    )
    await db.close()


def run(*command: str) -> str:
    done = CliRunner().invoke(app, ["tagger", *command])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def test_corrections_are_shown_and_learnt(folder: Path) -> None:
    shown = json.loads(run("corrections", "--label", "issue_type", "--json"))
    assert (shown["text"], shown["was"], shown["issue_type"]) == ("发票怎么还没有寄过来", "物流", "账单")
    assert run("corrections", "--label", "sentiment") == ""
    out = str(folder / "models")
    said = run("train", str(folder / "mine.jsonl"), "--corrections", "--label", "issue_type", "--out", out)
    assert "1 corrected utterances of 1 calls" in said
    assert "25 rows" in said
    assert read_manifest(folder / "models" / "issue_type")["rows"] == 25


def test_train_again_and_roll_back(folder: Path) -> None:
    common = ("--label", "issue_type", "--out", str(folder / "models"))
    run("train", str(folder / "mine.jsonl"), *common)
    first = read_manifest(folder / "models" / "issue_type")["sha256"]
    said = run("train", str(folder / "mine.jsonl"), "--corrections", "--force", *common)
    assert "present:" in said
    assert read_manifest(folder / "models" / "issue_type")["sha256"] != first
    run("rollback", *common)
    assert read_manifest(folder / "models" / "issue_type")["sha256"] == first


def test_what_cannot_be_is_said(folder: Path) -> None:
    out = ("--out", str(folder / "models"))
    strange = folder / "strange.jsonl"
    strange.write_text(json.dumps({"text": "x", "issue_type": "音乐"}), encoding="utf-8")
    mine = str(folder / "mine.jsonl")
    for error, message, command in (
        (BadInput, "nothing to learn", ("train", "--label", "issue_type", *out)),
        (BadInput, "音乐; the record takes", ("train", str(strange), "--label", "issue_type", *out)),
        (BadInput, "is not one of", ("train", mine, "--label", "colour", *out)),
        (BadInput, "--base", ("train", mine, "--label", "issue_type", "--backend", "transformers", *out)),
        (
            BadInput,
            "stacked, transformers",
            ("train", mine, "--label", "issue_type", "--backend", "trees", *out),
        ),
        (NotFound, "no earlier model", ("rollback", "--label", "issue_type", *out)),
    ):
        found = CliRunner().invoke(app, ["tagger", *command]).exception
        assert isinstance(found, error)
        assert message in found.message
