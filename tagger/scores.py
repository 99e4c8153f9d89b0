"""Scores of a classifier: accuracy, macro-F1, expected calibration error."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_BINS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Rates are fractions."""

    accuracy: float
    macro_f1: float
    ece: float
    """Expected calibration error over 10 bins of equal width (Guo et al. 2017)."""


def score(probabilities: npt.NDArray[np.float64], classes: npt.NDArray[np.int64]) -> Scores:
    """Scores of (n, L) probabilities against (n,) classes; n is at least 1."""
    guesses = probabilities.argmax(axis=1)
    right = guesses == classes
    return Scores(
        accuracy=round(float(right.mean()), 4),
        macro_f1=round(_macro_f1(guesses, classes, probabilities.shape[1]), 4),
        ece=round(_ece(probabilities.max(axis=1), right), 4),
    )


def _macro_f1(guesses: npt.NDArray[np.int64], classes: npt.NDArray[np.int64], labels: int) -> float:
    """Mean F1 over the labels that occur in either."""
    parts = []
    for label in range(labels):
        hits = int(((guesses == label) & (classes == label)).sum())
        both = int((guesses == label).sum() + (classes == label).sum())
        if both:
            parts.append(2 * hits / both)
    return float(np.mean(parts))


def _ece(confidence: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> float:
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gap = 0.0
    for number in range(_BINS):
        inside = bins == number
        if inside.any():
            gap += float(inside.mean()) * abs(float(right[inside].mean()) - float(confidence[inside].mean()))
    return gap
