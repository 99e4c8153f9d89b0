"""How two scores become one ranking, and what a ranking says about whether its first hit is right.

Ranking: z-scores of cosine and BM25 over the union of both searches' candidates, 1 : ``lexical_weight``.
Reciprocal-rank fusion was measured and is no better than the vectors alone on clean text.

Evidence: features without a unit, so that they mean the same in a knowledge base of forty cards and of ten thousand,
and for any embedder. e5's cosines all lie within a few hundredths, so a raw cosine says little; how far it stands out
does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FEATURES = (
    "dense_z",
    "dense_gap",
    "idle_gap",
    "coverage",
    "coverage_gap",
    "overlap",
    "query_length",
    "cards",
)
"""``dense_z``: cosine above the background, in background spreads. ``dense_gap``: the same above the best other card.
``idle_gap``: the same above the nearest small talk. ``coverage``: share of the query's weight of rare terms that the
card holds; ``coverage_gap``: above the best other card. ``overlap``: Dice of the terms of query and nearest text.
``query_length``: log2(1 + terms). ``cards``: log2(1 + cards that were searched)."""


def zscores(values: Array) -> Array:
    """Standard scores; zeros where nothing varies."""
    spread = float(values.std())
    return (values - values.mean()) / spread if spread > 1e-9 else np.zeros_like(values)


def fuse(dense: Array, lexical: Array, lexical_weight: float) -> Array:
    """The ranking score of each candidate: compare within one result list only."""
    return zscores(dense) + lexical_weight * zscores(lexical)


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What "not related" looks like to one query: the middle of its cosines to everything, and their spread below it.

    Only the lower half is measured, since the upper half holds what is related.
    """

    middle: float
    spread: float

    @classmethod
    def of(cls, background: Array) -> "Yardstick":
        """From the query's cosines to texts that mostly have nothing to do with it."""
        low, middle = np.quantile(background, [0.1, 0.5])
        return cls(float(middle), max(float(middle - low) / 1.2816, 1e-4))


def above_others(values: Array) -> Array:
    """Each value minus the best of the others; minus 0 where there is no other."""
    if len(values) < 2:
        return values.copy()
    second, first = np.partition(values, -2)[-2:]
    others: Array = np.where(values == first, second, first)
    return values - others


def evidence(
    *,
    dense: Array,
    coverage: Array,
    overlap: Sequence[float],
    yardstick: Yardstick,
    idle: float,
    terms: int,
    cards: int,
) -> Array:
    """Features of each candidate, shape (candidates, len(FEATURES)). ``idle``: cosine of the nearest small talk."""
    count = len(dense)
    z = (dense - yardstick.middle) / yardstick.spread
    return np.column_stack(
        [
            z,
            above_others(z),
            (dense - idle) / yardstick.spread,
            coverage,
            above_others(coverage),
            np.asarray(overlap, dtype=np.float64),
            np.full(count, np.log2(1 + terms)),
            np.full(count, np.log2(1 + cards)),
        ]
    )
