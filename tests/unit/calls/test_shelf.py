"""The cards beside calls are read once for hit tests that come together, and again only as far as they changed."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from callcue.calls import shelf
from callcue.calls.shelf import ShelfKeeper
from callcue.core.cards import Card, CardHit, CardQuery
from callcue.infra.cards import Cards, CardStore
from kb_index.shelf import Budget
from tests.unit.calls.conftest import Store

DRAFTS = tuple(Card(id=f"d{n}", title=f"草稿{n}", body="x", status="draft") for n in range(5))


class CountingStore(CardStore):
    """Counts how often the shelf is read."""

    reads = 0

    async def unpublished(self, most: int, known: Mapping[str, Card] | None = None) -> tuple[Cards, int]:
        self.reads += 1
        return await super().unpublished(most, known)


class Search:
    """Notes what it is given."""

    def __init__(self) -> None:
        self.given: list[tuple[Sequence[Card], Budget]] = []

    async def __call__(self, _query: CardQuery, cards: Sequence[Card], budget: Budget) -> list[CardHit]:
        self.given.append((cards, budget))
        return []


async def test_hit_tests_that_come_together_read_the_shelf_once(store: Store) -> None:
    cards = CountingStore(store.database)
    await cards.save(DRAFTS, by="eve")
    keeper = ShelfKeeper(cards, Search())
    found = await asyncio.gather(*(keeper.shelf() for _ in range(4)))
    assert cards.reads == 1
    assert {tuple(each.cards) for each in found} == {tuple(card.id for card in DRAFTS)}


async def test_a_card_whose_version_is_unchanged_is_kept(store: Store) -> None:
    cards = CardStore(store.database)
    await cards.save(DRAFTS, by="eve")
    keeper = ShelfKeeper(cards, Search())
    before = (await keeper.shelf()).cards
    await cards.save([replace(DRAFTS[1], title="新"), replace(DRAFTS[2], status="review")], by="eve")
    await cards.save([replace(DRAFTS[2], status="published")], by="eve")
    after = (await keeper.shelf()).cards
    assert {card_id: card is before[card_id] for card_id, card in after.items()} == {
        "d0": True,
        "d1": False,
        "d3": True,
        "d4": True,
    }
    assert after["d1"].title == "新"


async def test_the_sentences_of_one_hit_test_have_one_budget(store: Store) -> None:
    cards, search = CardStore(store.database), Search()
    await cards.save(DRAFTS, by="eve")
    keeper = ShelfKeeper(cards, search)
    for hit_test in (await keeper.shelf(), await keeper.shelf()):
        for text in ("一", "二"):
            await hit_test.search(CardQuery(text=text))
    (first, one), (again, same), (other, own), _ = search.given
    assert one is same
    assert one is not own
    assert first is again is other


async def test_of_too_many_the_rest_is_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "MOST", 3)
    cards = CardStore(store.database)
    await cards.save(DRAFTS, by="eve")
    found = await ShelfKeeper(cards, Search()).shelf()
    assert (list(found.cards), found.left_out) == (["d0", "d1", "d2"], 2)
