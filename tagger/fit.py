"""Fitting the two linear models, choosing their settings and calibrating them; the only user of scikit-learn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tagger.classifier import Weights, mix
from tagger.features import Floats, document_frequencies, weigh
from tagger.scores import Scores, score

FOLDS = 5
_DENSE_STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
_CHARS_STRENGTHS = (3.0, 10.0, 30.0)
_SHARES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
_TEMPERATURES = tuple(float(t) for t in np.geomspace(0.2, 3.0, 28))
_MANY = 4000
"""From this many rows on, settings are chosen on one fold instead of three: it changes little and costs minutes."""

Probabilities = npt.NDArray[np.float64]
Classes = npt.NDArray[np.int64]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSettings:
    """What is chosen by cross-validation."""

    dense_strength: float
    """Inverse regularisation (scikit-learn's C) of the model on vectors."""
    chars_strength: float
    share: float
    """Weight of the vectors in the average."""
    temperature: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A fitted pair of models."""

    weights: Weights
    settings: FitSettings


def fit(sample: Sample, settings: FitSettings) -> Fitted:
    """Both models on the whole sample."""
    everything = np.arange(len(sample.classes))
    mean, scale = _centre(sample.vectors)
    dense = _logistic((sample.vectors - mean) / scale, sample.classes, settings.dense_strength)
    idf = document_frequencies(sample.counts)
    buckets = np.flatnonzero(idf).astype(np.int32)
    chars = _logistic(_matrix(sample.counts, idf, buckets, everything), sample.classes, settings.chars_strength)
    dense_weights, dense_bias = _linear(dense, len(sample.labels))
    chars_weights, chars_bias = _linear(chars, len(sample.labels))
    weights = Weights(
        mean=mean,
        scale=scale,
        dense=dense_weights,
        dense_bias=dense_bias,
        buckets=buckets,
        idf=idf[buckets],
        chars=chars_weights,
        chars_bias=chars_bias,
    )
    return Fitted(weights=weights, settings=settings)


def cross_validate(sample: Sample) -> tuple[Scores, FitSettings]:
    """Scores on folds of unseen groups, and the settings for the final fit.

    Strengths are chosen on the first folds by log loss. Share and temperature are learnt on the out-of-fold verdicts;
    for the scores, those of each fold come from the other folds, so that no fold calibrates itself.
    """
    folds = _folds(sample)
    few = folds[: 1 if len(sample.classes) >= _MANY else 3]
    dense_strength = min(_DENSE_STRENGTHS, key=lambda c: _loss(sample, few, c, None))
    chars_strength = min(_CHARS_STRENGTHS, key=lambda c: _loss(sample, few, None, c))
    size = (len(sample.classes), len(sample.labels))
    dense, chars = np.zeros(size), np.zeros(size)
    for seen, unseen in folds:
        dense[unseen] = _dense_fold(sample, seen, unseen, dense_strength)
        chars[unseen] = _chars_fold(sample, seen, unseen, chars_strength)
    honest = np.zeros(size)
    for seen, unseen in folds:
        share, temperature = _calibrate(dense[seen], chars[seen], sample.classes[seen])
        honest[unseen] = mix(dense[unseen], chars[unseen], share, temperature)
    share, temperature = _calibrate(dense, chars, sample.classes)
    settings = FitSettings(
        dense_strength=dense_strength, chars_strength=chars_strength, share=share, temperature=temperature
    )
    return score(honest, sample.classes), settings


def _folds(sample: Sample) -> list[tuple[Classes, Classes]]:
    """Grouped and stratified; a label's few groups may make a fold lack it in training, which ``_spread`` mends."""
    from sklearn.model_selection import StratifiedGroupKFold

    count = max(2, min(FOLDS, len(set(sample.groups)), int(np.bincount(sample.classes).min())))
    splitter = StratifiedGroupKFold(n_splits=count, shuffle=True, random_state=0)
    return [(a, b) for a, b in splitter.split(sample.vectors, sample.classes, sample.groups) if len(a) and len(b)]


def _dense_fold(sample: Sample, seen: Classes, unseen: Classes, strength: float) -> Probabilities:
    mean, scale = _centre(sample.vectors[seen])
    model = _logistic((sample.vectors[seen] - mean) / scale, sample.classes[seen], strength)
    return _spread(model, (sample.vectors[unseen] - mean) / scale, len(sample.labels))


def _chars_fold(sample: Sample, seen: Classes, unseen: Classes, strength: float) -> Probabilities:
    idf = document_frequencies([sample.counts[i] for i in seen])
    buckets = np.flatnonzero(idf).astype(np.int32)
    model = _logistic(_matrix(sample.counts, idf, buckets, seen), sample.classes[seen], strength)
    return _spread(model, _matrix(sample.counts, idf, buckets, unseen), len(sample.labels))


def _loss(sample: Sample, folds: Sequence[tuple[Classes, Classes]], dense: float | None, chars: float | None) -> float:
    """Log loss of one of the models at one strength, at its best temperature."""
    losses = []
    for seen, unseen in folds:
        if dense is not None:
            verdict = _dense_fold(sample, seen, unseen, dense)
        else:
            verdict = _chars_fold(sample, seen, unseen, chars or 1.0)
        truth = sample.classes[unseen]
        losses.append(min(_log_loss(mix(verdict, verdict, 0.5, t), truth) for t in _TEMPERATURES[::3]))
    return float(np.mean(losses))


def _calibrate(dense: Probabilities, chars: Probabilities, classes: Classes) -> tuple[float, float]:
    """The share and temperature of least log loss."""
    return min(
        ((share, temperature) for share in _SHARES for temperature in _TEMPERATURES),
        key=lambda pair: _log_loss(mix(dense, chars, *pair), classes),
    )


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


def _spread(model: Any, features: Any, labels: int) -> Probabilities:
    """The model's probabilities with a column for every label, also for those that its fold lacked."""
    full = np.zeros((features.shape[0], labels))
    full[:, model.classes_] = model.predict_proba(features)
    return full


def _linear(model: Any, labels: int) -> tuple[Floats, Floats]:
    """Coefficients (features, L) and biases (L,); two labels come as one column and are made two."""
    coefficients, bias = model.coef_.T, model.intercept_
    if labels == 2:
        coefficients = np.concatenate([-coefficients / 2, coefficients / 2], axis=1)
        bias = np.array([-bias[0] / 2, bias[0] / 2])
    return coefficients.astype(np.float32), bias.astype(np.float32)
