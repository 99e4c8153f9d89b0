"""What every Embedder promises; subclass it and give ``embedder``."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest

from callcue.core.ports import Embedder, Vectors

TEXTS = ["怎么开发票", "耳机没有声音", "my order has not arrived", "", "。", "😀", "长" * 300]


def matrix(vectors: Vectors) -> npt.NDArray[np.float32]:
    return np.frombuffer(vectors.data, dtype="<f4").reshape(vectors.rows, vectors.dims)


class EmbedderContract:
    """Tests for a fixture ``embedder``."""

    def test_one_unit_vector_per_text(self, embedder: Embedder) -> None:
        vectors = embedder.embed(TEXTS, role="query")
        assert (vectors.rows, vectors.dims) == (len(TEXTS), embedder.dims)
        assert len(vectors.data) == vectors.rows * vectors.dims * 4
        assert np.linalg.norm(matrix(vectors), axis=1) == pytest.approx(1.0, abs=1e-3)

    def test_no_text_gives_no_row(self, embedder: Embedder) -> None:
        vectors = embedder.embed([], role="passage")
        assert (vectors.rows, vectors.dims, vectors.data) == (0, embedder.dims, b"")

    def test_a_text_has_the_same_vector_alone_and_in_company(self, embedder: Embedder) -> None:
        alone = matrix(embedder.embed(TEXTS[1:2], role="query"))
        together = matrix(embedder.embed(TEXTS[:3], role="query"))
        assert float(alone[0] @ together[1]) == pytest.approx(1.0, abs=1e-3)

    def test_a_near_text_is_nearer_than_a_far_one(self, embedder: Embedder) -> None:
        asked, near, far = matrix(embedder.embed(["怎么开发票", "发票怎么开具", "附近哪里可以停车过夜"], role="query"))
        assert float(asked @ near) > float(asked @ far)

    def test_threads_do_not_disturb_each_other(self, embedder: Embedder) -> None:
        def embed(text: str) -> npt.NDArray[np.float32]:
            return matrix(embedder.embed([text], role="query"))[0]

        expected = [embed(text) for text in TEXTS[:3]]
        with ThreadPoolExecutor(3) as pool:
            found = list(pool.map(embed, TEXTS[:3] * 4))
        for nth, vector in enumerate(found):
            assert float(vector @ expected[nth % 3]) == pytest.approx(1.0, abs=1e-3)

    def test_it_has_a_name(self, embedder: Embedder) -> None:
        assert embedder.name
