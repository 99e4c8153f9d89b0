"""Several embedders side by side as one: ``e5-small+all-minilm-l6-v2``. What one misses, another may see."""

from collections.abc import Sequence

import numpy as np

from callcue.core.ports import Embedder, TextRole, Vectors

JOIN = "+"
"""Between the names of the embedders."""
_SAMPLE = (
    "My parcel has not arrived yet",
    "How do I change my address?",
    "I was charged twice this month",
    "The screen stays black",
    "Thank you, that was all",
    "Which card should I get?",
    "I forgot my password",
    "When do you close on Sundays?",
    "我的快递还没到",
    "怎么修改地址",
    "这个月扣了我两次钱",
    "屏幕一直是黑的",
    "谢谢，没别的事了",
    "办哪张卡合适",
    "密码忘了",
    "周日几点关门",
)
"""To see how widely an embedder spreads what is said in calls."""


class JoinedEmbedder:
    """Concatenated vectors of unit length. As thread-safe as its parts.

    Models spread texts very differently (e5's cosines lie between .9 and 1), so each part is weighed by the inverse of
    its spread, measured on a few sentences when it is made: otherwise the widest would drown the others.
    """

    def __init__(self, parts: Sequence[Embedder]) -> None:
        self._parts = tuple(parts)
        spreads = np.array([_spread(part) for part in self._parts])
        weights = 1.0 / np.maximum(spreads, 1e-6)
        self._weights = (weights / np.linalg.norm(weights)).astype(np.float32)

    @property
    def name(self) -> str:
        """The names of the parts."""
        return JOIN.join(part.name for part in self._parts)

    @property
    def dims(self) -> int:
        """Length of one vector."""
        return sum(part.dims for part in self._parts)

    def embed(self, texts: Sequence[str], *, role: TextRole) -> Vectors:
        """Unit vectors, one row per text."""
        if not texts:
            return Vectors(data=b"", rows=0, dims=self.dims)
        rows = [
            weight * np.frombuffer(made.data, dtype="<f4").reshape(made.rows, made.dims)
            for weight, made in zip(self._weights, (part.embed(texts, role=role) for part in self._parts), strict=True)
        ]
        joined = np.concatenate(rows, axis=1).astype("<f4")
        return Vectors(data=joined.tobytes(), rows=len(texts), dims=self.dims)


def _spread(embedder: Embedder) -> float:
    """Mean distance from the mean."""
    made = embedder.embed(_SAMPLE, role="query")
    rows = np.frombuffer(made.data, dtype="<f4").reshape(made.rows, made.dims)
    return float(np.linalg.norm(rows - rows.mean(axis=0), axis=1).mean())
