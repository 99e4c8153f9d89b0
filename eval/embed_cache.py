"""Sentence vectors kept between runs: they cost more than everything else in an evaluation of texts."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from callcue.core.ports import Embedder, TextRole, Vectors

_BATCH = 32


class CachedEmbedder:
    """An Embedder that asks the real one once for each text; with ``folder`` it remembers over runs (``save``)."""

    def __init__(self, embedder: Embedder, folder: Path | None = None) -> None:
        self._embedder = embedder
        digest = hashlib.sha256(embedder.name.encode()).hexdigest()[:8]
        self._file = None if folder is None else folder / f"vectors-{digest}.npz"
        self._held: dict[str, npt.NDArray[np.float32]] = {}
        if self._file is not None and self._file.exists():
            with np.load(self._file) as stored:
                self._held = dict(zip(stored["keys"].tolist(), stored["rows"], strict=True))

    @property
    def name(self) -> str:
        """The real one's."""
        return self._embedder.name

    @property
    def dims(self) -> int:
        """Length of one vector."""
        return self._embedder.dims

    def embed(self, texts: Sequence[str], *, role: TextRole) -> Vectors:
        """One row per text; new ones are embedded in order of length, which pads least."""
        keys = [key_of(text, role) for text in texts]
        new = sorted({key: text for key, text in zip(keys, texts, strict=True) if key not in self._held}.items())
        new.sort(key=lambda pair: len(pair[1]))
        for start in range(0, len(new), _BATCH):
            part = new[start : start + _BATCH]
            made = self._embedder.embed([text for _, text in part], role=role)
            rows = np.frombuffer(made.data, dtype="<f4").reshape(made.rows, made.dims)
            self._held.update(zip((key for key, _ in part), rows, strict=True))
        out = np.stack([self._held[key] for key in keys]) if keys else np.zeros((0, self.dims), dtype=np.float32)
        return Vectors(data=out.astype("<f4").tobytes(), rows=len(keys), dims=self.dims)

    def save(self) -> None:
        """Write what is held, where a folder was given."""
        if self._file is None or not self._held:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        np.savez(self._file, keys=np.array(list(self._held)), rows=np.stack(list(self._held.values())))


def key_of(text: str, role: TextRole) -> str:
    """What a text's vector is remembered by."""
    return hashlib.sha256(f"{role}\n{text}".encode()).hexdigest()[:24]
