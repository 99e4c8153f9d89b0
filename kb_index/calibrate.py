"""Fit the calibration: ``python -m kb_index.calibrate CARDS QUERIES [CARDS QUERIES ...] [--nulls FILE] [--out FILE]``.

CARDS is an import file, QUERIES JSON lines with ``text`` and ``card`` (an id, or null where nothing fits); ``--nulls``
names JSON lines with ``text`` only, things said that no card answers. QUERIES may be ``-``: then of each card with four
questions or more every third one is taken off and asked. From each set, knowledge bases of several sizes are drawn;
queries whose card was not drawn count as unanswerable, which makes near misses of the trade itself. Every
query is used as written, with simulated recognition errors, and with errors inside a caller's turn. Queries, not rows,
are split into a fitted and a held-out part, and each set is also judged by a fit on the others alone.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from callcue.core.cards import Card
from callcue.core.errors import BadInput
from callcue.core.ports import Embedder, TextRole, Vectors
from kb_index.calibration import NEUTRAL, Calibration
from kb_index.formats import read_cards
from kb_index.fusion import FEATURES, Array
from kb_index.index import HybridIndex, IndexConfig
from kb_index.noise import disturb, in_a_turn

SIZES = (40, 150, 600)
"""Cards of the knowledge bases that are drawn: a small shop, a department, a company."""
RANKS = 3
"""Hits per query that are judged."""
SHARES = {"answerable": 0.5, "near miss": 0.2, "nothing": 0.3}
"""Weights of the kinds of query: about half of what callers say needs no card, and most of that is no question."""
_SEED = 20261123


@dataclass(frozen=True, slots=True)
class Query:
    """One thing that was asked; ``card`` None: nothing fits."""

    text: str
    card: str | None


@dataclass(frozen=True, slots=True)
class Rows:
    """Judged hits: features, whether right, weight, number of the query, of the data set, rank from 0."""

    features: Array
    right: Array
    weight: Array
    query: Array
    source: Array
    rank: Array

    def where(self, mask: NDArray[np.bool_]) -> "Rows":
        """The rows that ``mask`` admits."""
        return Rows(
            self.features[mask],
            self.right[mask],
            self.weight[mask],
            self.query[mask],
            self.source[mask],
            self.rank[mask],
        )


class RememberingEmbedder:
    """An embedder that computes each text once: the same queries meet several knowledge bases."""

    def __init__(self, inner: Embedder) -> None:
        self._inner = inner
        self._known: dict[str, bytes] = {}
        self.name = inner.name
        self.dims = inner.dims

    def embed(self, texts: Sequence[str], *, role: TextRole) -> Vectors:
        """As the port says."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        made = self._inner.embed(new, role=role) if new else None
        width = 4 * self.dims
        for place, text in enumerate(new):
            self._known[text] = made.data[place * width : (place + 1) * width] if made else b""
        return Vectors(data=b"".join(self._known[text] for text in texts), rows=len(texts), dims=self.dims)


def read_queries(path: Path) -> list[Query]:
    """JSON lines with ``text`` and, unless nothing fits, ``card``. Raises BadInput naming the line."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            obj = json.loads(line)
            text, card = obj["text"], obj.get("card")
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise BadInput(f"{path}, line {number}: a query is an object with text and card ({error})") from error
        found.append(Query(str(text), None if card is None else str(card)))
    return found


_Row = tuple[Array, float, str, int, int, int]
"""Features, whether right, kind of query, and the numbers of query, set and rank."""


def collect(
    embedder: Embedder, sets: Sequence[tuple[Sequence[Card], Sequence[Query]]], nulls: Sequence[str], rate: float
) -> Rows:
    """Search every set's queries in every knowledge base drawn from it and judge the first hits."""
    dice = random.Random(_SEED)
    remembered = RememberingEmbedder(embedder)
    index = HybridIndex(remembered, IndexConfig(calibration=NEUTRAL))
    rows: list[_Row] = []
    number = 0
    for source, (cards, queries) in enumerate(sets):
        asked = [*queries, *(Query(text, None) for text in nulls)]
        for size in SIZES:
            drawn = _draw(cards, queries, size, dice)
            index.rebuild_now(drawn)
            known = {card.id for card in drawn}
            for place, query in enumerate(asked):
                if query.card is not None and query.card not in known and dice.random() > size / len(cards):
                    continue  # a few near misses are enough in a small knowledge base
                for text in (
                    query.text,
                    disturb(query.text, rate, dice),
                    disturb(in_a_turn(query.text, dice), rate, dice),
                ):
                    rows += _judge(index, text, query.card, known, (number + place, source))
        number += len(asked)
        sys.stderr.write(f"set {source + 1} of {len(sets)} searched\n")
    return _table(rows)


