"""An embedder without a model: texts that share characters come out near each other."""

import hashlib
import unicodedata
from collections.abc import Sequence

import numpy as np

from callcue.core.ports import TextRole, Vectors

_SIZES = (1, 2, 3)


class HashEmbedder:
    """Counts character 1- to 3-grams in hashed buckets with signs (Weinberger et al., 2009, arXiv:0902.2206).

    The same on every machine and in every process; ``role`` makes no difference.
    """

    def __init__(self, dims: int = 64) -> None:
        self._dims = dims

    @property
    def name(self) -> str:
        """Says how the vectors are made."""
        return f"hash-ngrams-{self._dims}"

    @property
    def dims(self) -> int:
        """Length of one vector."""
        return self._dims

    def embed(self, texts: Sequence[str], *, role: TextRole) -> Vectors:
        """One unit vector per text."""
        rows = np.zeros((len(texts), self._dims), dtype="<f4")
        for row, text in zip(rows, texts, strict=True):
            for gram in _grams(text):
                number = int.from_bytes(hashlib.blake2b(gram.encode("utf-8", "replace"), digest_size=8).digest(), "big")
                row[number % self._dims] += 1.0 if number >> 63 else -1.0
            length = float(np.linalg.norm(row))
            if length == 0.0:
                row[0] = length = 1.0  # a text without a gram, or whose grams cancel out: still a unit vector
            row[:] = row / length
        return Vectors(data=rows.tobytes(), rows=len(texts), dims=self._dims)


def _grams(text: str) -> list[str]:
    folded = "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum())
    return [folded[start : start + size] for size in _SIZES for start in range(len(folded) - size + 1)]
