"""Two processes that edit one card: whoever is second is told, and no edit is lost. Real processes, a real file."""

import subprocess
import sys
from pathlib import Path

from callcue.core.cards import Card
from callcue.infra.card_history import CardHistory
from callcue.infra.cards import CardStore
from callcue.infra.database import Database

ROOT = Path(__file__).parents[3]
EDITS = 40


def editor(url: str, name: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.integration.infra.editor", url, "kb-1", str(EDITS), name]
    return subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )


async def test_no_edit_of_two_processes_is_lost(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'callcue.sqlite3'}"
    db = Database(url)
    await db.migrate()
    store = CardStore(db)
    await store.save([Card(id="kb-1", title="发票", body="…")], by="li")
    editors = {name: editor(url, name) for name in ("one", "other")}
    for process in editors.values():
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in editors.values():
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    told = {name: process.communicate(timeout=120)[0] for name, process in editors.items()}
    assert all(process.returncode == 0 for process in editors.values())
    card = await store.get("kb-1")
    assert set(card.questions) == {f"{name}-{nth}" for name in editors for nth in range(EDITS)}
    assert card.version == 1 + 2 * EDITS == len(await CardHistory(db).versions("kb-1"))
    assert sum(map(int, told.values())) > 0, "the two never met, so this showed nothing"
    await db.close()
