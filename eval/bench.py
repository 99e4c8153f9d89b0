"""``python -m eval.bench`` (``make bench``): the figures of the README, measured on this machine, in one table.

Small forms of the four evaluations where the data is there (``CALLCUE_DATA``), and what needs no data: how fast the
command line answers, how fast the service is ready and how much memory it holds, how long a search takes.
"""

import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from callcue.core.cards import Card, CardQuery
from callcue.core.ports import Embedder, TextRole, Vectors
from callcue.core.settings import Settings
from eval import asr, calls, cards, tags
from eval.card_sets import from_files
from eval.data import absence, data_dir
from eval.metrics import percentile
from eval.report import Figures, console, run, table, write
from eval.resources import memory
from eval.service import service
from kb_index.index import HybridIndex
from models.embedders import load_embedder
from models.store import ModelStore

_HELP_RUNS = 5
_SEARCHES = 200


def main(
    *,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    utterances: Annotated[int, typer.Option(help="Utterances per language.", min=1)] = 40,
    queries: Annotated[int, typer.Option(help="Card queries.", min=1)] = 300,
    test_calls: Annotated[int, typer.Option("--calls", help="Calls, at real speed; 0: none.", min=0)] = 1,
) -> None:
    """Measure the service, the search and, where the data is there, small forms of the evaluations."""
    settings = Settings()
    figures: Figures = {"machine": said("machine", machine)}
    for name, step in (
        ("command_line", command_line),
        ("serve", serve),
        ("search_1k_ms", lambda: search(settings, 1_000)),
        ("search_10k_ms", lambda: search(settings, 10_000)),
    ):
        figures[name] = said(name, step)
    folder = data_dir()
    if folder is None:
        console.print(absence())
    else:
        figures |= evaluations(folder, settings, utterances=utterances, queries=queries, test_calls=test_calls)
    write(figures, json_file)


def said(name: str, step: Callable[[], Figures]) -> Figures:
    """Measure one thing and show it at once: the whole takes minutes."""
    figures = step()
    table(name, ["figure", "value"], list(flat(figures)))
    return figures


def machine() -> Figures:
    """What the figures were measured on."""
    load = os.getloadavg()[0]
    return {"cores": len(os.sched_getaffinity(0)), "load_before": load, "python": sys.version.split()[0]}


def command_line() -> Figures:
    """Wall time of ``callcue --help``, the first run apart: it may have to compile."""
    times = []
    for _ in range(_HELP_RUNS + 1):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "callcue.app", "--help"], check=True, stdout=subprocess.DEVNULL)
        times.append((time.perf_counter() - began) * 1000)
    return {"help_first_ms": times[0], "help_ms": percentile(times[1:], 50)}


def serve() -> Figures:
    """Start ``callcue serve`` with an empty store; time until it is ready, memory a moment later."""
    with service() as running:
        held = memory(running.pid)
        return {"ready_s": running.ready_s, "main_mb": held.main_mb, "with_workers_mb": held.all_mb}


def search(settings: Settings, size: int) -> Figures:
    """Latency of one search among ``size`` cards. The cards' vectors are random (the real ones would take a long time
    to compute and are searched no faster); the query is really embedded, and what that takes is given apart."""
    embedder = _StandIn(load_embedder(ModelStore(settings.cache_dir), settings.knowledge.embedder))
    index = HybridIndex(embedder)
    made = _cards(size)
    index.rebuild_now(made)
    embedder.real = True
    asked = [card.questions[0] for card in random.Random(1).choices(made, k=_SEARCHES)]
    whole = _timed(lambda text: index.search_now(CardQuery(text=text)), asked)
    embedding = _timed(lambda text: embedder.embed([text], role="query"), asked)
    return {
        "p50": percentile(whole, 50),
        "p95": percentile(whole, 95),
        "embedding_p50": percentile(embedding, 50),
    }


class _StandIn:
    """Random unit vectors while an index is built, the real ones for queries."""

    def __init__(self, inner: Embedder) -> None:
        self._inner = inner
        self._chance = np.random.default_rng(1)
        self.real = False

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def dims(self) -> int:
        return self._inner.dims

    def embed(self, texts: Sequence[str], *, role: TextRole) -> Vectors:
        if self.real:
            return self._inner.embed(texts, role=role)
        rows = self._chance.normal(size=(len(texts), self.dims))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return Vectors(data=rows.astype("<f4").tobytes(), rows=len(texts), dims=self.dims)


def _cards(size: int) -> list[Card]:
    things = ("发票", "退款", "耳机", "物流", "会员积分", "保修", "换货", "分期", "优惠券", "账单", "充电器", "屏幕")
    asks = ("怎么申请", "在哪里查", "多久能到", "坏了怎么办", "能不能取消", "为什么没有", "可以修改吗", "要收费吗")
    chance = random.Random(2)

    def phrase() -> str:
        return f"{chance.choice(things)}{chance.choice(things)}{chance.choice(asks)}{chance.randrange(size)}"

    return [
        Card(id=f"card-{number}", title=phrase(), body="正文", questions=(phrase(), phrase())) for number in range(size)
    ]


def _timed(call: Callable[[str], object], texts: Sequence[str]) -> list[float]:
    for text in texts[:5]:
        call(text)
    times = []
    for text in texts:
        began = time.perf_counter()
        call(text)
        times.append((time.perf_counter() - began) * 1000)
    return times


def evaluations(folder: Path, settings: Settings, *, utterances: int, queries: int, test_calls: int) -> Figures:
    """Small forms of the four commands."""
    embedder = load_embedder(ModelStore(settings.cache_dir), settings.knowledge.embedder)
    text, own = folder / "text", Path(tags.__file__).parent.parent / "tagger" / "data"

    def hear(name: str) -> Figures:
        return asr.measure(
            folder / "speech" / name, settings=settings, limit=utterances, latency_sample=8, baseline=True
        )

    def find() -> Figures:
        return cards.measure(
            from_files(text / "faq_unionpay_cards.jsonl", text / "faq_unionpay_dev_queries.jsonl"),
            embedder=embedder,
            threshold=settings.knowledge.threshold,
            limit=queries,
        )

    def tell(label: str) -> Figures:
        files = own / f"{label}.jsonl", own / f"{label}_test.jsonl"
        return tags.measure(*files, label=label, embedder=embedder)

    def play() -> Figures:
        found = asyncio.run(calls.measure(folder / "calls_zh", settings=settings, limit=test_calls))
        return {name: value for name, value in found.items() if not name.startswith("per_")}

    steps: list[tuple[str, Callable[[], Figures]]] = [
        ("asr_zh", lambda: hear("zh")),
        ("asr_en", lambda: hear("en")),
        ("cards", find),
        ("tags_issue_type", lambda: tell("issue_type")),
        ("tags_sentiment", lambda: tell("sentiment")),
    ]
    if test_calls:
        steps.append(("calls", play))
    return {name: said(name, step) for name, step in steps}


def flat(figures: Figures, prefix: str = "") -> list[list[object]]:
    """Nested figures as rows of one table; percentiles stay together."""
    rows: list[list[object]] = []
    for name, value in figures.items():
        if isinstance(value, dict) and not all(isinstance(part, float | int | None) for part in value.values()):
            rows += flat(value, f"{prefix}{name}.")
        else:
            rows.append([f"{prefix}{name}", value])
    return rows


if __name__ == "__main__":
    run(main)
