"""Vector search: unit vectors of every card's title and sample questions in a flat FAISS index; the best text speaks
for its card. The body is not indexed: measured, it costs 3 points of R@1.

Vectors are held in half precision: half the memory and half the bytes that a search has to read. A cosine moves by
about 1e-5 for it, a hundredth of what lies between neighbours in e5's space.
"""

import hashlib
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callcue.core.errors import ModelError
from callcue.core.ports import Embedder
from kb_index.folding import simplify

FloatArray = NDArray[np.float32]
HalfArray = NDArray[np.float16]
IntArray = NDArray[np.int64]

BATCH = 32
"""Texts per call of the embedder."""
_SAMPLE = 512
_FEW = 64


def embed(embedder: Embedder, texts: Sequence[str]) -> FloatArray:
    """Vectors of ``texts``, shape (texts, dims), in batches. Both sides of the search use the query role: a sample
    question is a query. Raises ModelError when the embedder returns another shape than it promised.
    """
    rows = np.empty((len(texts), embedder.dims), dtype=np.float32)
    order = sorted(range(len(texts)), key=lambda place: len(texts[place]))  # texts of one length: no padding
    for start in range(0, len(texts), BATCH):
        places = order[start : start + BATCH]
        batch = [simplify(texts[place]) for place in places]
        vectors = embedder.embed(batch, role="query")
        if (vectors.rows, vectors.dims) != (len(batch), embedder.dims):
            raise ModelError(
                f"the embedder {embedder.name!r} returned {vectors.rows} x {vectors.dims} numbers for {len(batch)} "
                f"texts of {embedder.dims}; nothing was indexed, check the model"
            )
        rows[places] = np.frombuffer(vectors.data, dtype="<f4").reshape(vectors.rows, vectors.dims)
    return rows


def text_key(embedder_name: str, text: str) -> bytes:
    """What a vector is filed under: the embedder and the text, nothing else."""
    return hashlib.blake2b(f"{embedder_name}\0{simplify(text)}".encode(), digest_size=16).digest()


class VectorTable:
    """Vectors by ``text_key``: what a build need not embed again."""

    def __init__(self, keys: Sequence[bytes], matrix: HalfArray) -> None:
        self.keys = keys
        self.matrix = matrix
        """One row per key."""
        self._rows: dict[bytes, int] | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def rows(self, keys: Sequence[bytes]) -> IntArray:
        """The row of each key; -1 where it is not known."""
        if self._rows is None and len(keys) <= _FEW:  # an edit's: not worth a dictionary of all
            wanted = set(keys)
            found = {key: row for row, key in enumerate(self.keys) if key in wanted}
            return np.fromiter((found.get(key, -1) for key in keys), dtype=np.int64, count=len(keys))
        if self._rows is None:
            self._rows = {key: row for row, key in enumerate(self.keys)}
        known = self._rows
        return np.fromiter((known.get(key, -1) for key in keys), dtype=np.int64, count=len(keys))

    def of(self, keys: Sequence[bytes]) -> dict[bytes, FloatArray]:
        """Copies of the vectors, in single precision; keys that are not known are left out."""
        rows = self.rows(keys)
        places = np.flatnonzero(rows >= 0)
        copied = self.matrix[rows[places]].astype(np.float32)
        return {keys[place]: vector for place, vector in zip(places.tolist(), copied, strict=True)}


class VectorIndex:
    """An immutable flat index over rows of vectors. ``starts[card]`` is the first row of a card; its rows lie
    together, and every card has one or more.
    """

    def __init__(self, parts: Sequence[HalfArray], starts: IntArray) -> None:
        """``parts`` one after the other are the rows. They are copied, once."""
        import faiss

        rows, dims = sum(len(part) for part in parts), parts[0].shape[1]
        self._index: Any = faiss.IndexScalarQuantizer(dims, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        self._index.is_trained = True  # half precision has nothing to learn
        matrix = np.empty((0, dims), dtype=np.float16)
        if rows:
            self._index.codes.resize(rows * 2 * dims)
            self._index.ntotal = rows
            held = faiss.rev_swig_ptr(self._index.codes.data(), rows * 2 * dims)
            matrix = held.view(np.float16).reshape(rows, dims)
            np.concatenate(parts, out=matrix)
        self.matrix: HalfArray = matrix
        """A view of FAISS's own memory: valid as long as the index lives."""
        self.starts = np.append(starts, rows)
        """The first row of each card, and the number of rows."""
        self.owners = np.repeat(np.arange(len(starts), dtype=np.int32), np.diff(self.starts))
        self._sample = matrix[:: max(1, rows // _SAMPLE)].astype(np.float32)

    def __len__(self) -> int:
        return len(self.matrix)

    def nearest(self, query: FloatArray, most: int, cards: NDArray[np.bool_] | None = None) -> IntArray:
        """Rows of the ``most`` nearest texts, best first; only those of ``cards`` (a truth value each) when given."""
        import faiss

        params = None
        if cards is not None:
            parameters: Any = faiss.SearchParameters  # the stubs know neither's arguments
            selector: Any = faiss.IDSelectorBitmap
            admitted = np.packbits(cards[self.owners], bitorder="little")
            params = parameters(sel=selector(admitted))
        _, found = self._index.search(query.reshape(1, -1), max(1, min(most, len(self))), params=params)
        rows: IntArray = found[0][found[0] >= 0]
        return rows

    def of_cards(self, query: FloatArray, cards: IntArray) -> tuple[FloatArray, IntArray, IntArray]:
        """Cosine of every text of ``cards``, its row, and where each card's texts begin in the two."""
        counts = self.starts[cards + 1] - self.starts[cards]
        begins = np.cumsum(counts) - counts
        rows = np.repeat(self.starts[cards] - begins, counts) + np.arange(int(counts.sum()))
        return self.matrix[rows].astype(np.float32) @ query, rows, begins

    def background(self, query: FloatArray) -> FloatArray:
        """Cosines of the query to an even sample of all texts: what "not related" looks like for it."""
        return self._sample @ query


def save_table(path: Path, embedder_name: str, table: VectorTable) -> None:
    """Write the vectors to a file, whole or not at all: whatever happens, the file before stays until then."""
    path.parent.mkdir(parents=True, exist_ok=True)
    keys = np.frombuffer(b"".join(table.keys), dtype=np.uint8).reshape(-1, 16)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")  # two processes may write at once
    try:
        with part.open("wb") as file:
            np.savez(file, name=np.array(embedder_name), keys=keys, matrix=table.matrix)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def load_table(path: Path, embedder_name: str, dims: int) -> VectorTable:
    """Read what ``save_table`` wrote. A file that is missing, damaged or of another embedder gives an empty table: it
    is a cache, everything in it can be computed again.
    """
    nothing = VectorTable((), np.empty((0, dims), dtype=np.float16))
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            name, keys, matrix = str(stored["name"]), stored["keys"], stored["matrix"]
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile):
        return nothing
    sound = (
        name == embedder_name
        and matrix.dtype in (np.float16, np.float32)
        and matrix.shape == (len(keys), dims)
        and keys.dtype == np.uint8
        and keys.shape[1:] == (16,)
        and _of_unit_length(matrix)
    )
    return VectorTable([key.tobytes() for key in keys], matrix.astype(np.float16)) if sound else nothing


def _of_unit_length(matrix: NDArray[Any]) -> bool:
    for start in range(0, len(matrix), 4096):
        part = matrix[start : start + 4096].astype(np.float32)
        if not np.all(np.abs(np.einsum("ij,ij->i", part, part) - 1) < 1e-2):
            return False
    return True
