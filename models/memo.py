"""An embedder that remembers what it embedded last: several stages of a call ask about the same sentence."""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence

from callcue.core.ports import Embedder, TextRole, Vectors

SMALL = 8
"""Only calls of at most so many texts are remembered: building an index must not push out live sentences. What is
remembered serves calls of any size: a summary asks at once for what was asked for while the call ran."""
SIZE = 4096
"""Vectors held, some 1.5 kB each: the last hundred utterances of forty calls."""


class MemoEmbedder:
    """Wraps an Embedder; thread-safe. What it holds is in memory only and goes with the process."""

    def __init__(self, inner: Embedder, size: int = SIZE) -> None:
        self._inner = inner
        self._size = size
        self._held: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The wrapped model's name."""
        return self._inner.name

    @property
    def dims(self) -> int:
        """Length of one vector."""
        return self._inner.dims

    def embed(self, texts: Sequence[str], *, role: TextRole) -> Vectors:
        """One row per text, from memory where it is known."""
        with self._lock:
            rows = {text: self._held.get((role, text)) for text in texts}
        new = [text for text, row in rows.items() if row is None]
        if new:
            made = self._inner.embed(new, role=role)
            width = 4 * made.dims
            rows |= {text: made.data[place * width : (place + 1) * width] for place, text in enumerate(new)}
        if len(texts) <= SMALL:
            self._remember(role, {text: row or b"" for text, row in rows.items()})
        return Vectors(data=b"".join(rows[text] or b"" for text in texts), rows=len(texts), dims=self.dims)

    def _remember(self, role: str, rows: Mapping[str, bytes]) -> None:
        with self._lock:
            for text, row in rows.items():
                self._held[(role, text)] = row
                self._held.move_to_end((role, text))
            while len(self._held) > self._size:
                self._held.popitem(last=False)
