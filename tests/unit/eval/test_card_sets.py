"""Sets of cards for the evaluation, the baseline, and the figures by set."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from callcue.core.cards import Card
from callcue.core.errors import BadInput
from callcue.testing import HashEmbedder
from eval.bench_kb import DrawnVectors, synthetic_cards
from eval.card_sets import CardSet, Query, banking, disturbed
from eval.cards import gap, measure
from eval.char_tfidf import CharTfidf

METHODS = {"product", "dense", "lexical", "sound", "tfidf"}


def labelled(path: Path, rows: Sequence[tuple[str, str]]) -> Path:
    path.write_text("\n".join(json.dumps({"text": t, "intent": i}) for t, i in rows), encoding="utf-8")
    return path


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    train = [(f"how do I {verb} my card {n}", f"card_{verb}") for verb in ("lock", "find", "order") for n in range(9)]
    return labelled(tmp_path / "train.jsonl", train), labelled(tmp_path / "test.jsonl", [("lock it", "card_lock")])


def test_an_intent_becomes_a_card_with_some_of_its_utterances(files: tuple[Path, Path]) -> None:
    made = banking(*files, samples=4)
    assert next((card.id, card.title, card.lang) for card in made.cards) == ("card_find", "card find", "en")
    assert {len(card.questions) for card in made.cards} == {4}
    assert all("find" in text for text in made.cards[0].questions)
    assert made.queries == [Query(text="lock it", card="card_lock")]
    assert banking(*files, samples=4).cards == made.cards
    assert len(banking(*files, samples=99).cards[0].questions) == 9


def test_utterances_without_an_intent_are_refused_by_line(tmp_path: Path, files: tuple[Path, Path]) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"text": "x", "intent": "a"}\n{"text": "x"}\n', encoding="utf-8")
    with pytest.raises(BadInput, match=r"row 2.*intent"):
        banking(bad, files[1])
    bad.write_text("", encoding="utf-8")
    with pytest.raises(BadInput, match="no utterance"):
        banking(files[0], bad)


def test_errors_are_the_same_each_time_and_none_makes_a_query_empty() -> None:
    queries = [Query(text=text, card=None) for text in ("怎么开发票", "嗯", "发票什么时候到")]
    assert disturbed(queries, 0.5) == disturbed(queries, 0.5)
    assert disturbed(queries, 0.0) == queries
    assert [query.text for query in disturbed(queries, 1.0)] != [query.text for query in queries]
    assert all(query.text for query in disturbed(queries, 1.0))


CARDS = [Card(id=t, title=t, body="x", questions=(f"请问{t}",)) for t in ("怎么开发票", "积分会过期吗", "屏幕碎了")]


def test_the_baseline_finds_the_nearest_text() -> None:
    search = CharTfidf(CARDS).search
    assert search("发票怎么开", 3)[0] == "怎么开发票"
    assert search("屏幕", 3) == ["屏幕碎了"]
    assert search("xyz", 3) == []


def test_a_gap_is_that_of_the_same_queries() -> None:
    ours = [("a", ["a"]), ("b", ["x", "b"]), (None, ["x"]), ("c", [])]
    theirs = [("a", ["a"]), ("b", ["x", "y"]), (None, []), ("c", ["x", "y", "z", "c"])]
    found = gap(ours, theirs)
    assert found["r1"] == 0.0
    assert found["mrr"] == pytest.approx((0 + 0.5 - 0.25) / 3)
    assert found["mrr_interval"][0] <= found["mrr"] <= found["mrr_interval"][1]
    assert gap(ours, ours)["mrr_interval"] == (0.0, 0.0)


def test_every_method_is_measured_clean_and_disturbed() -> None:
    queries = [Query(text=f"我想知道{card.id}", card=card.id) for card in CARDS] + [Query(text="你好", card=None)]
    given = CardSet(name="s", cards=CARDS, queries=queries)
    figures: dict[str, Any] = measure(given, embedder=HashEmbedder(dims=256), threshold=0.2, errors=0.2)
    assert (figures["cards"], figures["queries"]) == (3, 4)
    assert "pushed_when_null" in figures
    assert set(figures["methods"]) == set(figures["with_errors"]["methods"]) == METHODS
    for method in METHODS:
        found = figures["methods"][method]
        assert found["r1"] == 1.0, method
        assert set(found) == {"r1", "r3", "r10", "mrr", "r1_interval", "r3_interval", "mrr_interval"}
    assert "with_errors" not in measure(given, embedder=HashEmbedder(dims=256), threshold=0.2)


def test_synthetic_cards_are_varied_and_valid_and_their_vectors_drawn_near_real_ones() -> None:
    import random

    import numpy as np

    texts = ["怎么开发票", "积分会过期吗"]
    cards = synthetic_cards(texts, 50, random.Random(1))
    assert len({card.id for card in cards}) == 50
    assert len({card.questions for card in cards}) > 45
    assert all(card.title and all(card.questions) for card in cards)
    drawn = DrawnVectors(HashEmbedder(dims=64), texts)
    real = np.frombuffer(drawn.embed(texts, role="query").data, "<f4").reshape(2, 64)
    drawn.drawing = True
    made = np.frombuffer(drawn.embed(["a"] * 9, role="query").data, "<f4").reshape(9, 64)
    assert np.allclose(np.linalg.norm(made, axis=1), 1, atol=1e-5)
    assert np.all((made @ real.T).max(axis=1) > 0.9)
