"""Sentence vectors kept between runs: they cost more than everything else in an evaluation of texts.

One file an embedder, ``vectors-<name>.bin``, of records of one size: the key of a text (16 bytes) and its vector
(float32). Records are only ever appended, batch by batch, so a run that is killed keeps what it has embedded and the
next one goes on from there; two runs at once may share the file.
"""

import fcntl
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from callcue.core.errors import BadInput
from callcue.core.ports import Embedder, TextRole, Vectors

BATCH = 64
"""Texts between two writings: about a second of embedding is what a killed run loses."""
_KEY = 16


class CachedEmbedder:
    """An Embedder that asks the real one once for each text; with ``folder`` also over runs. Not thread-safe."""

    def __init__(self, embedder: Embedder, folder: Path | None = None) -> None:
        self._embedder = embedder
        self._record = np.dtype([("key", f"V{_KEY}"), ("row", "<f4", (embedder.dims,))])
        digest = hashlib.sha256(f"{embedder.name}\n{embedder.dims}".encode()).hexdigest()[:8]
        self._file = None if folder is None else folder / f"vectors-{digest}.bin"
        self._held: dict[bytes, npt.NDArray[np.float32]] = {}
        if self._file is not None:
            self._read(self._file)

    @property
    def name(self) -> str:
        """The real one's."""
        return self._embedder.name

    @property
    def dims(self) -> int:
        """Length of one vector."""
        return self._embedder.dims

    def __len__(self) -> int:
        """Vectors that are held."""
        return len(self._held)

    def embed(self, texts: Sequence[str], *, role: TextRole) -> Vectors:
        """One row per text; new ones are embedded in order of length, which pads least."""
        keys = [key_of(text, role) for text in texts]
        new = sorted({key: text for key, text in zip(keys, texts, strict=True) if key not in self._held}.items())
        new.sort(key=lambda pair: len(pair[1]))
        for start in range(0, len(new), BATCH):
            part = new[start : start + BATCH]
            made = self._embedder.embed([text for _, text in part], role=role)
            rows = np.frombuffer(made.data, dtype="<f4").reshape(made.rows, made.dims)
            self._keep([key for key, _ in part], rows)
        out = np.stack([self._held[key] for key in keys]) if keys else np.zeros((0, self.dims), dtype=np.float32)
        return Vectors(data=out.astype("<f4").tobytes(), rows=len(keys), dims=self.dims)

    def _keep(self, keys: Sequence[bytes], rows: npt.NDArray[np.float32]) -> None:
        self._held.update(zip(keys, rows, strict=True))
        if self._file is None:
            return
        records = np.empty(len(keys), dtype=self._record)
        records["key"], records["row"] = np.frombuffer(b"".join(keys), dtype=f"V{_KEY}"), rows
        with self._file.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # let go of when the file is closed
            end = file.seek(0, os.SEEK_END)
            file.truncate(end - end % self._record.itemsize)  # what a killed run has left of its last record
            file.write(records.tobytes())

    def _read(self, path: Path) -> None:
        """Take what the file has. A record that is cut off is left out; so are vectors that are none."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            stored = path.read_bytes() if path.exists() else b""
        except OSError as error:
            raise BadInput(
                f"sentence vectors cannot be kept in {path.parent} ({error.strerror}); name another folder"
            ) from error
        whole = len(stored) - len(stored) % self._record.itemsize
        records = np.frombuffer(stored[:whole], dtype=self._record)
        rows = records["row"]
        sound = np.isfinite(rows).all(axis=1) & (np.abs(np.linalg.norm(rows, axis=1) - 1) < 1e-2)
        if len(rows) and not sound.any():
            raise BadInput(f"{path} holds no vectors of this embedder: delete it, it will be made again")
        keys = records["key"].tolist()
        self._held = {keys[place]: rows[place] for place in np.flatnonzero(sound).tolist()}


def key_of(text: str, role: TextRole) -> bytes:
    """What a text's vector is remembered by."""
    return hashlib.blake2b(f"{role}\n{text}".encode("utf-8", "replace"), digest_size=_KEY).digest()
