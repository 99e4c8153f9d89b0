"""Vectors of questions, and a space in which likeness can be read off them.

Sentence embedders put all texts into a narrow cone (Ethayarajh 2019), and all questions to one company into a narrower
one: e5-small's cosine between two unlike questions about one payment service is about .85. Taking the mean away spreads
them out. The mean is that of the questions that were asked here, begun with small talk, so that it is there from the
first question on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from callcue.core.ports import Embedder
from kb_index.smalltalk import SMALL_TALK
from kb_index.vectors import embed

FloatArray = NDArray[np.float32]
MAX_TEXT = 400
"""Characters that are looked at, as in a search."""
_WORTH = 50
"""Questions that small talk is worth in the mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Where questions lie apart that do not mean the same."""

    middle: FloatArray
    """What all questions have in common, shape (dims,)."""

    def spread(self, raw: FloatArray) -> FloatArray:
        """Unit vectors of raw ones, shape (rows, dims): their products are likenesses, about 0 for unlike questions."""
        moved = raw - self.middle
        lengths = np.linalg.norm(moved, axis=1, keepdims=True)
        return np.asarray(moved / np.maximum(lengths, 1e-9), dtype=np.float32)


class QuestionVectors:
    """Embeds questions. Blocking and thread-safe, as embedders are."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._idle: FloatArray | None = None

    @property
    def name(self) -> str:
        """Vectors of different names must not be compared."""
        return self._embedder.name

    def of(self, texts: Sequence[str]) -> FloatArray:
        """Raw unit vectors, shape (texts, dims). Raises what the embedder raises."""
        return embed(self._embedder, [text.strip()[:MAX_TEXT] for text in texts])

    def space(self, asked: Sequence[FloatArray] | FloatArray) -> Space:
        """The space of a place where these questions (raw vectors) were asked."""
        if self._idle is None:
            self._idle = embed(self._embedder, SMALL_TALK).mean(axis=0)
        total = self._idle * _WORTH + np.sum(asked, axis=0) if len(asked) else self._idle * _WORTH
        return Space(middle=np.asarray(total / (_WORTH + len(asked)), dtype=np.float32))
