"""``python -m eval.loop CARDS QUERIES``: a month of calls, to see whether the knowledge base gets better and why.

Everything but the people is the product: the assistant looks up and gates, the event log writes, acknowledgements move
scores, what brought no card becomes topics, topics become cards. The month is run once for each set of ingredients:
``feedback``: acknowledgements move the scores; ``questions``: the editor adds what callers say to cards that are there
but were not found; ``cards``: the editor writes cards for topics that have none.

``hit_at_1`` is the share of measuring wordings (never said in a call, never on a card) for which the search puts the
right card first, weighted by how often the need comes up; a need without a card is a miss. ``hit_at_1_there`` and
``hit_at_1_missing`` are of the needs that had a card at first, and of the others. ``shown_right`` and ``shown_wrong``:
the first card is right or wrong, and reaches the gate's threshold. ``helped``: calls of the last week with the right
card on the screen. See ``eval.loop_world`` for who calls and who answers.
"""

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from callcue.core.ports import Embedder
from callcue.core.settings import Settings
from eval.cards import load_cards, read_queries
from eval.curves import Axes, Line, curves
from eval.loop_month import Month
from eval.loop_world import World, make_world
from eval.report import Figures, progress, run, table, write
from models.embedders import load_embedder
from models.memo import MemoEmbedder
from models.store import ModelStore

SCENARIOS: dict[str, frozenset[str]] = {
    "nothing": frozenset(),
    "feedback": frozenset({"feedback"}),
    "questions": frozenset({"questions"}),
    "cards": frozenset({"cards"}),
    "all": frozenset({"feedback", "questions", "cards"}),
}


def main(
    cards: Annotated[Path, typer.Argument(metavar="CARDS", help="cards.jsonl, in the import format.")],
    queries: Annotated[Path, typer.Argument(metavar="QUERIES", help="JSON lines with text and card (or null).")],
    *,
    weeks: Annotated[int, typer.Option(min=1, max=26)] = 4,
    calls: Annotated[int, typer.Option(min=1, help="New callers a day.")] = 60,
    needs: Annotated[int, typer.Option(min=20, help="At most so many things that people call about.")] = 120,
    seed: Annotated[int, typer.Option(help="Another seed is another month.")] = 7,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    plots: Annotated[Path | None, typer.Option(help="Write the picture loop.svg here.")] = None,
) -> None:
    """Simulate weeks of calls, agents and an editor, with and without each ingredient of the learning loop."""
    settings = Settings()
    embedder = MemoEmbedder(load_embedder(ModelStore(settings.cache_dir), settings.knowledge.embedder), size=20_000)
    world = make_world(load_cards(cards)[0], read_queries(queries), most=needs, seed=seed)
    figures = measure(world, embedder, threshold=settings.knowledge.threshold, weeks=weeks, calls=calls, seed=seed)
    show(figures)
    write(figures, json_file)
    if plots is not None:
        plots.mkdir(parents=True, exist_ok=True)
        (plots / "loop.svg").write_text(picture(figures), encoding="utf-8")


def measure(world: World, embedder: Embedder, *, threshold: float, weeks: int, calls: int, seed: int) -> Figures:
    """Run every scenario."""
    figures: Figures = {
        "needs": len(world.needs),
        "missing_at_first": sum(need.missing for need in world.needs),
        "cards_at_first": len(world.first_cards),
        "measuring_wordings": sum(len(need.measured) for need in world.needs),
        "threshold": threshold,
        "calls_a_day": calls,
        "scenarios": {},
    }
    with progress("weeks", weeks * len(SCENARIOS)) as done:
        for name, parts in SCENARIOS.items():
            with tempfile.TemporaryDirectory() as folder:
                month = Month(world, embedder, Path(folder), parts, threshold)
                figures["scenarios"][name] = asyncio.run(month.run(weeks, calls, seed, done))
    return figures


def show(figures: Figures) -> None:
    """Print what came of it."""
    scenarios = figures["scenarios"]
    head = {name: value for name, value in figures.items() if name != "scenarios"}
    table("the month", ["figure", "value"], [[name, value] for name, value in head.items()])
    weeks = [row["week"] for row in scenarios["nothing"]["weeks"]]
    for figure in ("hit_at_1", "hit_at_1_there", "hit_at_1_missing", "shown_right", "shown_wrong"):
        rows = [[name, *(row[figure] for row in found["weeks"])] for name, found in scenarios.items()]
        table(f"{figure} after so many weeks", ["with", *map(str, weeks)], rows)
    rows = [
        [
            name,
            *(found["weeks"][-1][figure] for figure in ("helped", "wrong_pushes_per_call")),
            *(found[figure] for figure in ("topics", "topics_answered", "answered_in_24_h")),
            *(found["ledger"][figure]["rate"] for figure in ("retrieval", "accuracy", "repeat", "transfer")),
        ]
        for name, found in scenarios.items()
    ]
    columns = ["with", "helped", "wrong a call", "topics", "answered", "in 24 h", "retrieval", "accuracy", "repeat"]
    table("the last week's calls, and the reports of the month", [*columns, "transfer"], rows)
    repeats = [
        [name, *(part[figure] for part in found["repeats"].values() for figure in ("askings", "repeated"))]
        for name, found in scenarios.items()
    ]
    table(
        "topics that got a card: askings, and those repeated within a week",
        ["with", "before it", "repeated", "after it", "repeated"],
        repeats,
    )


def picture(figures: Figures) -> str:
    """hit@1 by week, one line for each scenario, as SVG."""
    lines = [
        Line(name=name, points=[(row["week"], row["hit_at_1"]) for row in found["weeks"]])
        for name, found in figures["scenarios"].items()
    ]
    title = f"hit@1, {figures['needs']} needs, {figures['missing_at_first']} of them without a card at first"
    return curves(lines, Axes(title=title, x="weeks", y="hit@1"))


if __name__ == "__main__":
    run(main)
