"""``python -m eval.cards CARDS QUERIES``: does a search find the card, and does it stay silent when there is none.

``--banking TRAIN TEST`` makes the cards out of labelled utterances: one an intent, a few of TRAIN as its sample
questions, TEST as queries. ``--all`` takes the three sets under ``CALLCUE_DATA`` that no weight was fitted on. With
``--errors`` every query is asked as written and again as a recogniser might have written it.

``methods``: ``product`` is the hybrid search, ``dense`` its vectors alone, ``lexical`` BM25 alone, ``sound`` its
coverage by sound alone, ``tfidf`` scikit-learn's TF-IDF over characters, the nearest text of each card. Rank figures
are over the queries that have a card; a card below the tenth place counts as not found. A query is *pushed* when its
first hit's score reaches the gate's threshold: ``pushed_when_null`` over queries that no card answers,
``pushed_when_fits`` over the others, ``right_when_pushed`` the share of all pushes that show the right card. The gate
of a live call asks for more (speaker, cooldown, negative phrases), so these bound it from above.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from callcue.core.cards import CardQuery
from callcue.core.errors import BadInput
from callcue.core.ports import Embedder
from callcue.core.settings import Settings
from eval.card_sets import CardSet, Query, banking, disturbed, from_files, load_cards, read_queries, standard
from eval.char_tfidf import CharTfidf
from eval.data import absence, data_dir
from eval.embed_cache import CachedEmbedder
from eval.metrics import bootstrap, mean, mrr, rank_of, recall_at, wilson
from eval.report import Figures, progress, run, table, write
from kb_index.index import HybridIndex
from models.embedders import load_embedder
from models.memo import MemoEmbedder
from models.store import ModelStore

_DEPTH = 10
RATE = 0.15
"""Share of characters that are wrong in the disturbed queries of ``--all``: telephone Mandarin, Whisper base."""


Found = Sequence[tuple[str | None, Sequence[str]]]
"""The wanted card of each query (None: none) and the cards found, best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the product's search said to one query."""

    wanted: str | None
    found: tuple[str, ...]
    score: float
    """Of the first hit, 0 without one."""


def main(
    cards: Annotated[Path | None, typer.Argument(metavar="CARDS", help="cards.jsonl or .csv, as imported.")] = None,
    queries: Annotated[Path | None, typer.Argument(metavar="QUERIES", help="JSON lines: text, card (or null).")] = None,
    *,
    labelled: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--banking", metavar="TRAIN TEST", help="Make cards out of utterances with text and intent."),
    ] = None,
    samples: Annotated[int, typer.Option(help="--banking: sample questions on a card.", min=1)] = 10,
    every: Annotated[bool, typer.Option("--all", help="The three sets under CALLCUE_DATA, with and without.")] = False,
    errors: Annotated[float, typer.Option(help="Also ask with so many of the characters wrong.", min=0, max=1)] = 0.0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    limit: Annotated[int | None, typer.Option(help="Only so many queries, drawn at random.", min=1)] = None,
    cache: Annotated[Path | None, typer.Option(help="Folder that keeps sentence vectors between runs.")] = None,
) -> None:
    """Score the card search on labelled queries."""
    settings = Settings()
    sets = _chosen(cards, queries, labelled, samples, every=every)
    errors = RATE if every and not errors else errors
    embedder = CachedEmbedder(load_embedder(ModelStore(settings.cache_dir), settings.knowledge.embedder), cache)
    figures: Figures = {}
    for chosen in sets:
        one = measure(
            chosen, embedder=embedder, threshold=settings.knowledge.threshold, limit=limit, errors=errors or None
        )
        show(one, chosen.name)
        figures[chosen.name] = one
    write(figures if every else figures[sets[0].name], json_file)


def _chosen(
    cards: Path | None, queries: Path | None, labelled: tuple[Path, Path] | None, samples: int, *, every: bool
) -> list[CardSet]:
    given = [cards is not None, labelled is not None, every]
    if sum(given) != 1 or (cards is not None and queries is None):
        raise BadInput("give CARDS and QUERIES, or --banking TRAIN TEST, or --all")
    if every:
        folder = data_dir()
        if folder is None:
            raise BadInput(absence())
        return standard(folder)
    if labelled is not None:
        return [banking(*labelled, samples=samples)]
    assert cards is not None  # noqa: S101 - for mypy: what is left of the cases above
    assert queries is not None  # noqa: S101
    return [from_files(cards, queries)]


