"""Sentence vectors that are kept between runs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from callcue.core.errors import BadInput
from callcue.core.ports import TextRole, Vectors
from eval import embed_cache
from eval.embed_cache import CachedEmbedder
from tests.unit.tagger.fakes import LetterEmbedder

TEXTS = ["退款", "发票怎么开", "退款", "账单"]


class Counting(LetterEmbedder):
    """Says what it was asked; stops in the middle when told to."""

    def __init__(self, name: str = "letters/1", dies_after: int | None = None) -> None:
        super().__init__(name)
        self.asked: list[str] = []
        self._dies_after = dies_after

    def embed(self, texts: Sequence[str], *, role: TextRole) -> Vectors:
        if self._dies_after is not None and len(self.asked) >= self._dies_after:
            raise KeyboardInterrupt
        self.asked += texts
        return super().embed(texts, role=role)


def test_a_text_is_asked_for_once_and_remembered_over_runs(tmp_path: Path) -> None:
    first = Counting()
    made = CachedEmbedder(first, tmp_path).embed(TEXTS, role="query")
    assert made == LetterEmbedder().embed(TEXTS, role="query")
    assert sorted(first.asked) == sorted(set(TEXTS))
    again = Counting()
    cached = CachedEmbedder(again, tmp_path)
    assert cached.embed(TEXTS, role="query") == made
    assert again.asked == []
    cached.embed(TEXTS[:1], role="passage")
    assert again.asked == TEXTS[:1]
    assert CachedEmbedder(again).embed([], role="query").rows == 0


def test_vectors_of_another_model_are_not_these(tmp_path: Path) -> None:
    CachedEmbedder(Counting(), tmp_path).embed(TEXTS, role="query")
    other = Counting("letters/2")
    CachedEmbedder(other, tmp_path).embed(TEXTS, role="query")
    assert len(other.asked) == 3


def test_a_run_that_is_killed_keeps_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed_cache, "BATCH", 4)
    texts = [f"问题{n}" for n in range(20)]
    killed = Counting(dies_after=8)
    with pytest.raises(KeyboardInterrupt):
        CachedEmbedder(killed, tmp_path).embed(texts, role="query")
    after = Counting()
    made = CachedEmbedder(after, tmp_path).embed(texts, role="query")
    assert made == LetterEmbedder().embed(texts, role="query")
    assert sorted(after.asked + killed.asked) == sorted(texts)


def test_half_a_record_at_the_end_is_no_record(tmp_path: Path) -> None:
    CachedEmbedder(Counting(), tmp_path).embed(TEXTS[:2], role="query")
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-5])
    again = Counting()
    made = CachedEmbedder(again, tmp_path).embed(TEXTS[:2], role="query")
    assert len(again.asked) == 1
    assert made == LetterEmbedder().embed(TEXTS[:2], role="query")
    assert CachedEmbedder(Counting(), tmp_path).embed(TEXTS[:2], role="query") == made


def test_two_runs_at_once_share_the_file(tmp_path: Path) -> None:
    one, other = (CachedEmbedder(Counting(), tmp_path) for _ in range(2))
    one.embed(TEXTS[:1], role="query")
    other.embed(TEXTS[1:2], role="query")
    one.embed(TEXTS[3:], role="query")
    last = Counting()
    assert CachedEmbedder(last, tmp_path).embed(TEXTS, role="query").rows == 4
    assert last.asked == []


def test_a_file_of_something_else_is_named(tmp_path: Path) -> None:
    CachedEmbedder(Counting(), tmp_path).embed(TEXTS, role="query")
    (file,) = tmp_path.iterdir()
    file.write_bytes(np.full(1000, 7, dtype=np.float32).tobytes())
    with pytest.raises(BadInput, match="delete it"):
        CachedEmbedder(Counting(), tmp_path)
    with pytest.raises(BadInput, match="another folder"):
        CachedEmbedder(Counting(), file / "within")
