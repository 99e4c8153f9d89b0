"""``python -m eval.bench_kb`` (``make bench-kb``): speed and memory of the card search by size of the knowledge base.

The cards are synthetic: real customers' questions (the texts under ``CALLCUE_DATA``, else the cards that come along),
varied by swapping, dropping and doubling characters and by words put before and after, a title and three sample
questions each. The vectors of the variations are drawn too: those of 500 real texts, each turned a little, so that
100,000 cards need not be embedded for hours. Everything else is real: the query is embedded by the real model, then
searched, fused and calibrated as in a call, on one core. Each size runs in a process of its own, with its own memory.

``edit``: a knowledge base over a real database, with trigger phrases on its cards; one card's question is changed and
the time is taken from the call of save until a search finds the new question, and again when another knowledge base
over the same database finds it. ``search_while_building`` are searches during such edits.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, cast

import numpy as np
import typer

import callcue.app
from callcue.calls.knowledge import KnowledgeBase
from callcue.core.cards import Card, CardQuery, Trigger
from callcue.core.clock import SystemClock
from callcue.core.ports import Embedder, TextRole, Vectors
from callcue.core.settings import Settings
from callcue.infra.bus import InProcessBus
from callcue.infra.cards import CardStore
from callcue.infra.database import Database
from callcue.infra.event_log import EventLog
from eval.bench import machine
from eval.card_sets import load_cards
from eval.data import data_dir
from eval.metrics import percentile
from eval.report import Figures, console, run, table, write
from eval.resources import memory
from kb_index.index import HybridIndex
from kb_index.noise import disturb, in_a_turn
from kb_index.vectors import embed
from models.embedders import load_embedder
from models.store import ModelStore

SIZES = (1_000, 10_000, 100_000)
QUESTIONS = 3
_REAL_TEXTS = 500
_SEARCHES = 300
_EDITS = 15
_SEED = 20261123
_SOURCES = ("faq_bank_dev_cards.jsonl", "faq_unionpay_cards.jsonl", "faq_pay_dev_cards.jsonl")


def main(
    *,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    sizes: Annotated[str, typer.Option(help="Numbers of cards, comma-separated.")] = ",".join(map(str, SIZES)),
    edit_cards: Annotated[int, typer.Option("--edit", help="Cards of the edit test; 0: leave it out.", min=0)] = 10_000,
    part: Annotated[str, typer.Option(hidden=True, help="One part, figures as JSON: for the command itself.")] = "",
) -> None:
    """Measure the search at several sizes, and how soon an edit is found."""
    if part:
        kind, _, size = part.partition(":")
        figures = search_figures(int(size)) if kind == "search" else asyncio.run(edit_figures(int(size)))
        sys.stdout.write(json.dumps(figures) + "\n")
        return
    found: Figures = {"machine": machine()}
    table("machine", ["figure", "value"], list(found["machine"].items()))
    console.print("Synthetic cards: varied real questions; their vectors are drawn near real ones.")
    numbers = [int(size) for size in sizes.split(",") if size]
    found["search"] = {str(size): _apart(f"search:{size}") for size in numbers}
    if numbers:
        names = list(found["search"][str(numbers[0])])
        rows = [[name, *(found["search"][str(size)][name] for size in numbers)] for name in names]
        table("search by number of cards", ["figure", *(f"{size:,}" for size in numbers)], rows)
    if edit_cards:
        found["edit"] = _apart(f"edit:{edit_cards}")
        table(f"edits at {edit_cards:,} cards", ["figure", "value"], list(found["edit"].items()))
    write(found, json_file)


def _apart(part: str) -> Figures:
    """A part in a process of its own, on one core for its numeric libraries."""
    one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "eval.bench_kb", "--part", part]
    done = subprocess.run(  # noqa: S603 - this module itself
        command, env={**os.environ, **one}, check=True, stdout=subprocess.PIPE, text=True
    )
    return cast("Figures", json.loads(done.stdout.splitlines()[-1]))


def search_figures(size: int) -> Figures:
    """Build an index of ``size`` cards and search it."""
    before = memory(os.getpid()).main_mb
    dice = random.Random(_SEED)
    texts = real_texts()
    embedder = DrawnVectors(_real_embedder(), texts[:_REAL_TEXTS])
    cards = synthetic_cards(texts, size, dice)
    loaded = memory(os.getpid()).main_mb
    index = HybridIndex(embedder)
    embedder.drawing = True
    began = time.perf_counter()
    index.rebuild_now(cards)
    built = time.perf_counter() - began
    changed = [*cards[:-1], replace(cards[-1], questions=(*cards[-1].questions, "新加的一句问法"))]
    began = time.perf_counter()
    index.rebuild_now(changed)
    again = time.perf_counter() - began
    embedder.drawing = False
    held = memory(os.getpid()).main_mb
    asked = [in_a_turn(dice.choice(texts), dice) for _ in range(_SEARCHES)]
    times, embedding = [], []
    for text in asked:
        began = time.perf_counter()
        index.search_now(CardQuery(text=text, lang="zh"))
        times.append((time.perf_counter() - began) * 1000)
        began = time.perf_counter()
        embed(embedder, [text])
        embedding.append((time.perf_counter() - began) * 1000)
    return {
        "texts": sum(1 + len(card.questions) for card in cards),
        "search_p50_ms": percentile(times, 50),
        "search_p95_ms": percentile(times, 95),
        "of_it_embedding_p50_ms": percentile(embedding, 50),
        "of_it_embedding_p95_ms": percentile(embedding, 95),
        "first_build_without_embedding_s": built,
        "build_after_one_edit_s": again,
        "index_mb": held - loaded,
        "process_mb": held,
        "process_before_mb": before,
    }


async def edit_figures(size: int) -> Figures:
    """Edits of a knowledge base of ``size`` cards that others search meanwhile."""
    dice = random.Random(_SEED)
    texts = real_texts()
    embedder = DrawnVectors(_real_embedder(), texts[:_REAL_TEXTS])
    cards = [replace(card, triggers=(Trigger(phrase=card.title[:6]),)) for card in synthetic_cards(texts, size, dice)]
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite+aiosqlite:///{Path(folder) / 'kb.sqlite3'}")
        await database.migrate()
        log = EventLog(database, InProcessBus())
        store, clock = CardStore(database), SystemClock()
        await store.save(cards, by="bench")
        embedder.drawing = True
        here, there = (KnowledgeBase(store=store, index=HybridIndex(embedder), log=log, clock=clock) for _ in range(2))
        began = time.perf_counter()
        await here.start()
        started = time.perf_counter() - began
        await there.start()
        embedder.drawing = False
        figures = await _edits(here, there, cards, texts, dice)
        await here.close()
        await there.close()
        await log.drain()
        await database.close()
    return {"cards": size, "start_without_embedding_s": started, **figures}


async def _edits(
    here: KnowledgeBase, there: KnowledgeBase, cards: Sequence[Card], texts: Sequence[str], dice: random.Random
) -> Figures:
    """Change cards one by one; figures in milliseconds."""
    idle = await _searches(here, texts, dice, 100)
    searchable, elsewhere, busy = [], [], []
    for nth in range(_EDITS):
        card = dice.choice(cards)
        question = f"第{nth}次修改之后客户的新问法{dice.randrange(10**6)}"
        began = time.perf_counter()
        saving = asyncio.create_task(here.save([replace(card, questions=(*card.questions, question))], by="bench"))
        first: float | None = None
        second: float | None = None
        while first is None or second is None:
            busy += await _searches(here, texts, dice, 1)
            now = (time.perf_counter() - began) * 1000
            first = now if first is None and await _finds(here, question) else first
            second = now if second is None and await _finds(there, question) else second
        await saving
        searchable.append(first)
        elsewhere.append(second)
    return {
        "edits": _EDITS,
        "edit_to_searchable_p50_ms": percentile(searchable, 50),
        "edit_to_searchable_max_ms": max(searchable),
        "edit_to_searchable_elsewhere_p50_ms": percentile(elsewhere, 50),
        "edit_to_searchable_elsewhere_max_ms": max(elsewhere),
        "search_p95_ms": percentile(idle, 95),
        "search_while_building_p95_ms": percentile(busy, 95),
        "search_while_building_max_ms": max(busy),
        "searches_while_building": len(busy),
    }


async def _searches(knowledge: KnowledgeBase, texts: Sequence[str], dice: random.Random, count: int) -> list[float]:
    times = []
    for _ in range(count):
        began = time.perf_counter()
        await knowledge.search(CardQuery(text=dice.choice(texts), lang="zh"))
        times.append((time.perf_counter() - began) * 1000)
    return times


async def _finds(knowledge: KnowledgeBase, question: str) -> bool:
    hits = await knowledge.search(CardQuery(text=question, top_k=1))
    return bool(hits) and hits[0].matched == question


def real_texts() -> list[str]:
    """Questions of real customers, shuffled; of the cards that come along where there is no evaluation data."""
    folder = data_dir()
    own = Path(callcue.app.__file__).parent / "assets" / "cards_zh.jsonl"
    files = [folder / "text" / name for name in _SOURCES] if folder else [own]
    texts = [text for file in files for card in load_cards(file)[0] for text in card.questions]
    unique = list(dict.fromkeys(texts))
    random.Random(_SEED).shuffle(unique)
    return unique


def synthetic_cards(texts: Sequence[str], count: int, dice: random.Random) -> list[Card]:
    """Cards whose title and questions are variations of real questions."""
    cards = []
    for number in range(count):
        base = texts[number % len(texts)]
        questions = tuple(in_a_turn(disturb(base, 0.3, dice) or base, dice) for _ in range(QUESTIONS))
        title = (disturb(base, 0.3, dice) or base)[:150]
        cards.append(Card(id=f"synthetic-{number}", title=title, body=base, questions=questions))
    return cards


class DrawnVectors:
    """The real model; while ``drawing``, vectors of real texts that are turned a little instead."""

    def __init__(self, inner: Embedder, texts: Sequence[str]) -> None:
        self._inner = inner
        self._real = embed(inner, texts)
        self._chance = np.random.default_rng(_SEED)
        self.drawing = False
        self.name = inner.name
        self.dims = inner.dims

    def embed(self, texts: Sequence[str], *, role: TextRole) -> Vectors:
        """As the port says."""
        if not self.drawing:
            return self._inner.embed(texts, role=role)
        rows = self._real[self._chance.integers(len(self._real), size=len(texts))]
        rows = rows + 0.01 * self._chance.standard_normal(rows.shape, dtype=np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return Vectors(data=rows.astype("<f4").tobytes(), rows=len(texts), dims=self.dims)


def _real_embedder() -> Embedder:
    settings = Settings()
    return load_embedder(ModelStore(settings.cache_dir), settings.knowledge.embedder)


if __name__ == "__main__":
    run(main)
