"""The commands of ``callcue kb`` for open questions, top issues, ledger and audit, over a database with calls in it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from callcue.app.cli import app
from callcue.core.cards import Card
from callcue.core.errors import BadInput
from callcue.core.events import CardAck
from callcue.core.questions import UnmetNeed
from callcue.infra.bus import InProcessBus
from callcue.infra.cards import CardStore
from callcue.infra.database import Database
from callcue.infra.event_log import EventLog
from callcue.infra.questions import QuestionStore
from callcue.testing.embedder import HashEmbedder
from tests.unit.api.edge import push
from tests.unit.api.fakes import started

CARD = Card(id="kb-invoice", title="发票申请流程", body="…")


@pytest.fixture(autouse=True)
def logs_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command logs to the runner's standard error, which is closed after it: other tests must not."""
    monkeypatch.setattr("callcue.infra.logging.configure", lambda *_args, **_more: None)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CALLCUE_DATA_DIR", str(tmp_path))
    monkeypatch.setattr("models.embedders.load_embedder", lambda *_: HashEmbedder(256))
    asyncio.run(_fill(tmp_path))
    return tmp_path


async def _fill(folder: Path) -> None:
    db = Database(f"sqlite:///{folder / 'callcue.sqlite3'}")
    await db.migrate()
    log, questions = EventLog(db, InProcessBus()), QuestionStore(db)
    await CardStore(db).save([CARD], by="eve")
    for number, text in enumerate(("退货的运费谁出", "退货的运费谁出呢", "洗衣机一直漏水")):
        await log.append(started(f"c{number}"))
        need = UnmetNeed(segment_id="s1", text=text, language="zh", card_id=None, score=None)
        await questions.add(f"c{number}", [need])
    ack = CardAck(call_id="c0", at_ms=1, card_id=CARD.id, push_seq=2, action="used", by="a1")
    await log.append(push("c0", CARD), ack)
    await db.close()


def rows(*command: str) -> list[dict[str, Any]]:
    done = CliRunner().invoke(app, ["kb", *command, "--json"])
    assert done.exit_code == 0, (done.output, done.exception)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.usefixtures("folder")
def test_open_questions_from_list_to_draft() -> None:
    (topic,) = rows("unanswered")
    assert (topic["calls"], topic["state"], topic["owner"]) == (2, "open", "editors")
    assert len(rows("unanswered", "--min-calls", "1")) == 2
    assert rows("unanswered", "--overdue") == []
    (shown,) = rows("topic", topic["topic"])
    assert len(shown["wordings"]) == 2
    (drafted,) = rows("topic", topic["topic"], "--draft")
    assert drafted["line"]["topic"]["state"] == "drafted"
    (answered,) = rows("topic", topic["topic"], "--answered-by", CARD.id)
    assert answered["line"]["topic"]["state"] == "answered"


@pytest.mark.usefixtures("folder")
def test_reports() -> None:
    assert {(row["kind"], row["calls"]) for row in rows("top")} == {("topic", 2), ("topic", 1), ("card", 1)}
    line, total = rows("ledger")
    assert (line["card"], line["used"], line["transfer"]["rate"], total["card"]) == (CARD.id, 1, None, "all")
    (item,) = rows("audit", "2020-01", "--draw")
    assert (item["card_id"], item["verdict"]) == (CARD.id, None)
    (item,) = rows("verdict", "2020-01", CARD.id, "wrong", "--by", "sue")
    assert (item["verdict"], item["auditor"]) == ("wrong", "sue")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "command",
    [
        ["topic", "topic-x", "--draft", "--owner", "ed"],
        ["top", "yesterday"],
        ["ledger", "--since", "yesterday"],
        ["audit", "11-2020"],
        ["verdict", "2020-01", "x", "fine", "--by", "sue"],
    ],
)
def test_bad_input_is_said(command: list[str]) -> None:
    assert isinstance(CliRunner().invoke(app, ["kb", *command]).exception, BadInput)
