"""An embedder that keeps its vectors in a file: evaluations ask for the same texts again and again."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from callcue.core.errors import BadInput
from callcue.core.ports import Embedder, TextRole, Vectors


class FiledEmbedder:
    """Wraps an Embedder. ``file`` None: in memory only. Not thread-safe."""

    def __init__(self, inner: Embedder, file: Path | None = None) -> None:
        self.name = inner.name
        self.dims = inner.dims
        self._inner = inner
        self._file = file
        self._known: dict[str, bytes] = {}
        if file is not None and file.exists():
            self._read(file)

    def embed(self, texts: Sequence[str], *, role: TextRole) -> Vectors:
        """As the port says."""
        keys = [hashlib.sha256(f"{role}\n{text}".encode("utf-8", "replace")).hexdigest()[:32] for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._known}
        if new:
            made = self._inner.embed(list(new.values()), role=role)
            width = 4 * made.dims
            for place, key in enumerate(new):
                self._known[key] = made.data[place * width : (place + 1) * width]
        return Vectors(data=b"".join(self._known[key] for key in keys), rows=len(texts), dims=self.dims)

    def save(self) -> None:
        """Write the file, if there is one."""
        if self._file is not None and self._known:
            rows = np.frombuffer(b"".join(self._known.values()), dtype="<f4").reshape(len(self._known), self.dims)
            with self._file.open("wb") as file:
                np.savez(file, name=self.name, keys=list(self._known), rows=rows)

    def _read(self, file: Path) -> None:
        try:
            with np.load(file, allow_pickle=False) as held:
                name, keys, rows = str(held["name"]), held["keys"].tolist(), held["rows"].astype("<f4")
        except (OSError, ValueError, KeyError) as error:
            raise BadInput(f"{file} is no file of vectors ({error}): delete it or name another") from error
        if name == self.name and rows.shape == (len(keys), self.dims):
            self._known = {key: row.tobytes() for key, row in zip(keys, rows, strict=True)}
