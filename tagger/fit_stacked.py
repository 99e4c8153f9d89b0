"""Fitting a stacked classifier: out-of-fold verdicts of the three parts, then what puts them together."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.features import Floats, softmax
from tagger.fit import FitSettings, Fitted, Sample, fit
from tagger.scores import Scores, score
from tagger.stacked import Kernel, Probabilities, Stack, features
from tagger.weights import Weights

FOLDS = 5
_GAMMAS = (0.3, 1.0)
"""Times 1 / D, on vectors of unit variance; wider than 1 fits single texts, narrower than 0.3 is a line."""
_KERNEL_STRENGTH = 2.0
_META_STRENGTH = 1.0

Classes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedStack:
    """All parts, and how they did on folds that they did not see."""

    base: Fitted
    stack: Stack
    scores: Scores
    probabilities: Probabilities
    """(n, L) by parts, and by what puts them together, that had not seen the fold."""


def fit_stacked(sample: Sample, settings: FitSettings) -> FittedStack:
    """Fit on the whole sample; ``settings`` are those of the linear parts."""
    folds = _folds(sample)
    gamma = max(_GAMMAS, key=lambda g: _kernel_accuracy(sample, folds[0], g)) / sample.vectors.shape[1]
    rows = np.zeros((len(sample.classes), 3 * len(sample.labels)))
    for seen, unseen in folds:
        part = _subset(sample, seen)
        weights = fit(part, settings).weights
        kernel = fit_kernel(weights.centred(part.vectors), part.classes, len(sample.labels), gamma)
        rows[unseen] = parts_of(weights, kernel, _subset(sample, unseen))
    honest = np.zeros((len(sample.classes), len(sample.labels)))
    for seen, unseen in folds:
        meta, bias = _fit_meta(rows[seen], sample.classes[seen], len(sample.labels))
        honest[unseen] = softmax(rows[unseen] @ meta + bias)
    base = fit(sample, settings)
    meta, bias = _fit_meta(rows, sample.classes, len(sample.labels))
    kernel = fit_kernel(base.weights.centred(sample.vectors), sample.classes, len(sample.labels), gamma)
    stack = Stack(kernel=kernel, meta=meta.astype(np.float32), meta_bias=bias.astype(np.float32))
    return FittedStack(base=base, stack=stack, scores=score(honest, sample.classes), probabilities=honest)


def parts_of(weights: Weights, kernel: Kernel, sample: Sample) -> Probabilities:
    """What the parts say of a sample; (n, 3 L)."""
    return features(
        weights.chars_part(sample.texts),
        weights.dense_part(sample.vectors),
        kernel.part(weights.centred(sample.vectors)),
    )


def fit_kernel(rows: Floats, classes: Classes, labels: int, gamma: float) -> Kernel:
    """One machine a label, against the rest; support vectors of several are kept once."""
    from sklearn.svm import SVC

    duals, bias = np.zeros((len(rows), labels), dtype=np.float32), np.zeros(labels, dtype=np.float32)
    for label in range(labels):
        if labels == 2 and label == 1:  # the same machine, seen from the other side
            duals[:, 1], bias[1] = -duals[:, 0], -bias[0]
            continue
        machine: Any = SVC(C=_KERNEL_STRENGTH, gamma=gamma, cache_size=500).fit(rows, classes == label)
        duals[machine.support_, label], bias[label] = machine.dual_coef_[0], machine.intercept_[0]
    used = np.abs(duals).max(axis=1) > 0
    return Kernel(support=rows[used], duals=duals[used], bias=bias, gamma=gamma)


def _fit_meta(rows: Probabilities, classes: Classes, labels: int) -> tuple[Probabilities, Probabilities]:
    from sklearn.linear_model import LogisticRegression

    mean, scale = rows.mean(axis=0), rows.std(axis=0) + 1e-9
    model = LogisticRegression(C=_META_STRENGTH, max_iter=500).fit((rows - mean) / scale, classes)
    coefficients, intercept = model.coef_.T, model.intercept_
    if labels == 2:
        coefficients = np.concatenate([-coefficients / 2, coefficients / 2], axis=1)
        intercept = np.array([-intercept[0] / 2, intercept[0] / 2])
    meta = coefficients / scale[:, None]
    return meta, intercept - mean @ meta


def _kernel_accuracy(sample: Sample, fold: tuple[Classes, Classes], gamma: float) -> float:
    seen, unseen = fold
    mean = sample.vectors[seen].mean(axis=0)
    scale = float((sample.vectors[seen] - mean).std()) or 1.0
    kernel = fit_kernel(
        (sample.vectors[seen] - mean) / scale, sample.classes[seen], len(sample.labels), gamma / sample.vectors.shape[1]
    )
    guesses = kernel.part((sample.vectors[unseen] - mean) / scale).argmax(axis=1)
    return float((guesses == sample.classes[unseen]).mean())


def _subset(sample: Sample, rows: Classes) -> Sample:
    return Sample(
        texts=tuple(sample.texts[i] for i in rows),
        classes=sample.classes[rows],
        labels=sample.labels,
        groups=tuple(sample.groups[i] for i in rows),
        vectors=sample.vectors[rows],
        inner=sample.inner[rows],
        owner=sample.owner,
        counts=tuple(sample.counts[i] for i in rows),
    )


def _folds(sample: Sample) -> list[tuple[Classes, Classes]]:
    from sklearn.model_selection import StratifiedGroupKFold

    count = max(2, min(FOLDS, len(set(sample.groups)), int(np.bincount(sample.classes).min())))
    splitter = StratifiedGroupKFold(n_splits=count, shuffle=True, random_state=1)
    return [(a, b) for a, b in splitter.split(sample.vectors, sample.classes, sample.groups) if len(a) and len(b)]
