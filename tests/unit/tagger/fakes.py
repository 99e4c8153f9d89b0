"""Stand-ins for the models: deterministic, no weights."""

import zlib
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from callcue.core.ports import Prediction, Vectors


class LetterEmbedder:
    """Unit vectors from hashed characters: texts that share characters are near each other."""

    def __init__(self, name: str = "letters/1", dims: int = 32) -> None:
        self._name = name
        self._dims = dims

    @property
    def name(self) -> str:
        return self._name

    @property
    def dims(self) -> int:
        return self._dims

    def embed(self, texts: Sequence[str], *, role: Literal["query", "passage"]) -> Vectors:
        rows = np.full((len(texts), self._dims), 0.1, dtype="<f4")
        for row, text in zip(rows, texts, strict=True):
            for char in text:
                row[zlib.crc32(char.encode()) % self._dims] += 1.0
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return Vectors(data=rows.tobytes(), rows=len(texts), dims=self._dims)


class KeywordModel:
    """A TagModel that goes by keywords; ``rest`` for every other text."""

    def __init__(self, labels: Sequence[str], words: Mapping[str, str], rest: str, sure: float = 0.9) -> None:
        self._labels = tuple(labels)
        self._words = words
        self._rest = rest
        self._sure = sure

    @property
    def name(self) -> str:
        return "keywords/1"

    @property
    def labels(self) -> tuple[str, ...]:
        return self._labels

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> Prediction:
        label = next((self._words[word] for word in self._words if word in text), self._rest)
        others = (1 - self._sure) / (len(self._labels) - 1)
        distribution = {name: self._sure if name == label else others for name in self._labels}
        return Prediction(label=label, probability=self._sure, distribution=distribution)
