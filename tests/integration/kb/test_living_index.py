"""The index of a running service over a real database: what another process stores is taken up, both processes tell the
same generation, and a process that is killed while it builds leaves everything as it was.
"""

import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from callcue.core.cards import Card
from callcue.core.events import KbChanged
from callcue.core.ids import KB_STREAM
from callcue.infra.bus import InProcessBus
from callcue.infra.cards import CardStore
from callcue.infra.database import Database
from callcue.infra.event_log import EventLog
from callcue.testing import HashEmbedder
from kb_index.index import HybridIndex, IndexConfig
from kb_index.vectors import load_table

ROOT = Path(__file__).parents[3]
CARDS = [Card(id=f"c{i}", title=f"第{i}个问题怎么办", body="x", questions=(f"问题{i}",)) for i in range(40)]


class Indexer:
    """An indexing process."""

    def __init__(self, url: str, cache: Path, mode: str) -> None:
        command = [sys.executable, "-m", "tests.integration.kb.indexer", url, str(cache), mode]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        assert self.process.stdout is not None
        assert self.process.stdin is not None
        self.out, self.input = self.process.stdout, self.process.stdin

    def line(self) -> str:
        """What it says next; waits for it."""
        return self.out.readline().rstrip("\n")

    def close(self) -> None:
        self.process.kill()
        self.process.wait(30)
        self.out.close()
        self.input.close()


class Home:
    """One database and the processes that serve it."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite+aiosqlite:///{folder / 'kb.sqlite3'}"
        self.cache = folder / "vectors.npz"
        self.database = Database(self.url)
        self.store = CardStore(self.database)
        self.log = EventLog(self.database, InProcessBus())
        self.running: list[Indexer] = []

    def indexer(self, mode: str, cache: Path | None = None) -> Indexer:
        self.running.append(Indexer(self.url, cache or self.cache, mode))
        return self.running[-1]

    async def save(self, *cards: Card) -> None:
        await self.store.save(cards, by="eve")
        ids = tuple(card.id for card in cards)
        await self.log.append(KbChanged(call_id=KB_STREAM, at_ms=0, card_ids=ids, total=len(ids), by="eve"))


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    made = Home(tmp_path)
    await made.database.migrate()
    yield made
    for one in made.running:
        one.close()
    await made.log.drain()
    await made.database.close()


async def test_two_processes_tell_the_same_generation_of_the_same_cards(home: Home, tmp_path: Path) -> None:
    await home.save(CARDS[0])
    both = [home.indexer("serve", tmp_path / f"{name}.npz") for name in "ab"]
    assert {one.line() for one in both} == {"generation 2 c0"}
    await home.save(CARDS[1])
    assert {one.line() for one in both} == {"generation 3 c0 c1"}
    await home.save(replace(CARDS[0], status="retired"))
    late = home.indexer("serve", tmp_path / "late.npz")
    assert {one.line() for one in (*both, late)} == {"generation 4 c1"}


async def test_a_process_that_is_killed_while_it_builds_leaves_what_was_there(home: Home) -> None:
    await home.save(*CARDS[:1])
    serving = home.indexer("serve")
    assert serving.line() == "generation 2 c0"
    before = home.cache.read_bytes()
    await home.save(*CARDS)
    assert serving.line().startswith("generation 41 ")
    kept = home.cache.read_bytes()
    assert kept != before  # many new vectors: the file was written anew
    builder = home.indexer("stall")
    assert builder.line() == "building"
    builder.process.send_signal(signal.SIGKILL)
    builder.process.wait(30)
    assert home.cache.read_bytes() == kept
    assert list(home.cache.parent.glob("*.part")) == []
    again = home.indexer("serve")
    assert again.line().startswith("generation 41 c0 c1 ")


@pytest.fixture
def torn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache file whose next writing is cut off in the middle."""
    import numpy as np

    def cut(file: object, **_arrays: object) -> None:
        file.write(b"PK\x03\x04 half of it")  # type: ignore[attr-defined]
        raise OSError(28, "No space left on device")

    path = tmp_path / "vectors.npz"
    HybridIndex(HashEmbedder(dims=64), IndexConfig(cache_file=path)).rebuild_now(CARDS[:20])
    monkeypatch.setattr(np, "savez", cut)
    return path


def test_a_file_that_cannot_be_written_leaves_the_old_one_and_the_new_generation(torn: Path) -> None:
    kept = torn.read_bytes()
    index = HybridIndex(HashEmbedder(dims=64), IndexConfig(cache_file=torn))
    index.rebuild_now(CARDS)
    assert len(index) == len(CARDS)
    assert torn.read_bytes() == kept
    assert len(load_table(torn, HashEmbedder(dims=64).name, 64)) > 0
    assert [path.name for path in torn.parent.iterdir()] == [torn.name]
