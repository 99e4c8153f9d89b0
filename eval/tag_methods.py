"""What ``eval.tags`` compares: the product, and the simple methods that it must beat."""

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from callcue.core.ports import Embedder, Prediction
from tagger.classifier import TextClassifier
from tagger.features import vectors
from tagger.train import train

Row = Mapping[str, object]
Teller = Callable[[Sequence[str]], list[Prediction]]
"""Texts in, one prediction each."""


def product(rows: Sequence[Row], label: str, embedder: Embedder) -> Teller:
    """``tagger.train`` and the model that it writes, loaded back from its files."""
    with tempfile.TemporaryDirectory(prefix="callcue-eval-") as folder:
        train(rows, label, embedder, Path(folder) / label)
        return TextClassifier.load(Path(folder) / label, embedder).predict


def characters(rows: Sequence[Row], label: str, _embedder: Embedder) -> Teller:
    """A logistic regression on TF-IDF of character 1- to 3-grams."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=1, sublinear_tf=True)
    model = LogisticRegression(C=10.0, max_iter=1000)
    model.fit(vectorizer.fit_transform([str(row["text"]) for row in rows]), [str(row[label]) for row in rows])
    names = [str(name) for name in model.classes_]
    return lambda texts: _all(names, model.predict_proba(vectorizer.transform(list(texts))))


def dense(rows: Sequence[Row], label: str, embedder: Embedder) -> Teller:
    """A logistic regression on the sentence vectors, centred and scaled."""
    from sklearn.linear_model import LogisticRegression

    learn = vectors(embedder, [str(row["text"]) for row in rows])
    mean = learn.mean(axis=0)
    scale = float((learn - mean).std()) or 1.0
    model = LogisticRegression(C=0.1, max_iter=500)
    model.fit((learn - mean) / scale, [str(row[label]) for row in rows])
    names = [str(name) for name in model.classes_]
    return lambda texts: _all(names, model.predict_proba((vectors(embedder, texts) - mean) / scale))


def nearest(rows: Sequence[Row], label: str, embedder: Embedder) -> Teller:
    """The label of the nearest training text by cosine, always with probability 1: its calibration means nothing."""
    learn = vectors(embedder, [str(row["text"]) for row in rows])
    names = [str(row[label]) for row in rows]

    def tell(texts: Sequence[str]) -> list[Prediction]:
        best = (vectors(embedder, texts) @ learn.T).argmax(axis=1)
        return [_prediction({names[i]: 1.0}) for i in best]

    return tell


def majority(rows: Sequence[Row], label: str, _embedder: Embedder) -> Teller:
    """Always the most frequent label, as probable as it is frequent."""
    counts = Counter(str(row[label]) for row in rows)
    prediction = _prediction({name: count / len(rows) for name, count in counts.items()})
    return lambda texts: [prediction] * len(texts)


METHODS: Mapping[str, Callable[[Sequence[Row], str, Embedder], Teller]] = {
    "product": product,
    "characters": characters,
    "vectors": dense,
    "nearest": nearest,
    "majority": majority,
}


def _all(names: Sequence[str], rows: npt.NDArray[np.float64]) -> list[Prediction]:
    return [_prediction(dict(zip(names, (float(value) for value in row), strict=True))) for row in rows]


def _prediction(distribution: dict[str, float]) -> Prediction:
    best = max(distribution, key=lambda name: distribution[name])
    return Prediction(label=best, probability=distribution[best], distribution=distribution)