def _draw(cards: Sequence[Card], queries: Sequence[Query], size: int, dice: random.Random) -> list[Card]:
    """Cards of a knowledge base, half of them such as are asked for."""
    asked = {query.card for query in queries}
    wanted = [card for card in cards if card.id in asked]
    others = [card for card in cards if card.id not in asked]
    first = dice.sample(wanted, min(len(wanted), max(size // 2, size - len(others))))
    return first + dice.sample(others, min(len(others), size - len(first)))


def _judge(index: HybridIndex, text: str, card: str | None, known: set[str], place: tuple[int, int]) -> Iterator[_Row]:
    outcome = index.evidence(text)
    if outcome is None:
        return
    found, cards = outcome
    kind = "answerable" if card in known else "nothing" if card is None else "near miss"
    for rank, hit in enumerate(found.cards[:RANKS].tolist()):
        yield found.features[rank], float(cards[hit].id == card), kind, *place, rank


def _table(rows: Sequence[_Row]) -> Rows:
    """Columns, with weights that give each kind of query its share within each set."""
    features, right, kind, number, source, rank = zip(*rows, strict=True)
    kinds, origin = np.array(kind), np.array(source)
    weight = np.ones(len(rows))
    for one in set(source):
        for name, share in SHARES.items():
            mask = (origin == one) & (kinds == name)
            weight[mask] = share * len(rows) / len(set(source)) / max(int(mask.sum()), 1)
    return Rows(np.stack(features), np.array(right), weight, np.array(number), origin, np.array(rank))


def fit(rows: Rows, embedder: str, provenance: str) -> Calibration:
    """Logistic regression on standardised features."""
    from sklearn.linear_model import LogisticRegression

    middle, spread = rows.features.mean(axis=0), rows.features.std(axis=0) + 1e-6
    standard = np.clip((rows.features - middle) / spread, -4, 4)
    model = LogisticRegression(C=1.0, max_iter=1000).fit(standard, rows.right, sample_weight=rows.weight)
    return Calibration(
        middle=tuple(middle.tolist()),
        spread=tuple(spread.tolist()),
        weight=tuple(model.coef_[0].tolist()),
        bias=float(model.intercept_[0]),
        embedder=embedder,
        provenance=provenance,
    )


def expected_calibration_error(probability: Array, right: Array, weight: Array, bins: int = 10) -> float:
    """Mean distance between probability and frequency over equal-width bins (Naeini et al. 2015)."""
    place = np.minimum((probability * bins).astype(int), bins - 1)
    total = 0.0
    for one in range(bins):
        share = weight * (place == one)
        if share.sum() > 0:
            total += abs(float((share * (probability - right)).sum()))
    return total / float(weight.sum())


def judge(calibration: Calibration, rows: Rows) -> dict[str, float]:
    """AUC, ECE and what a threshold of one half lets through, for first hits alone."""
    from sklearn.metrics import roc_auc_score

    first = rows.where(rows.rank == 0)
    probability = calibration.probability(first.features)
    shown = probability >= 0.5
    weighted = first.weight * shown
    return {
        "queries": float(len(first.right)),
        "auc": float(roc_auc_score(first.right, probability, sample_weight=first.weight)),
        "ece": expected_calibration_error(probability, first.right, first.weight),
        "shown": float(weighted.sum() / first.weight.sum()),
        "right_of_shown": float((weighted * first.right).sum() / max(float(weighted.sum()), 1e-9)),
        "found_of_right": float((weighted * first.right).sum() / (first.weight * first.right).sum()),
    }


def report(rows: Rows, names: Sequence[str], embedder: str) -> str:
    """A line per way of judging: held-out queries, then each set by a fit on the others."""
    held = rows.query % 10 < 3
    lines = [("held-out queries", judge(fit(rows.where(~held), embedder, ""), rows.where(held)))]
    for source, name in enumerate(names):
        own = rows.source == source
        if len(names) > 1:
            lines.append((f"{name}, fitted on the others", judge(fit(rows.where(~own), embedder, ""), rows.where(own))))
    return "\n".join(f"{name:45s} " + "  ".join(f"{k} {v:.3f}" for k, v in figures.items()) for name, figures in lines)


def split_questions(cards: Sequence[Card]) -> tuple[list[Card], list[Query]]:
    """Take every third question off each card that has four or more, and ask it."""
    left, asked = [], []
    for card in cards:
        taken = card.questions[1::3] if len(card.questions) >= 4 else ()
        asked += [Query(text, card.id) for text in taken]
        left.append(replace(card, questions=tuple(text for text in card.questions if text not in taken)))
    return left, asked


def load_sets(paths: Sequence[Path]) -> list[tuple[Sequence[Card], Sequence[Query]]]:
    """Cards and queries of each pair of files. Raises BadInput where a file holds no usable card."""
    sets: list[tuple[Sequence[Card], Sequence[Query]]] = []
    for cards, queries in zip(paths[::2], paths[1::2], strict=True):
        result = read_cards(cards.read_bytes(), "csv" if cards.suffix == ".csv" else "jsonl")
        if not result.cards:
            raise BadInput(f"{cards} holds no usable card: {'; '.join(p.message for p in result.problems[:3])}")
        sets.append(split_questions(result.cards) if str(queries) == "-" else (result.cards, read_queries(queries)))
    return sets


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m kb_index.calibrate", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="CARDS QUERIES")
    parser.add_argument("--nulls", type=Path, action="append", default=[], help="JSON lines: things no card answers")
    parser.add_argument("--errors", type=float, default=0.15, help="share of characters to disturb")
    parser.add_argument("--model", default="e5-small", help="embedder: name, folder or hub id")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/callcue/models", help="model cache")
    parser.add_argument("--note", default="", help="where the data is from; kept in the file")
    parser.add_argument("--out", type=Path, help="write the calibration here")
    given = parser.parse_args(arguments)
    if len(given.paths) % 2:
        parser.error("give pairs of CARDS and QUERIES")
    from models.embedders import load_embedder
    from models.store import ModelStore

    embedder = load_embedder(ModelStore(given.cache), given.model)
    nulls = [query.text for path in given.nulls for query in read_queries(path)]
    rows = collect(embedder, load_sets(given.paths), nulls, given.errors)
    names = [path.stem for path in given.paths[::2]]
    figures = report(rows, names, embedder.name)
    calibration = fit(rows, embedder.name, f"{given.note} {figures.splitlines()[0]}".strip())
    weights = "  ".join(f"{name} {w:+.2f}" for name, w in zip(FEATURES, calibration.weight, strict=True))
    sys.stdout.write(f"{figures}\nweights: {weights}\n")
    if given.out:
        cast("Path", given.out).write_text(calibration.to_json(), encoding="utf-8")


if __name__ == "__main__":
    main()
