"""What every CardIndex promises; subclass it and give ``index``."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from callcue.core.cards import Audience, Card, CardQuery
from callcue.core.ports import CardIndex

INVOICE = Card(id="invoice", title="发票申请流程", body="x", category=("售后", "发票"), questions=("怎么开发票",))
POINTS = Card(id="points", title="会员积分规则", body="x", category=("会员",), questions=("积分怎么用",))
REFUND = Card(id="refund", title="where is my refund", body="x", lang="en")


async def found(index: CardIndex, query: CardQuery) -> list[str]:
    return [hit.card.id for hit in await index.search(query)]


class CardIndexContract:
    """Tests for a fixture ``index`` without cards."""

    async def test_nothing_is_found_before_the_first_generation(self, index: CardIndex) -> None:
        assert index.generation == 0
        assert await index.search(CardQuery(text="发票")) == []

    async def test_generations_are_numbered_from_one(self, index: CardIndex) -> None:
        assert await index.rebuild([INVOICE]) == index.generation == 1
        assert await index.rebuild([INVOICE, POINTS]) == index.generation == 2

    async def test_a_rebuild_replaces_everything(self, index: CardIndex) -> None:
        await index.rebuild([INVOICE])
        await index.rebuild([POINTS])
        assert await found(index, CardQuery(text="怎么开发票")) == ["points"]

    async def test_the_best_hit_comes_first_and_each_card_once(self, index: CardIndex) -> None:
        await index.rebuild([POINTS, INVOICE, REFUND])
        for card in (INVOICE, POINTS, REFUND):
            hits = await index.search(CardQuery(text=card.title))
            assert hits[0].card == card
            assert hits[0].matched in (card.title, *card.questions)
            assert len({hit.card.id for hit in hits}) == len(hits)
            assert all(0 <= hit.score <= 1 for hit in hits)

    async def test_top_k_bounds_the_list(self, index: CardIndex) -> None:
        await index.rebuild([POINTS, INVOICE, REFUND])
        assert len(await index.search(CardQuery(text="怎么开发票", top_k=1))) == 1

    async def test_empty_text_gives_no_hits(self, index: CardIndex) -> None:
        await index.rebuild([INVOICE])
        assert await index.search(CardQuery(text=" ")) == []

    async def test_filters(self, index: CardIndex) -> None:
        await index.rebuild([POINTS, INVOICE, REFUND])
        assert await found(index, CardQuery(text="怎么开发票", lang="en")) == ["refund"]
        assert await found(index, CardQuery(text="积分怎么用", category=("售后",))) == ["invoice"]

    async def test_filters_by_audience_and_validity(self, index: CardIndex) -> None:
        new = replace(INVOICE, id="new", audience=Audience(lifecycle=("新客",)))
        old = replace(INVOICE, id="old", audience=Audience(lifecycle=("老客",)), valid_to="2026-01-31")
        await index.rebuild([new, old])
        text = "怎么开发票"
        assert sorted(await found(index, CardQuery(text=text))) == ["new", "old"]
        assert await found(index, CardQuery(text=text, audience=Audience(lifecycle=("老客",)))) == ["old"]
        assert sorted(await found(index, CardQuery(text=text, audience=Audience(region=("华北",))))) == ["new", "old"]
        assert await found(index, CardQuery(text=text, valid_at=datetime(2026, 11, 26, tzinfo=UTC))) == ["new"]

    async def test_filters_together_may_admit_nothing(self, index: CardIndex) -> None:
        await index.rebuild([POINTS, INVOICE, REFUND])
        assert await found(index, CardQuery(text="refund", lang="en", category=("会员",))) == []

    async def test_other_statuses_are_found_when_asked_for(self, index: CardIndex) -> None:
        await index.rebuild([replace(INVOICE, status="draft"), replace(REFUND, status="retired"), POINTS])
        assert await found(index, CardQuery(text="怎么开发票", status=("draft",))) == ["invoice"]
        assert len(await found(index, CardQuery(text="怎么开发票", status=None))) == 3

    async def test_a_number_that_is_given_is_the_generations(self, index: CardIndex) -> None:
        assert await index.rebuild([INVOICE], 17) == index.generation == 17
        assert await index.rebuild([INVOICE, POINTS]) == index.generation == 18

    async def test_only_published_cards_are_found(self, index: CardIndex) -> None:
        await index.rebuild([replace(INVOICE, status="draft"), POINTS])
        assert await found(index, CardQuery(text="怎么开发票")) == ["points"]

    async def test_searches_and_rebuilds_at_once_see_whole_generations(self, index: CardIndex) -> None:
        first = [replace(POINTS, id=f"a{i}") for i in range(5)]
        second = [replace(POINTS, id=f"b{i}") for i in range(5)]
        await index.rebuild(first)
        query = CardQuery(text="积分怎么用")
        outcomes = await asyncio.gather(*(index.rebuild(second) if i == 5 else found(index, query) for i in range(15)))
        for ids in (outcome for outcome in outcomes if isinstance(outcome, list)):
            assert sorted(ids) in ([card.id for card in first], [card.id for card in second])