def measure(
    chosen: CardSet, *, embedder: Embedder, threshold: float, limit: int | None = None, errors: float | None = None
) -> Figures:
    """The figures of one set; with ``errors`` those of the disturbed queries under ``with_errors``."""
    queries = chosen.drawn(limit)
    index = HybridIndex(MemoEmbedder(embedder, size=2 * len(queries) + 1))
    index.rebuild_now(chosen.cards)
    tfidf = CharTfidf(chosen.cards)
    known = {card.id for card in chosen.cards}
    figures: Figures = {
        "cards": len(chosen.cards),
        "cards_refused": chosen.refused,
        "queries": len(queries),
        "queries_whose_card_is_missing": sum(query.card is not None and query.card not in known for query in queries),
        "threshold": threshold,
        **_asked(queries, index, tfidf, threshold),
    }
    if errors is not None:
        figures["with_errors"] = {"rate": errors, **_asked(disturbed(queries, errors), index, tfidf, threshold)}
    return figures


def _asked(queries: Sequence[Query], index: HybridIndex, tfidf: CharTfidf, threshold: float) -> Figures:
    answers: list[Answer] = []
    with progress("queries", len(queries)) as done:
        for query in queries:
            hits = index.search_now(CardQuery(text=query.text, top_k=_DEPTH))
            found = tuple(hit.card.id for hit in hits)
            answers.append(Answer(wanted=query.card, found=found, score=hits[0].score if hits else 0.0))
            done()
    product: Found = [(answer.wanted, answer.found) for answer in answers if answer.wanted]
    parts = {
        "dense": _found_by(index.dense_search, queries),
        "lexical": _found_by(index.lexical_search, queries),
        "sound": _found_by(index.sound_search, queries),
        "tfidf": _found_by(tfidf.search, queries),
    }
    return {
        **push_figures(answers, threshold),
        "methods": {"product": rank_figures(product), **{name: rank_figures(found) for name, found in parts.items()}},
        "product_minus": {name: gap(product, found) for name, found in parts.items()},
    }


def rank_figures(found: Found) -> Figures:
    """Recall at 1, 3 and 10 and MRR, with intervals."""
    ranks = _ranks(found)
    hits = {k: sum(rank is not None and rank <= k for rank in ranks) for k in (1, 3)}
    return {
        "r1": recall_at(ranks, 1),
        "r3": recall_at(ranks, 3),
        "r10": recall_at(ranks, _DEPTH),
        "mrr": mrr(ranks),
        "r1_interval": wilson(hits[1], len(ranks)),
        "r3_interval": wilson(hits[3], len(ranks)),
        "mrr_interval": bootstrap(ranks, mrr),
    }


def gap(ours: Found, theirs: Found) -> Figures:
    """How much higher MRR and R@1 of ``ours`` are on the same queries. The interval is that of the difference, by
    bootstrap over queries: what is hard for both does not widen it."""
    pairs = [
        (0.0 if one is None else 1 / one, 0.0 if other is None else 1 / other)
        for one, other in zip(_ranks(ours), _ranks(theirs), strict=True)
    ]

    def mrr_gap(drawn: Sequence[tuple[float, float]]) -> float | None:
        return mean([one - other for one, other in drawn])

    def r1_gap(drawn: Sequence[tuple[float, float]]) -> float | None:
        return mean([float(one == 1) - float(other == 1) for one, other in drawn])

    return {
        "r1": r1_gap(pairs),
        "r1_interval": bootstrap(pairs, r1_gap),
        "mrr": mrr_gap(pairs),
        "mrr_interval": bootstrap(pairs, mrr_gap),
    }


def _ranks(found: Found) -> list[int | None]:
    return [rank_of(wanted, ids) for wanted, ids in found if wanted is not None]


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
    """Print the figures, every method on clean and on disturbed text in one table."""
    nested = {"methods", "product_minus", "with_errors", "rate"}
    kinds = {"clean": figures}
    if "with_errors" in figures:
        kinds[f"{figures['with_errors']['rate']:.0%} errors"] = figures["with_errors"]
    for kind, part in kinds.items():
        rows = [[name, value] for name, value in part.items() if name not in nested]
        table(f"{title}, {kind}", ["figure", "value"], rows)
    names = ["r1", "r1_interval", "r3", "r3_interval", "mrr", "mrr_interval", "r10"]
    rows = [[kind, m, *(v[n] for n in names)] for kind, part in kinds.items() for m, v in part["methods"].items()]
    table(f"{title}: methods", ["queries", "method", *names], rows)
    names = ["r1", "r1_interval", "mrr", "mrr_interval"]
    rows = [[kind, m, *(v[n] for n in names)] for kind, part in kinds.items() for m, v in part["product_minus"].items()]
    table(f"{title}: the product minus", ["queries", "method", *names], rows)


def _found_by(search: Callable[[str, int], Sequence[str]], queries: Sequence[Query]) -> Found:
    return [(query.card, search(query.text, _DEPTH)) for query in queries if query.card]


__all__ = ["load_cards", "measure", "push_figures", "rank_figures", "read_queries"]

if __name__ == "__main__":
    run(main)
