"""Fit the ranking: ``python -m kb_index.fit_ranking CARDS QUERIES [CARDS QUERIES ...] [--out FILE]``.

CARDS and QUERIES are as for ``kb_index.calibrate``. Each set is searched twice, as it is and with only one sample
question left on each card, for knowledge bases are seldom written to the end; every query is asked as written and with
simulated recognition errors. The weights are those of a conditional logit over a query's candidates (McFadden 1973; the
listwise loss of Cao et al. 2007 with one relevant card): the highest likelihood of the right card. Each set counts
the same. Folds are made of queries: the figures are of queries that the weights had not seen.
"""

import argparse
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np

from callcue.core.cards import Card
from callcue.core.ports import Embedder
from kb_index.calibrate import Query, RememberingEmbedder, load_sets
from kb_index.calibration import NEUTRAL
from kb_index.fusion import Array
from kb_index.index import HybridIndex, IndexConfig
from kb_index.noise import disturb
from kb_index.ranking import COLUMNS, Ranking, columns

_SEED = 20261123
_FOLDS = 5
_RIDGE = 1e-3
_FLAT = Ranking(weights=(1.0,) * len(COLUMNS), embedder="", provenance="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One search: what its candidates look like, and which of them is right."""

    columns: Array
    """Shape (candidates, len(COLUMNS))."""
    right: int
    """Place of the right card; -1 where the search did not bring it up."""
    source: int
    query: int
    kind: str
    """``clean`` or ``errors``."""


def collect(embedder: Embedder, sets: Sequence[tuple[Sequence[Card], Sequence[Query]]], rate: float) -> list[Asked]:
    """Search every set's queries that have a card."""
    dice = random.Random(_SEED)
    index = HybridIndex(RememberingEmbedder(embedder), IndexConfig(ranking=_FLAT, calibration=NEUTRAL))
    found: list[Asked] = []
    number = 0
    for source, (cards, queries) in enumerate(sets):
        for variant in (cards, [thinned(card, dice) for card in cards]):
            index.rebuild_now(variant)
            for place, query in enumerate(queries):
                if query.card is None:
                    continue
                for kind, text in (("clean", query.text), ("errors", disturb(query.text, rate, dice))):
                    asked = _search(index, text, query.card, (source, number + place, kind))
                    found.extend([asked] if asked else [])
        number += len(queries)
        sys.stderr.write(f"set {source + 1} of {len(sets)} searched\n")
    return found


def thinned(card: Card, dice: random.Random) -> Card:
    """The card with one of its sample questions."""
    return replace(card, questions=tuple(dice.sample(card.questions, min(1, len(card.questions)))))


def _search(index: HybridIndex, text: str, card: str, place: tuple[int, int, str]) -> Asked | None:
    outcome = index.evidence(text)
    if outcome is None:
        return None
    found, cards = outcome
    ids = [cards[number].id for number in found.cards.tolist()]
    source, query, kind = place
    right = ids.index(card) if card in ids else -1
    return Asked(columns=columns(found.dense, found.sound), right=right, source=source, query=query, kind=kind)


def fit(asked: Sequence[Asked]) -> Array:
    """The weights, one per column."""
    from scipy.optimize import minimize

    usable = [one for one in asked if one.right >= 0]
    most = max(len(one.columns) for one in usable)
    table = np.zeros((len(usable), most, len(COLUMNS)))
    absent = np.ones((len(usable), most), dtype=bool)
    for row, one in enumerate(usable):
        table[row, : len(one.columns)] = one.columns
        absent[row, : len(one.columns)] = False
    right = np.array([one.right for one in usable])
    source = np.array([one.source for one in usable])
    share = 1.0 / np.bincount(source)[source]
    share /= share.sum()
    rows = np.arange(len(usable))

    def loss(weights: Array) -> tuple[float, Array]:
        score = np.where(absent, -np.inf, table @ weights)
        chance = np.exp(score - score.max(axis=1, keepdims=True))
        chance /= chance.sum(axis=1, keepdims=True)
        value = -float(share @ np.log(chance[rows, right] + 1e-12)) + _RIDGE * float(weights @ weights)
        chance[rows, right] -= 1
        gradient = np.einsum("i,ij,ijk->k", share, chance, table) + 2 * _RIDGE * weights
        return value, gradient

    return cast("Array", minimize(loss, np.ones(len(COLUMNS)), jac=True, method="L-BFGS-B").x)


def judge(weights: Array, asked: Sequence[Asked]) -> dict[str, float]:
    """R@1, R@3 and MRR (to the tenth place) of an order by ``weights``."""
    ranks = np.array([_rank(one.columns @ weights, one.right) for one in asked])
    return {
        "r1": float((ranks <= 1).mean()),
        "r3": float((ranks <= 3).mean()),
        "mrr": float(np.where(ranks <= 10, 1 / ranks, 0).mean()),
    }


def _rank(score: Array, right: int) -> float:
    """Rank of the right candidate, from 1; among equals the middle one of their places."""
    if right < 0:
        return np.inf
    return 1 + float(np.sum(score > score[right])) + (float(np.sum(score == score[right])) - 1) / 2


def report(asked: Sequence[Asked], names: Sequence[str]) -> str:
    """A line per set and kind of text: by weights fitted on other queries, and by each column alone."""
    lines = []
    held: list[tuple[Asked, Array]] = []
    for fold in range(_FOLDS):
        weights = fit([one for one in asked if one.query % _FOLDS != fold])
        held += [(one, weights) for one in asked if one.query % _FOLDS == fold]
    alone = {name: np.eye(len(COLUMNS))[place] for place, name in enumerate(COLUMNS)}
    for source, name in enumerate(names):
        for kind in ("clean", "errors"):
            own = [(one, weights) for one, weights in held if one.source == source and one.kind == kind]
            parts = [judge(weights, [one]) for one, weights in own]
            figures = {"fused": {key: float(np.mean([part[key] for part in parts])) for key in parts[0]}}
            figures |= {column: judge(weights, [one for one, _ in own]) for column, weights in alone.items()}
            told = "  ".join(f"{method} {f['r1']:.3f} {f['r3']:.3f} {f['mrr']:.3f}" for method, f in figures.items())
            lines.append(f"{name:28s} {kind:7s} {told}")
    return "R@1, R@3 and MRR of queries that were not fitted on\n" + "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m kb_index.fit_ranking", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="CARDS QUERIES")
    parser.add_argument("--errors", type=float, default=0.15, help="share of characters to disturb")
    parser.add_argument("--model", default="e5-small", help="embedder: name, folder or hub id")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/callcue/models", help="model cache")
    parser.add_argument("--note", default="", help="where the data is from; kept in the file")
    parser.add_argument("--out", type=Path, help="write the ranking here")
    given = parser.parse_args(arguments)
    if len(given.paths) % 2:
        parser.error("give pairs of CARDS and QUERIES")
    from models.embedders import load_embedder
    from models.store import ModelStore

    embedder = load_embedder(ModelStore(given.cache), given.model)
    asked = collect(embedder, load_sets(given.paths), given.errors)
    weights = fit(asked)
    told = "  ".join(f"{name} {weight:.2f}" for name, weight in zip(COLUMNS, weights, strict=True))
    sys.stdout.write(f"{report(asked, [path.stem for path in given.paths[::2]])}\nweights: {told}\n")
    if given.out:
        ranking = Ranking(weights=tuple(weights.tolist()), embedder=embedder.name, provenance=given.note)
        cast("Path", given.out).write_text(ranking.to_json(), encoding="utf-8")


if __name__ == "__main__":
    main()
