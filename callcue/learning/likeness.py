"""Vectors of questions in which likeness can be read off: the part that an embedder gives every text is taken away.

Sentence embedders put all texts into a narrow cone (Ethayarajh 2019): e5-small's cosines between questions of unlike
meaning are about .8. Subtracting the mean of a few dozen sentences that mean nothing in particular (small talk) spreads
them out; that mean depends on the embedder alone, so vectors that were stored stay comparable.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from callcue.core.ports import Embedder
from kb_index.smalltalk import SMALL_TALK
from kb_index.vectors import embed

FloatArray = NDArray[np.float32]
MAX_TEXT = 400
"""Characters that are looked at, as in a search."""


class QuestionVectors:
    """Embeds questions. Blocking and thread-safe, as embedders are."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._middle: FloatArray | None = None

    @property
    def name(self) -> str:
        """Vectors of different names must not be compared."""
        return f"{self._embedder.name} - small talk"

    def of(self, texts: Sequence[str]) -> FloatArray:
        """Unit vectors, shape (texts, dims). Raises what the embedder raises."""
        vectors = embed(self._embedder, [text.strip()[:MAX_TEXT] for text in texts])
        if self._middle is None:
            self._middle = embed(self._embedder, SMALL_TALK).mean(axis=0)
        spread = vectors - self._middle
        lengths = np.linalg.norm(spread, axis=1, keepdims=True)
        return np.asarray(spread / np.maximum(lengths, 1e-9), dtype=np.float32)
