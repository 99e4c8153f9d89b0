"""The trained classifier at work: experts on sentence vectors and on n-grams, averaged and calibrated.

They see a text after its characters were put right by their sound (``tagger.respelling``), where the model has learnt
how.

A model is a folder with ``model.safetensors`` (weights) and ``manifest.json`` (labels, which embedder, scores,
checksum); scikit-learn is for training only.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from callcue.core.errors import ModelError
from callcue.core.ports import Embedder, Prediction
from tagger.features import vectors
from tagger.model_files import FORMAT, MANIFEST, WEIGHTS, read_manifest, read_respeller, read_weights, shares_of
from tagger.respelling import Respeller
from tagger.weights import Shares, Weights

__all__ = ["FORMAT", "MANIFEST", "WEIGHTS", "TextClassifier", "read_manifest"]


class TextClassifier:
    """A TagModel. Thread-safe: nothing changes after construction."""

    def __init__(
        self,
        *,
        name: str,
        labels: tuple[str, ...],
        weights: Weights,
        shares: Shares,
        temperature: float,
        embedder: Embedder,
        respeller: Respeller | None = None,
    ) -> None:
        self._name = name
        self._labels = labels
        self._weights = weights
        self._shares = shares
        self._temperature = temperature
        self._embedder = embedder
        self._respeller = respeller

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
        """The parameters of its experts."""
        return self._weights

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One prediction per text, in order."""
        if not texts:
            return []
        if self._respeller is not None:
            texts = [self._respeller.respell(text) for text in texts]
        rows = vectors(self._embedder, texts)
        mixed = self._weights.probabilities(rows, texts, self._shares, self._temperature)
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
        weights = read_weights(folder / WEIGHTS, manifest)
        labels = tuple(manifest["labels"])
        problem = weights.check(len(labels), embedder.dims)
        if problem is not None:
            raise ModelError(f"The classifier in {folder} is damaged: {problem}. Train it again or restore the folder")
        return cls(
            name=f"{manifest['field']}/{str(manifest['sha256'])[:8]}",
            labels=labels,
            weights=weights,
            shares=shares_of(manifest),
            temperature=float(manifest["temperature"]),
            embedder=embedder,
            respeller=read_respeller(folder / WEIGHTS),
        )
