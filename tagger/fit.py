"""Fitting the experts, choosing their settings and calibrating them; the only user of scikit-learn.

Each expert is calibrated by a temperature of its own, their probabilities are averaged with shares of least log loss,
and the average gets a temperature again: averages of calibrated forecasts are underconfident (Ranjan, Gneiting 2010).
All of it is learnt from out-of-fold verdicts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.features import Floats, document_frequencies, softmax, weigh
from tagger.scores import Scores, score
from tagger.weights import Probabilities, Shares, Weights, add_up, sharpen

FOLDS = 5
_DENSE_STRENGTHS = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
_SHRINKAGES = (0.1, 0.3, 0.6, 0.9)
_CHARS_STRENGTHS = (0.1, 0.3, 1.0)
_SHARE_STEPS = 20
_MANY = 4000
"""From this many rows on, strengths are chosen on one fold instead of three: it changes little and costs minutes."""
_ABSENT = -30.0
"""Logit of a label that a fold lacked in training."""

Classes = npt.NDArray[np.int64]
Logits = npt.NDArray[np.float64]
Folds = list[tuple[Classes, Classes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Labelled texts with their features. n texts."""

    texts: tuple[str, ...]
    classes: Classes
    """(n,) numbers into ``labels``."""
    labels: tuple[str, ...]
    groups: tuple[str, ...]
    """Texts of one group are never divided between folds."""
    vectors: Floats
    """(n, D)"""
    counts: tuple[dict[int, int], ...]
    """n-gram counts by bucket."""
    inner: Classes
    """(n,) the inner class of each text: its sub-type where rows had one, else its label."""
    owner: npt.NDArray[np.int32]
    """(I,) the label of each inner class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Learnt from verdicts on unseen texts."""

    temperatures: tuple[float, float, float]
    """Of the dense, prototypes and chars expert."""
    shares: Shares
    temperature: float
    """Of the average."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSettings:
    """What is chosen by cross-validation."""

    dense_strength: float
    """Inverse regularisation (scikit-learn's C)."""
    shrinkage: float
    """Of the prototypes' covariance towards a multiple of the identity, 0..1."""
    chars_strength: float
    """As ``dense_strength``."""
    calibration: Calibration


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossValidated:
    """What the folds say."""

    scores: Scores
    probabilities: Probabilities
    """(n, L); each row by experts and a calibration that had not seen its fold."""
    settings: FitSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """The model, and what goes with it."""

    weights: Weights
    shares: Shares
    temperature: float


def fit(sample: Sample, settings: FitSettings) -> Fitted:
    """All experts on the whole sample, their temperatures put into their weights."""
    everything = np.arange(len(sample.classes))
    mean, scale = _centre(sample.vectors)
    rows = (sample.vectors - mean) / scale
    idf = document_frequencies(sample.counts)
    buckets = np.flatnonzero(idf).astype(np.int32)
    matrix = _matrix(sample.counts, idf, buckets, everything)
    chosen = settings.calibration
    hot = chosen.temperatures
    inner = len(sample.owner)
    dense, dense_bias = _linear(_logistic(rows, sample.inner, settings.dense_strength), inner, hot[0])
    means, means_bias = _linear(_prototypes(rows, sample.inner, settings.shrinkage), inner, hot[1])
    chars, chars_bias = _linear(_margins(matrix, sample.inner, settings.chars_strength), inner, hot[2])
    used = chosen.shares.prototypes > 0
    weights = Weights(
        mean=mean,
        scale=scale,
        dense=dense,
        dense_bias=dense_bias,
        buckets=buckets,
        idf=idf[buckets],
        chars=chars,
        chars_bias=chars_bias,
        prototypes=means if used else None,
        prototypes_bias=means_bias if used else None,
        owner=sample.owner if inner > len(sample.labels) else None,
    )
    return Fitted(weights=weights, shares=chosen.shares, temperature=chosen.temperature)


def cross_validate(sample: Sample) -> CrossValidated:
    """Scores on folds of unseen groups, and the settings for the final fit.

    Strengths are chosen on the first folds by log loss. The calibration is learnt on the out-of-fold verdicts; for the
    scores, that of each fold comes from the other folds, so that no fold calibrates itself.
    """
    folds = grouped_folds(sample.classes, sample.groups)
    few = folds[: 1 if len(sample.classes) >= _MANY else 3]
    dense_strength = _best(_DENSE_STRENGTHS, lambda c: _loss(sample, few, _dense_fold, c))
    shrinkage = _best(_SHRINKAGES, lambda c: _loss(sample, few, _prototypes_fold, c))
    chars_strength = _best(_CHARS_STRENGTHS, lambda c: _loss(sample, few, _chars_fold, c))
    size = (len(sample.inner), len(sample.owner))
    experts = [np.zeros(size), np.zeros(size), np.zeros(size)]
    for seen, unseen in folds:
        experts[0][unseen] = _dense_fold(sample, seen, unseen, dense_strength)
        experts[1][unseen] = _prototypes_fold(sample, seen, unseen, shrinkage)
        experts[2][unseen] = _chars_fold(sample, seen, unseen, chars_strength)
    honest = np.zeros((len(sample.classes), len(sample.labels)))
    for seen, unseen in folds:
        calibration = _calibrate(experts, sample, seen)
        honest[unseen] = _apply([logits[unseen] for logits in experts], calibration, sample.owner)
    settings = FitSettings(
        dense_strength=dense_strength,
        shrinkage=shrinkage,
        chars_strength=chars_strength,
        calibration=_calibrate(experts, sample, np.arange(len(sample.classes))),
    )
    return CrossValidated(scores=score(honest, sample.classes), probabilities=honest, settings=settings)


def grouped_folds(classes: Classes, groups: Sequence[str]) -> Folds:
    """(training, told) rows, grouped and stratified; a label's few groups may make a fold lack it in training."""
    from sklearn.model_selection import StratifiedGroupKFold

    count = max(2, min(FOLDS, len(set(groups)), int(np.bincount(classes).min())))
    splitter = StratifiedGroupKFold(n_splits=count, shuffle=True, random_state=0)
    return [(a, b) for a, b in splitter.split(np.zeros(len(classes)), classes, groups) if len(a) and len(b)]


def _best(choices: Sequence[float], loss: Callable[[float], float]) -> float:
    return min(choices, key=loss)


def _dense_fold(sample: Sample, seen: Classes, unseen: Classes, strength: float) -> Logits:
    mean, scale = _centre(sample.vectors[seen])
    model = _logistic((sample.vectors[seen] - mean) / scale, sample.inner[seen], strength)
    return _spread(model, (sample.vectors[unseen] - mean) / scale, len(sample.owner))


def _prototypes_fold(sample: Sample, seen: Classes, unseen: Classes, shrinkage: float) -> Logits:
    mean, scale = _centre(sample.vectors[seen])
    model = _prototypes((sample.vectors[seen] - mean) / scale, sample.inner[seen], shrinkage)
    return _spread(model, (sample.vectors[unseen] - mean) / scale, len(sample.owner))


def _chars_fold(sample: Sample, seen: Classes, unseen: Classes, strength: float) -> Logits:
    idf = document_frequencies([sample.counts[i] for i in seen])
    buckets = np.flatnonzero(idf).astype(np.int32)
    model = _margins(_matrix(sample.counts, idf, buckets, seen), sample.inner[seen], strength)
    return _spread(model, _matrix(sample.counts, idf, buckets, unseen), len(sample.owner))


def _loss(
    sample: Sample, folds: Folds, expert: Callable[[Sample, Classes, Classes, float], Logits], strength: float
) -> float:
    """Log loss of one expert at one strength, at its best temperature."""
    losses = []
    for seen, unseen in folds:
        logits, truth = expert(sample, seen, unseen, strength), sample.inner[unseen]
        losses.append(_log_loss(softmax(logits / _temperature(logits, truth)), truth))
    return float(np.mean(losses))


def _calibrate(experts: Sequence[Logits], sample: Sample, rows: Classes) -> Calibration:
    classes = sample.classes[rows]
    hot = [_temperature(logits[rows], sample.inner[rows]) for logits in experts]
    told = _told([logits[rows] for logits in experts], hot, sample.owner)
    shares = _shares(np.stack([part[np.arange(len(classes)), classes] for part in told]))
    mixed = np.log(np.maximum(shares.mix(*told), 1e-12))
    return Calibration(temperatures=(hot[0], hot[1], hot[2]), shares=shares, temperature=_temperature(mixed, classes))


def _apply(experts: Sequence[Logits], calibration: Calibration, owner: npt.NDArray[np.int32]) -> Probabilities:
    told = _told(experts, calibration.temperatures, owner)
    return sharpen(calibration.shares.mix(*told), calibration.temperature)


def _told(experts: Sequence[Logits], hot: Sequence[float], owner: npt.NDArray[np.int32]) -> list[Probabilities]:
    return [add_up(softmax(logits / t), owner) for logits, t in zip(experts, hot, strict=True)]


def _shares(right: npt.NDArray[np.float64]) -> Shares:
    """The shares of least log loss on a grid; ``right``: (3, n) probabilities that the experts gave the true labels."""
    steps = range(_SHARE_STEPS + 1)
    grid = np.array([(a, b, _SHARE_STEPS - a - b) for a in steps for b in steps if a + b <= _SHARE_STEPS])
    losses = [-np.log(np.maximum(point @ right, 1e-12)).mean() for point in grid / _SHARE_STEPS]
    best = [int(part) for part in grid[int(np.argmin(losses))]]
    dense, prototypes = best[0] / _SHARE_STEPS, best[1] / _SHARE_STEPS
    return Shares(dense=dense, prototypes=prototypes, chars=round(1 - dense - prototypes, 6))


def _temperature(logits: Logits, classes: Classes) -> float:
    """The temperature of least log loss (Guo et al. 2017), between 0.02 and 20."""
    from scipy.optimize import minimize_scalar

    shifted = logits - logits.max(axis=1, keepdims=True)
    right = shifted[np.arange(len(classes)), classes]

    def loss(log_temperature: float) -> float:
        cold = 1 / np.exp(log_temperature)
        return float((np.log(np.exp(shifted * cold).sum(axis=1)) - right * cold).mean())

    found = minimize_scalar(loss, bounds=(np.log(0.02), np.log(20.0)), method="bounded", options={"xatol": 0.01})
    return float(np.exp(found.x))


def _log_loss(probabilities: Probabilities, classes: Classes) -> float:
    return float(-np.log(np.maximum(probabilities[np.arange(len(classes)), classes], 1e-12)).mean())


def _centre(rows: Floats) -> tuple[Floats, float]:
    mean = rows.mean(axis=0)
    return mean, float((rows - mean).std()) or 1.0


def _matrix(counts: Sequence[dict[int, int]], idf: Floats, buckets: npt.NDArray[np.int32], rows: Classes) -> Any:
    from scipy.sparse import csr_matrix

    weighed = [weigh(counts[i], idf) for i in rows]
    columns = np.searchsorted(buckets, np.concatenate([found for found, _ in weighed]))
    ends = np.cumsum([0, *(len(found) for found, _ in weighed)])
    values = np.concatenate([weights for _, weights in weighed])
    return csr_matrix((values, columns, ends), shape=(len(weighed), len(buckets)))


def _logistic(features: Any, classes: Classes, strength: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, max_iter=400, tol=1e-3).fit(features, classes)


def _prototypes(features: Any, classes: Classes, shrinkage: float) -> Any:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage).fit(features, classes)


def _margins(features: Any, classes: Classes, strength: float) -> Any:
    """One against the rest, squared hinge: as good as a logistic regression here, and many times faster."""
    from sklearn.svm import LinearSVC

    return LinearSVC(C=strength, random_state=0, max_iter=5000).fit(features, classes)


def _spread(model: Any, features: Any, labels: int) -> Logits:
    """The model's logits with a column for every label, also for those that its fold lacked."""
    weights, bias = _linear(model, len(model.classes_), 1.0)
    full = np.full((features.shape[0], labels), _ABSENT)
    full[:, model.classes_] = features @ weights + bias
    return full


def _linear(model: Any, labels: int, temperature: float) -> tuple[Floats, Floats]:
    """Coefficients (features, L) and biases (L,); two labels come as one column and are made two."""
    coefficients, bias = model.coef_.T, model.intercept_
    if labels == 2:
        coefficients = np.concatenate([-coefficients / 2, coefficients / 2], axis=1)
        bias = np.array([-bias[0] / 2, bias[0] / 2])
    return (coefficients / temperature).astype(np.float32), (bias / temperature).astype(np.float32)
