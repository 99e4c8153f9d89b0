"""What a ranking says about whether its first hit is right.

Evidence: features without a unit, so that they mean the same in a knowledge base of forty cards and of ten thousand,
and for any embedder. e5's cosines all lie within a few hundredths, so a raw cosine says little; how far it stands out
does.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FEATURES = ("dense_gap", "idle_gap", "sound", "sound_gap")
"""``dense_gap``: cosine above the best other card, in spreads of the background. ``idle_gap``: the same above the
nearest small talk. ``sound``: share of the query's weight of rare terms that the card covers by sound;
``sound_gap``: above the best other card. Coverage by spelling in their place, or beside them, was worse (log loss .440
and .425 against .422 on held-out queries); so were height above the background, overlap with the nearest text, length
of the query and number of cards beside them."""


def zscores(values: Array) -> Array:
    """Standard scores; zeros where nothing varies."""
    spread = float(values.std())
    return (values - values.mean()) / spread if spread > 1e-9 else np.zeros_like(values)


def spread_below(background: Array) -> float:
    """How much a query's cosines vary among texts that have nothing to do with it: the unit that gaps are counted in.

    Only the lower half is measured (the 10th percentile against the middle): the upper half holds what is related.
    """
    low, middle = np.quantile(background, [0.1, 0.5])
    return max(float(middle - low) / 1.2816, 1e-4)


def above_others(values: Array) -> Array:
    """Each value minus the best of the others; minus 0 where there is no other."""
    if len(values) < 2:
        return values.copy()
    second, first = np.partition(values, -2)[-2:]
    others: Array = np.where(values == first, second, first)
    return values - others


def evidence(dense: Array, sound: Array, *, spread: float, idle: float) -> Array:
    """Features of each candidate, shape (candidates, len(FEATURES)). ``idle``: cosine of the nearest small talk."""
    return np.column_stack([above_others(dense) / spread, (dense - idle) / spread, sound, above_others(sound)])
