"""Two embedders side by side: each is heard, whichever spreads its vectors more."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from callcue.core.errors import ModelError
from callcue.core.ports import TextRole, Vectors
from callcue.testing.embedder import HashEmbedder
from models.embedders import load_embedder
from models.joined import JoinedEmbedder
from models.registry import embedder_names
from models.store import ModelStore


class Narrow:
    """All texts nearly alike, as e5 has them."""

    name = "narrow"
    dims = 32

    def embed(self, texts: Sequence[str], *, role: TextRole) -> Vectors:
        made = HashEmbedder(32).embed(texts, role=role)
        rows = 0.05 * np.frombuffer(made.data, dtype="<f4").reshape(made.rows, made.dims) + np.float32(0.17)
        rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
        return Vectors(data=rows.astype("<f4").tobytes(), rows=len(texts), dims=self.dims)


def _rows(made: Vectors) -> np.ndarray:
    return np.frombuffer(made.data, dtype="<f4").reshape(made.rows, made.dims)


def test_unit_vectors_of_all_parts_in_order() -> None:
    joined = JoinedEmbedder([HashEmbedder(64), Narrow()])
    assert (joined.name, joined.dims) == ("hash-ngrams-64+narrow", 96)
    rows = _rows(joined.embed(["where is my parcel", "退款"], role="query"))
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    first = _rows(HashEmbedder(64).embed(["where is my parcel"], role="query"))[0]
    assert np.allclose(rows[0, :64] / np.linalg.norm(rows[0, :64]), first, atol=1e-5)
    assert joined.embed([], role="query").rows == 0


def test_neither_part_drowns_the_other() -> None:
    texts = [f"a question about matter {number}" * (1 + number % 3) for number in range(20)]
    rows = _rows(JoinedEmbedder([HashEmbedder(64), Narrow()]).embed(texts, role="query"))
    wide, narrow = (float(np.linalg.norm(part - part.mean(axis=0))) for part in (rows[:, :64], rows[:, 64:]))
    assert 0.5 < wide / narrow < 2


def test_names_with_a_plus_are_several(tmp_path: Path) -> None:
    assert embedder_names("e5-small") == ("e5-small",)
    assert embedder_names("e5-small+org/model@v1") == ("e5-small", "org/model@v1")
    (tmp_path / "my+model").mkdir()
    assert embedder_names(str(tmp_path / "my+model")) == (str(tmp_path / "my+model"),)


@pytest.mark.parametrize("name", ["e5-small+", "+", "e5-small+no-such-model", "e5-small+whisper-base"])
def test_each_part_must_be_an_embedder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError):
        load_embedder(ModelStore(tmp_path), name)
