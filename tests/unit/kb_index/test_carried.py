"""A generation that was made out of the one before is the one that would have been made anew."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcue.core.cards import Card, CardQuery
from callcue.testing import HashEmbedder
from kb_index.carried import Carried, joined
from kb_index.generation import Generation
from kb_index.index import HybridIndex
from kb_index.lexical import LexicalIndex, Vocabulary, postings_of
from kb_index.postings import Postings, TermVector, sorted_postings, spliced

_WORDS = ("账单", "发票", "退货", "积分", "card", "refund", "分期")
ASKED = ("发票怎么开", "退货", "积分分期", "where is my refund", "账单")


@pytest.mark.parametrize(
    ("source", "stretches"),
    [
        ([], []),
        ([-1, -1], [(0, 2, -1)]),
        ([0, 1, 2], [(0, 3, 0)]),
        ([0, -1, 2], [(0, 1, 0), (1, 2, -1), (2, 3, 2)]),
        ([-1, 0, 1], [(0, 1, -1), (1, 3, 0)]),
        ([2, 0, 1], [(0, 1, 2), (1, 3, 0)]),
    ],
)
def test_stretches_are_as_long_as_can_be(source: list[int], stretches: list[tuple[int, int, int]]) -> None:
    assert list(Carried(np.array(source, dtype=np.int64)).stretches()) == stretches


def test_items_of_old_and_new_cards_are_put_in_order() -> None:
    carried = Carried(np.array([1, -1, -1, 2], dtype=np.int64))
    starts = np.array([0, 1, 3, 4])
    assert joined(carried, "abcd", starts, ["x", "yz"]) == ["b", "c", "x", "y", "z", "d"]


def vector(draw: st.DrawFn, terms: int) -> TermVector:
    held = draw(st.lists(st.integers(0, terms - 1), unique=True, max_size=6))
    counts = draw(st.lists(st.integers(1, 4), min_size=len(held), max_size=len(held)))
    return TermVector(np.array(held, dtype=np.int32), np.array(counts, dtype=np.float32))


@st.composite
def edits(draw: st.DrawFn) -> tuple[list[TermVector], list[TermVector], list[int]]:
    """Documents, those after an edit, and which of them are old: some gone, some new among them."""
    old = [vector(draw, 8) for _ in range(draw(st.integers(20, 60)))]
    new: list[TermVector] = []
    source: list[int] = []
    doomed = draw(st.sets(st.integers(0, len(old) - 1), max_size=3))
    for number, document in enumerate(old):
        if number in doomed and draw(st.booleans()):
            new, source = [*new, vector(draw, 11)], [*source, -1]  # changed, with terms that are new to all
        elif number not in doomed:
            new, source = [*new, document], [*source, number]
    return old, new, source


def lists(postings: Postings) -> list[object]:
    return [postings.documents, *(array.tolist() for array in (postings.start, postings.owner, postings.count))]


@given(edits())
def test_spliced_postings_are_those_that_sorting_gives(
    edit: tuple[list[TermVector], list[TermVector], list[int]],
) -> None:
    old, new, source = edit
    made = spliced(sorted_postings(old, 8), Carried(np.array(source, dtype=np.int64)), new, 11)
    anew = sorted_postings(new, 11)
    assert lists(made) == lists(anew)
    assert made.length.tolist() == anew.length.tolist()


def test_few_changes_are_not_sorted_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    vocabulary = Vocabulary()
    documents = [vocabulary.vector(f"{word} {number}") for number in range(10) for word in _WORDS]
    before = postings_of(vocabulary, documents)
    asked: list[int] = []

    def counting(given: Sequence[TermVector], terms: int) -> Postings:
        asked.append(len(given))
        return sorted_postings(given, terms)

    monkeypatch.setattr("kb_index.postings.sorted_postings", counting)
    documents[3] = vocabulary.vector("挂失")
    carried = Carried(np.array([-1 if n == 3 else n for n in range(len(documents))], dtype=np.int64))
    after = LexicalIndex(vocabulary, postings_of(vocabulary, documents, before, carried))
    assert asked == [1]
    assert np.flatnonzero(after.search("挂失")).tolist() == [3]


def cards(count: int) -> list[Card]:
    return [
        Card(id=f"c{n:03}", title=f"{_WORDS[n % 7]}{n}怎么办", body="x", questions=(f"{_WORDS[n % 5]}在哪里看{n}",))
        for n in range(count)
    ]


def test_edits_one_after_another_leave_what_a_build_from_nothing_makes() -> None:
    held = {card.id: card for card in cards(120)}
    index = HybridIndex(HashEmbedder(dims=64))
    index.rebuild_now(list(held.values()))
    steps: list[dict[str, Card | None]] = [
        {"c007": replace(held["c007"], questions=("发票怎么开", "专票"))},
        {"c000": None, "c119": None},
        {
            "a-first": Card(id="a-first", title="退货流程", body="x"),
            "z-last": Card(id="z-last", title="账单", body="x"),
        },
        {"c050": replace(held["c050"], body="another"), "c051": replace(held["c051"], title="refund")},
        {"c000": held["c000"]},
    ]
    for step in steps:
        held = {**held, **{card_id: card for card_id, card in step.items() if card is not None}}
        held = {card_id: held[card_id] for card_id in sorted(held) if step.get(card_id, "") is not None}
        index.rebuild_now(list(held.values()))
        anew = HybridIndex(HashEmbedder(dims=64))
        anew.rebuild_now(list(held.values()))
        for text in ASKED:
            query = CardQuery(text=text, top_k=20)
            assert told(index, query) == told(anew, query)
        assert parts(index._current) == parts(anew._current)


def told(index: HybridIndex, query: CardQuery) -> list[tuple[object, ...]]:
    return [
        (hit.card, hit.matched, round(hit.score, 4), round(hit.lexical, 3), round(hit.dense, 4))
        for hit in index.search_now(query)
    ]


def parts(generation: Generation | None) -> tuple[object, ...]:
    assert generation is not None
    vectors = generation.vectors
    return (
        generation.texts,
        list(generation.table.keys),
        vectors.matrix.tolist(),
        vectors.starts.tolist(),
        [entry.card for entry in generation.entries],
    )
