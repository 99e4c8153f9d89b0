"""``python -m eval.bench_kb_edits SIZE``: how soon an edit is found, by the process that made it and by another one. A
part of ``eval.bench_kb``.

A knowledge base over a real database, with trigger phrases on its cards, and another process with its own over the same
database. One card's question is changed; the time is taken from the call of save until a search finds the new question
in the one process and in the other. Both look every few milliseconds whether there is a new generation, and ask it.
``search_while_building`` are searches in the first process, ten a second, while the edits go on. ``edit_alone_cpu`` is
the processor time of an edit when nobody searches: it says more than the clock where other work has the cores.
"""

import asyncio
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from callcue.calls.knowledge import KnowledgeBase
from callcue.core.cards import Card, CardQuery, Trigger
from callcue.core.clock import SystemClock
from callcue.infra.bus import InProcessBus
from callcue.infra.cards import CardStore
from callcue.infra.database import Database
from callcue.infra.event_log import EventLog
from eval.bench_kb import REAL_TEXTS, SEED, DrawnVectors, real_embedder, real_texts, synthetic_cards
from eval.metrics import percentile
from eval.report import Figures
from kb_index.index import HybridIndex

EDITS = 30
_LOOK_S = 0.005
_BETWEEN_S = 0.1
_ALONE = 15


def main() -> None:
    """Measure, figures as JSON; with a database's URL in place of a size: follow its edits for the other process."""
    if sys.argv[1].isdecimal():
        sys.stdout.write(json.dumps(asyncio.run(edit_figures(int(sys.argv[1])))) + "\n")
    else:
        asyncio.run(_follow(sys.argv[1]))


class _Home:
    """A knowledge base of this process over a database."""

    def __init__(self, url: str, texts: Sequence[str]) -> None:
        self.database = Database(url)
        self.log = EventLog(self.database, InProcessBus())
        self.embedder = DrawnVectors(real_embedder(), texts[:REAL_TEXTS])
        self.store = CardStore(self.database)
        index = HybridIndex(self.embedder)
        self.knowledge = KnowledgeBase(store=self.store, index=index, log=self.log, clock=SystemClock())

    async def start(self) -> float:
        """Seconds that indexing everything takes, without its embedding."""
        self.embedder.drawing = True
        began = time.perf_counter()
        await self.knowledge.start()
        took = time.perf_counter() - began
        self.embedder.drawing = False
        return took

    async def until_found(self, question: str) -> float:
        """Wall clock, seconds, when a search finds it."""
        seen = -1
        while True:
            if seen != self.knowledge.generation:
                seen = self.knowledge.generation
                hits = await self.knowledge.search(CardQuery(text=question, top_k=1))
                if hits and hits[0].matched == question:
                    return time.time()
            await asyncio.sleep(_LOOK_S)

    async def close(self) -> None:
        await self.knowledge.close()
        await self.log.drain()
        await self.database.close()


async def edit_figures(size: int) -> Figures:
    """Edits of a knowledge base of ``size`` cards that others search meanwhile."""
    dice = random.Random(SEED)
    texts = real_texts()
    cards = [replace(card, triggers=(Trigger(phrase=card.title[:6]),)) for card in synthetic_cards(texts, size, dice)]
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{Path(folder) / 'kb.sqlite3'}"
        home = _Home(url, texts)
        await home.database.migrate()
        await home.store.save(cards, by="bench")
        started = await home.start()
        figures = await _edits(home, url, cards, texts, dice)
        await home.close()
    return {"cards": size, "start_without_embedding_s": started, "load": os.getloadavg()[0], **figures}


async def _edits(home: _Home, url: str, cards: Sequence[Card], texts: Sequence[str], dice: random.Random) -> Figures:
    """Change cards one by one; figures in milliseconds."""
    alone = [await _alone(home, dice.choice(cards), nth) for nth in range(_ALONE)]
    pipe = asyncio.subprocess.PIPE
    there = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "eval.bench_kb_edits", url, stdin=pipe, stdout=pipe
    )
    assert there.stdin is not None  # noqa: S101 - for mypy: pipes were asked for
    assert there.stdout is not None  # noqa: S101
    await there.stdout.readline()
    idle = [await _search(home, dice.choice(texts)) for _ in range(100)]
    busy: list[float] = []
    searching = asyncio.create_task(_keep_searching(home, texts, random.Random(SEED), busy))
    here_ms, there_ms = [], []
    for nth in range(EDITS):
        card = dice.choice(cards)
        question = f"第{nth}次修改之后客户的新问法{dice.randrange(10**6)}"
        there.stdin.write(f"{question}\n".encode())
        began = time.time()
        saving = asyncio.create_task(
            home.knowledge.save([replace(card, questions=(*card.questions, question))], by="bench")
        )
        here_ms.append((await home.until_found(question) - began) * 1000)
        there_ms.append((float(await there.stdout.readline()) - began) * 1000)
        await saving
    searching.cancel()
    there.stdin.close()
    await there.wait()
    return {
        "edit_alone_cpu_p50_ms": percentile(alone, 50),
        "edits": EDITS,
        "edit_to_searchable_p50_ms": percentile(here_ms, 50),
        "edit_to_searchable_p95_ms": percentile(here_ms, 95),
        "edit_to_searchable_max_ms": max(here_ms),
        "edit_to_searchable_elsewhere_p50_ms": percentile(there_ms, 50),
        "edit_to_searchable_elsewhere_p95_ms": percentile(there_ms, 95),
        "edit_to_searchable_elsewhere_max_ms": max(there_ms),
        "search_p95_ms": percentile(idle, 95),
        "search_while_building_p95_ms": percentile(busy, 95),
        "search_while_building_max_ms": max(busy),
        "searches_while_building": len(busy),
    }


async def _alone(home: _Home, card: Card, nth: int) -> float:
    """Milliseconds of processor time of an edit, its embedding included, until it can be found."""
    changed = replace(card, questions=(*card.questions, f"第{nth}次单独的修改"))
    began = time.process_time()
    await home.knowledge.save([changed], by="bench")
    return (time.process_time() - began) * 1000


async def _search(home: _Home, text: str) -> float:
    """Milliseconds that it took."""
    began = time.perf_counter()
    await home.knowledge.search(CardQuery(text=text, lang="zh"))
    return (time.perf_counter() - began) * 1000


async def _keep_searching(home: _Home, texts: Sequence[str], dice: random.Random, took: list[float]) -> None:
    while True:
        took.append(await _search(home, dice.choice(texts)))
        await asyncio.sleep(_BETWEEN_S)


async def _follow(url: str) -> None:
    """For each question that comes in: say when it is found here. The first line out means: ready."""
    home = _Home(url, real_texts())
    await home.start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while question := (await asyncio.to_thread(sys.stdin.readline)).strip():
        sys.stdout.write(f"{await home.until_found(question)}\n")
        sys.stdout.flush()
    await home.close()


if __name__ == "__main__":
    main()
