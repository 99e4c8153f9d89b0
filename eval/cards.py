"""``python -m eval.cards CARDS QUERIES``: does a search find the card, and does it stay silent when there is none.

``methods``: ``product`` is the hybrid search with its calibrated scores, ``dense`` and ``lexical`` its two halves.
Rank figures are over the queries that have a card; a card below the tenth place counts as not found. A query is
*pushed* when its first hit's score reaches the gate's threshold: ``pushed_when_null`` over queries that no card
answers, ``pushed_when_fits`` over the others, ``right_when_pushed`` the share of all pushes that show the right card.
The gate of a live call asks for more (speaker, cooldown, negative phrases), so these bound it from above.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from callcue.core.cards import Card, CardQuery
from callcue.core.errors import BadInput
from callcue.core.ports import Embedder
from callcue.core.settings import Settings
from eval.data import read_bytes, read_jsonl, text_field
from eval.metrics import bootstrap, mean, mrr, rank_of, recall_at, wilson
from eval.report import Figures, progress, run, table, warn, write
from kb_index.formats import read_cards
from kb_index.index import HybridIndex
from models.embedders import load_embedder
from models.store import ModelStore

_DEPTH = 10
_SEED = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One line of the queries' file."""

    text: str
    card: str | None
    """Id of the card that answers it; None: nothing fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the product's search said to one query."""

    wanted: str | None
    found: tuple[str, ...]
    score: float
    """Of the first hit, 0 without one."""


def main(
    cards: Annotated[Path, typer.Argument(metavar="CARDS", help="cards.jsonl or .csv, in the import format.")],
    queries: Annotated[Path, typer.Argument(metavar="QUERIES", help="JSON lines with text and card (or null).")],
    *,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    limit: Annotated[int | None, typer.Option(help="Only so many queries, drawn at random.", min=1)] = None,
) -> None:
    """Score the card search on labelled queries."""
    settings = Settings()
    embedder = load_embedder(ModelStore(settings.cache_dir), settings.knowledge.embedder)
    figures = measure(cards, queries, embedder=embedder, threshold=settings.knowledge.threshold, limit=limit)
    show(figures, f"{cards.name}, {queries.name}")
    write(figures, json_file)


def measure(
    cards_file: Path, queries_file: Path, *, embedder: Embedder, threshold: float, limit: int | None = None
) -> Figures:
    """The figures of one pair of files."""
    cards, refused = load_cards(cards_file)
    queries = read_queries(queries_file)
    if limit is not None and limit < len(queries):
        queries = random.Random(_SEED).sample(queries, limit)
    index = HybridIndex(embedder)
    index.rebuild_now(cards)
    answers: list[Answer] = []
    with progress("queries", len(queries)) as done:
        for query in queries:
            hits = index.search_now(CardQuery(text=query.text, top_k=_DEPTH))
            found = tuple(hit.card.id for hit in hits)
            answers.append(Answer(wanted=query.card, found=found, score=hits[0].score if hits else 0.0))
            done()
    methods = {
        "product": rank_figures([(answer.wanted, answer.found) for answer in answers if answer.wanted]),
        "dense": rank_figures(_found_by(index.dense_search, queries)),
        "lexical": rank_figures(_found_by(index.lexical_search, queries)),
    }
    known = {card.id for card in cards}
    head: Figures = {
        "cards": len(cards),
        "cards_refused": refused,
        "queries": len(queries),
        "queries_whose_card_is_missing": sum(query.card is not None and query.card not in known for query in queries),
        "threshold": threshold,
    }
    return {**head, **push_figures(answers, threshold), "methods": methods}


def load_cards(path: Path) -> tuple[list[Card], int]:
    """The cards that an import takes, and how many problems it has with the others, which are shown.

    A refused card cannot be found: its queries count as missed, for that is what its agents would see.
    """
    result = read_cards(read_bytes(path), "csv" if path.suffix.lower() == ".csv" else "jsonl")
    for problem in result.problems:
        warn(f"not imported: {path.name}, {problem.where}: {problem.message}")
    if not result.cards:
        raise BadInput(f"{path} holds no card that can be imported")
    return list(result.cards), len(result.problems)


def read_queries(path: Path) -> list[Query]:
    """Labelled queries. Raises BadInput."""
    queries = []
    for number, row in enumerate(read_jsonl(path), start=1):
        where = f"{path}, line {number}"
        card = None if row.get("card", "") is None else text_field(row, "card", where)
        queries.append(Query(text=text_field(row, "text", where), card=card))
    if not queries:
        raise BadInput(f"{path} holds no query")
    return queries


def rank_figures(found: Sequence[tuple[str | None, Sequence[str]]]) -> Figures:
    """Recall at 1, 3 and 10 and MRR, with intervals for the first and the last."""
    ranks = [rank_of(wanted, ids) for wanted, ids in found if wanted is not None]
    return {
        "r1": recall_at(ranks, 1),
        "r3": recall_at(ranks, 3),
        "r10": recall_at(ranks, _DEPTH),
        "mrr": mrr(ranks),
        "r1_interval": wilson(sum(rank == 1 for rank in ranks), len(ranks)),
        "mrr_interval": bootstrap(ranks, mrr),
    }


def push_figures(answers: Sequence[Answer], threshold: float) -> Figures:
    """What a gate with this threshold lets through."""
    silent = [answer.score >= threshold for answer in answers if answer.wanted is None]
    spoken = [answer.score >= threshold for answer in answers if answer.wanted is not None]
    pushed = [answer for answer in answers if answer.score >= threshold]
    return {
        "pushed_when_null": mean([float(value) for value in silent]),
        "pushed_when_null_interval": wilson(sum(silent), len(silent)),
        "pushed_when_fits": mean([float(value) for value in spoken]),
        "right_when_pushed": mean([float(answer.found[0] == answer.wanted) for answer in pushed]),
    }


def show(figures: Figures, title: str) -> None:
    """Print the figures."""
    table(title, ["figure", "value"], [[name, value] for name, value in figures.items() if name != "methods"])
    names = ["r1", "r3", "r10", "mrr", "r1_interval"]
    table("methods", ["method", *names], [[m, *(v[n] for n in names)] for m, v in figures["methods"].items()])


def _found_by(
    search: Callable[[str, int], list[tuple[str, float]]], queries: Sequence[Query]
) -> list[tuple[str | None, list[str]]]:
    return [(query.card, [card for card, _ in search(query.text, _DEPTH)]) for query in queries if query.card]


if __name__ == "__main__":
    run(main)
