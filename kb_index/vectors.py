"""Vector search: unit vectors of every card's title and sample questions in a flat FAISS index; the best text speaks
for its card. The body is not indexed: measured, it costs 3 points of R@1.
"""

import hashlib
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callcue.core.errors import ModelError
from callcue.core.ports import Embedder
from kb_index.folding import simplify

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]

BATCH = 32
"""Texts per call of the embedder."""
_SAMPLE = 512


def embed(embedder: Embedder, texts: Sequence[str]) -> FloatArray:
    """Vectors of ``texts``, shape (texts, dims), in batches. Both sides of the search use the query role: a sample
    question is a query. Raises ModelError when the embedder returns another shape than it promised.
    """
    parts = []
    for start in range(0, len(texts), BATCH):
        batch = [simplify(text) for text in texts[start : start + BATCH]]
        vectors = embedder.embed(batch, role="query")
        if (vectors.rows, vectors.dims) != (len(batch), embedder.dims):
            raise ModelError(
                f"the embedder {embedder.name!r} returned {vectors.rows} x {vectors.dims} numbers for {len(batch)} "
                f"texts of {embedder.dims}; nothing was indexed, check the model"
            )
        parts.append(np.frombuffer(vectors.data, dtype="<f4").reshape(vectors.rows, vectors.dims))
    return np.concatenate(parts) if parts else np.empty((0, embedder.dims), dtype=np.float32)


def text_key(embedder_name: str, text: str) -> bytes:
    """What a vector is filed under: the embedder and the text, nothing else."""
    return hashlib.blake2b(f"{embedder_name}\0{simplify(text)}".encode(), digest_size=16).digest()


VectorTable = Mapping[bytes, FloatArray]
"""Vectors by ``text_key``."""


class VectorIndex:
    """An immutable flat index. ``owners[row]`` is the number of the card that text ``row`` belongs to; the rows of one
    card lie together.
    """

    def __init__(self, matrix: FloatArray, owners: Sequence[int], texts: Sequence[str], keys: Sequence[bytes]) -> None:
        import faiss

        self._index: Any = faiss.IndexFlatIP(matrix.shape[1])
        self._index.add(np.ascontiguousarray(matrix, dtype=np.float32))
        flat = faiss.rev_swig_ptr(self._index.get_xb(), matrix.size) if matrix.size else np.empty(0, np.float32)
        self._matrix: FloatArray = flat.reshape(matrix.shape)
        """A view of FAISS's own memory: valid as long as the index lives."""
        self.owners = np.asarray(owners, dtype=np.int64)
        self.texts = tuple(texts)
        self.table: VectorTable = dict(zip(keys, self._matrix, strict=True))
        step = max(1, len(texts) // _SAMPLE)
        self._sample = np.ascontiguousarray(self._matrix[::step])

    def __len__(self) -> int:
        return len(self.texts)

    def nearest(self, query: FloatArray, most: int, rows: IntArray | None = None) -> tuple[IntArray, FloatArray]:
        """Rows and cosines of the ``most`` nearest texts, best first; only among ``rows`` when given."""
        import faiss

        parameters: Any = faiss.SearchParameters  # its stub knows none of the arguments
        params = None if rows is None else parameters(sel=faiss.IDSelectorBatch(rows))
        cosines, found = self._index.search(query.reshape(1, -1), max(1, min(most, len(self))), params=params)
        valid = found[0] >= 0
        return found[0][valid], cosines[0][valid]

    def best_of(self, query: FloatArray, cards: Iterable[int]) -> dict[int, tuple[float, int]]:
        """Card -> (cosine, row) of its nearest text, for cards that were found by other means."""
        best = {}
        for card in cards:
            first, last = np.searchsorted(self.owners, [card, card + 1])
            cosines = self._matrix[first:last] @ query
            place = int(cosines.argmax())
            best[card] = (float(cosines[place]), int(first) + place)
        return best

    def background(self, query: FloatArray) -> FloatArray:
        """Cosines of the query to an even sample of all texts: what "not related" looks like for it."""
        return self._sample @ query


def save_table(path: Path, embedder_name: str, table: VectorTable) -> None:
    """Write the vectors to a file, whole or not at all, so that a restart does not embed everything again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    keys = np.frombuffer(b"".join(table), dtype=np.uint8).reshape(-1, 16)
    matrix = np.stack(list(table.values()))
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        np.savez(file, name=np.array(embedder_name), keys=keys, matrix=matrix)
    part.replace(path)


def load_table(path: Path, embedder_name: str, dims: int) -> VectorTable:
    """Read what ``save_table`` wrote. A file that is missing, damaged or of another embedder gives an empty table: it
    is a cache, everything in it can be computed again.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            name, keys, matrix = str(stored["name"]), stored["keys"], stored["matrix"]
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile):
        return {}
    sound = (
        name == embedder_name
        and matrix.dtype == np.float32
        and matrix.shape == (len(keys), dims)
        and keys.dtype == np.uint8
        and keys.shape[1:] == (16,)
        and bool(np.all(np.abs(np.einsum("ij,ij->i", matrix, matrix) - 1) < 1e-2))
    )
    if not sound:
        return {}
    return {key.tobytes(): vector for key, vector in zip(keys, matrix, strict=True)}
