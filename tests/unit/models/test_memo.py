"""The remembering embedder gives the same vectors and asks less."""

from collections.abc import Sequence
from typing import Literal

from callcue.core.ports import Vectors
from callcue.testing.embedder import HashEmbedder
from models.memo import SMALL, MemoEmbedder


class Counting(HashEmbedder):
    """Counts the texts that it is asked about."""

    asked = 0

    def embed(self, texts: Sequence[str], *, role: Literal["query", "passage"]) -> Vectors:
        self.asked += len(texts)
        return super().embed(texts, role=role)


def test_vectors_are_the_same_and_in_order() -> None:
    inner = Counting()
    memo = MemoEmbedder(inner)
    plain = HashEmbedder().embed(["发票", "退款", "发票"], role="query")
    memo.embed(["退款"], role="query")
    assert memo.embed(["发票", "退款", "发票"], role="query") == plain
    assert inner.asked == 2
    assert (memo.name, memo.dims) == (inner.name, inner.dims)


def test_roles_are_not_mixed_up() -> None:
    inner = Counting()
    memo = MemoEmbedder(inner)
    memo.embed(["发票"], role="query")
    memo.embed(["发票"], role="passage")
    assert inner.asked == 2


def test_a_large_batch_pushes_nothing_out() -> None:
    inner = Counting()
    memo = MemoEmbedder(inner, size=4)
    memo.embed(["发票"], role="query")
    memo.embed([str(n) for n in range(SMALL + 1)], role="query")
    before = inner.asked
    memo.embed(["发票"], role="query")
    assert inner.asked == before


def test_what_was_not_asked_for_long_is_forgotten() -> None:
    inner = Counting()
    memo = MemoEmbedder(inner, size=2)
    for text in ("a", "b", "c", "a"):
        memo.embed([text], role="query")
    assert inner.asked == 4


def test_a_large_batch_is_served_from_what_is_remembered() -> None:
    inner = Counting()
    memo = MemoEmbedder(inner)
    texts = [f"第{n}句" for n in range(3 * SMALL)]
    for text in texts:
        memo.embed([text], role="query")
    plain = HashEmbedder().embed([*texts, "新的"], role="query")
    before = inner.asked
    assert memo.embed([*texts, "新的"], role="query") == plain
    assert inner.asked == before + 1
