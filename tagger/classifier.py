"""The trained classifier at work: sentence vectors and character n-grams, a linear model on each, averaged, calibrated.

Only numpy is needed here; scikit-learn is for training. A model is a folder with ``model.safetensors`` (weights) and
``manifest.json`` (labels, which embedder, scores, checksum); nothing in it is ever executed.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from callcue.core.errors import ChecksumMismatch, ModelError
from callcue.core.ports import Embedder, Prediction
from tagger.features import BUCKETS, Floats, ngram_counts, softmax, vectors, weigh

FORMAT = 1
WEIGHTS = "model.safetensors"
MANIFEST = "manifest.json"
_MAX_LABELS = 2000
_MAX_BYTES = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The parameters. L labels, D dimensions of the embedder, V known buckets."""

    mean: Floats
    """(D,) mean of the training vectors; e5's vectors all point the same way, so what differs is what is left."""
    scale: float
    """Standard deviation of what is left."""
    dense: Floats
    """(D, L)"""
    dense_bias: Floats
    """(L,)"""
    buckets: npt.NDArray[np.int32]
    """(V,) ascending: the n-gram buckets that were seen in training."""
    idf: Floats
    """(V,)"""
    chars: Floats
    """(V, L)"""
    chars_bias: Floats
    """(L,)"""

    def check(self, labels: int, dims: int) -> str | None:
        """What is wrong with the shapes or values, or None."""
        known = len(self.buckets)
        wanted = {
            "mean": (dims,),
            "dense": (dims, labels),
            "dense_bias": (labels,),
            "idf": (known,),
            "chars": (known, labels),
            "chars_bias": (labels,),
        }
        for name, shape in wanted.items():
            array = getattr(self, name)
            if array.shape != shape:
                return f"{name} has the shape {array.shape}, expected {shape}"
            if not np.isfinite(array).all():
                return f"{name} holds values that are not finite"
        if self.buckets.ndim != 1 or (known and (np.diff(self.buckets) <= 0).any()):
            return "buckets are not ascending"
        if known and (int(self.buckets[0]) < 0 or int(self.buckets[-1]) >= BUCKETS):
            return "buckets lie outside the hash space"
        return None if self.scale > 0 and np.isfinite(self.scale) else "scale is not a positive number"

    def dense_part(self, rows: Floats) -> npt.NDArray[np.float64]:
        """Probabilities by the sentence vectors; (n, D) -> (n, L)."""
        return softmax((rows - self.mean) / np.float32(self.scale) @ self.dense + self.dense_bias)

    def chars_part(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Probabilities by the characters; (n, L)."""
        idf = np.zeros(BUCKETS, dtype=np.float32)
        idf[self.buckets] = self.idf
        logits = np.tile(self.chars_bias, (len(texts), 1))
        for row, text in enumerate(texts):
            found, weights = weigh(ngram_counts(text), idf)
            logits[row] += weights @ self.chars[np.searchsorted(self.buckets, found)]
        return softmax(logits)


def mix(
    dense: npt.NDArray[np.float64], chars: npt.NDArray[np.float64], share: float, temperature: float
) -> npt.NDArray[np.float64]:
    """The average of the two verdicts (``share`` of the vectors'), its logarithm divided by ``temperature``."""
    return softmax(np.log(np.maximum(share * dense + (1 - share) * chars, 1e-12)) / temperature)


class TextClassifier:
    """A TagModel. Thread-safe: nothing changes after construction."""

    def __init__(
        self,
        *,
        name: str,
        labels: tuple[str, ...],
        weights: Weights,
        share: float,
        temperature: float,
        embedder: Embedder,
    ) -> None:
        self._name = name
        self._labels = labels
        self._weights = weights
        self._share = share
        self._temperature = temperature
        self._embedder = embedder

    @property
    def name(self) -> str:
        """Field and version, as written beside its findings."""
        return self._name

    @property
    def labels(self) -> tuple[str, ...]:
        """What it can say."""
        return self._labels

    @property
    def weights(self) -> Weights:
        """The parameters."""
        return self._weights

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One prediction per text, in order."""
        if not texts:
            return []
        mixed = mix(
            self._weights.dense_part(vectors(self._embedder, texts)),
            self._weights.chars_part(texts),
            self._share,
            self._temperature,
        )
        return [self._prediction(row) for row in mixed]

    def _prediction(self, row: npt.NDArray[np.float64]) -> Prediction:
        best = int(row.argmax())
        distribution = {label: float(p) for label, p in zip(self._labels, row, strict=True)}
        return Prediction(label=self._labels[best], probability=float(row[best]), distribution=distribution)

    @classmethod
    def load(cls, folder: Path, embedder: Embedder) -> "TextClassifier":
        """The model in ``folder``. Raises ModelError when it is missing, damaged, or made with another embedder."""
        manifest = read_manifest(folder)
        if manifest["embedder"] != embedder.name:
            raise ModelError(
                f"The classifier in {folder} was trained with the embedder {manifest['embedder']!r}, this is "
                f"{embedder.name!r}: train it again with `callcue tagger train`, or configure that embedder"
            )
        weights = _read_weights(folder / WEIGHTS, manifest["sha256"])
        labels = tuple(manifest["labels"])
        problem = weights.check(len(labels), embedder.dims)
        if problem is not None:
            raise ModelError(f"The classifier in {folder} is damaged: {problem}. Train it again or restore the folder")
        return cls(
            name=f"{manifest['field']}/{str(manifest['sha256'])[:8]}",
            labels=labels,
            weights=weights,
            share=float(manifest["share"]),
            temperature=float(manifest["temperature"]),
            embedder=embedder,
        )


def read_manifest(folder: Path) -> dict[str, Any]:
    """The checked manifest of a model folder. Raises ModelError."""
    path = folder / MANIFEST
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"There is no classifier in {folder}: make one with `callcue tagger train`") from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({error}): restore it or train again") from error
    problem = _manifest_problem(held)
    if problem is not None:
        raise ModelError(f"{path} is not a manifest of a classifier: {problem}")
    return dict(held)


def _manifest_problem(held: object) -> str | None:
    if not isinstance(held, Mapping):
        return "it is not an object"
    return _identity_problem(held) or _numbers_problem(held)


def _identity_problem(held: Mapping[str, object]) -> str | None:
    if held.get("format") != FORMAT:
        return f"its format is {held.get('format')!r}, this version of CallCue reads {FORMAT}"
    for key in ("field", "embedder", "sha256"):
        if not isinstance(held.get(key), str):
            return f"{key!r} must be a text"
    labels = held.get("labels")
    if (
        not isinstance(labels, list)
        or not 2 <= len(labels) <= _MAX_LABELS
        or not all(isinstance(x, str) for x in labels)
    ):
        return f"'labels' must be 2 to {_MAX_LABELS} texts"
    if len(set(labels)) != len(labels):
        return "'labels' names one twice"
    return None


def _numbers_problem(held: Mapping[str, object]) -> str | None:
    for key, low, high in (("share", 0.0, 1.0), ("temperature", 0.01, 100.0)):
        number = held.get(key)
        if isinstance(number, bool) or not isinstance(number, int | float) or not low <= number <= high:
            return f"{key!r} must be a number from {low} to {high}"
    return None


def _read_weights(path: Path, sha256: str) -> Weights:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ModelError(f"{path} is larger than any classifier: restore it or train again")
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error}): restore it or train again") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ChecksumMismatch(f"{path} is not the file that its manifest describes: restore it or train again")
    try:
        arrays = load(data)
        return Weights(
            mean=arrays["mean"].astype(np.float32),
            scale=float(arrays["scale"].reshape(())),
            dense=arrays["dense"].astype(np.float32),
            dense_bias=arrays["dense_bias"].astype(np.float32),
            buckets=arrays["buckets"].astype(np.int32),
            idf=arrays["idf"].astype(np.float32),
            chars=arrays["chars"].astype(np.float32),
            chars_bias=arrays["chars_bias"].astype(np.float32),
        )
    except (SafetensorError, KeyError, ValueError) as error:
        raise ModelError(f"{path} does not hold a classifier's weights ({error}): train again") from error
