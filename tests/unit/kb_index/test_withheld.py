"""What a search leaves out is found beside it, with the score that it would have, and never in it."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

import pytest

from callcue.core.cards import Audience, Card, CardQuery
from callcue.core.ports import Vectors
from callcue.testing import HashEmbedder
from kb_index import shelf
from kb_index.index import HybridIndex
from tests.unit.kb_index.test_hybrid_index import CARDS, INVOICE, POINTS, CountingEmbedder, built

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ASKED = CardQuery(text="怎么开发票", lang="zh", valid_at=NOW, audience=Audience(region=("华北",)))


@pytest.mark.parametrize(
    "barred",
    [
        {"valid_to": "2026-01-01"},
        {"valid_from": "2027-01-01"},
        {"audience": Audience(region=("华东",))},
        {"lang": "en"},
    ],
)
async def test_a_published_card_that_is_barred_has_the_score_that_it_would_have(barred: dict[str, object]) -> None:
    index = await built()
    (free, *_) = await index.search(ASKED)
    assert free.card == INVOICE
    await index.rebuild([replace(INVOICE, **barred), *CARDS[1:]])  # type: ignore[arg-type]
    assert INVOICE.id not in {hit.card.id for hit in await index.search(ASKED)}
    (found, *_) = await index.withheld(ASKED, [])
    assert (found.card.id, found.score, found.dense) == (INVOICE.id, pytest.approx(free.score), free.dense)
    assert found.matched == "怎么开发票"


async def test_a_card_that_is_not_published_is_found_beside_those_that_are() -> None:
    index = await built(*CARDS[1:])
    draft = replace(INVOICE, status="draft")
    (found, *_) = await index.withheld(ASKED, [draft])
    assert (found.card, found.matched) == (draft, "怎么开发票")
    assert found.score > 0.5
    assert draft.id not in {hit.card.id for hit in await index.search(replace(ASKED, status=None))}


async def test_a_draft_that_is_worse_than_what_is_published_has_no_better_score() -> None:
    index = await built()
    (best, *_) = await index.search(ASKED)
    weaker = Card(id="draft", title="发票抬头", body="x", status="draft")
    (found,) = [hit for hit in await index.withheld(ASKED, [weaker]) if hit.card.id == "draft"]
    assert found.score < best.score


async def test_of_many_drafts_those_that_sound_nearest_are_embedded_and_each_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shelf, "NEW_TEXTS", 4)
    embedder = CountingEmbedder()
    index = await built(*CARDS[1:], embedder=embedder)
    drafts = [Card(id=f"d{n}", title=f"会员等级说明{n}", body="x", status="draft") for n in range(20)]
    embedder.asked.clear()
    found = await index.withheld(ASKED, [*drafts, replace(INVOICE, status="draft")])
    assert found[0].card.id == INVOICE.id
    assert len([text for text in embedder.asked if text != ASKED.text]) <= 4
    embedder.asked.clear()
    await index.withheld(ASKED, [replace(INVOICE, status="draft")])
    assert embedder.asked == [ASKED.text]


async def test_nothing_published_or_nothing_asked_is_no_failure() -> None:
    index = HybridIndex(HashEmbedder(dims=256))
    assert await index.withheld(ASKED, [INVOICE]) == []
    await index.rebuild([])
    assert [hit.card.id for hit in await index.withheld(ASKED, [INVOICE])] == [INVOICE.id]
    await index.rebuild([POINTS])
    assert await index.withheld(replace(ASKED, text=" "), [INVOICE]) == []


def drafts(count: int) -> tuple[Card, ...]:
    return tuple(Card(id=f"d{n}", title=f"会员等级说明{n}", body="x", status="draft") for n in range(count))


async def test_the_sentences_of_one_hit_test_share_what_may_be_embedded() -> None:
    embedder = CountingEmbedder()
    index = await built(*CARDS[1:], embedder=embedder)
    budget, cards = shelf.Budget(5), drafts(20)
    embedder.asked.clear()
    for text in ("会员等级", "会员说明", "等级说明"):
        await index.withheld(replace(ASKED, text=text), cards, budget)
    assert len([text for text in embedder.asked if text.startswith("会员等级说明")]) == 5
    assert budget.left == 0


async def test_hit_tests_wait_for_each_other_and_searches_for_none() -> None:
    class Gated(HashEmbedder):
        """Waits in every batch, which only a hit test's drafts are, and counts who is in it."""

        def __init__(self) -> None:
            super().__init__(dims=256)
            self.gate, self.entered = threading.Event(), threading.Event()
            self.within = self.most = 0
            self.threads: set[int] = set()

        def embed(self, texts: Sequence[str], *, role: Literal["query", "passage"]) -> Vectors:
            if len(texts) > 1 and self.armed:
                self.threads.add(threading.get_ident())
                self.within += 1
                self.most = max(self.most, self.within)
                self.entered.set()
                assert self.gate.wait(10)
                self.within -= 1
            return super().embed(texts, role=role)

        armed = False

    embedder = Gated()
    index = await built(*CARDS[1:], embedder=embedder)
    embedder.armed = True
    pools = 40  # more than a default pool has threads on any machine of these tests' size
    asked = [asyncio.create_task(index.withheld(ASKED, drafts(20), shelf.Budget(3))) for _ in range(pools)]
    await asyncio.to_thread(embedder.entered.wait, 10)
    found = await asyncio.wait_for(index.search(replace(ASKED, text="积分怎么用", audience=None)), 10)
    assert found[0].card.id == POINTS.id
    assert not any(task.done() for task in asked)
    embedder.gate.set()
    await asyncio.gather(*asked)
    assert (embedder.most, len(embedder.threads)) == (1, 1)


async def test_a_shelf_is_cut_once_and_after_an_edit_only_what_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    cut: list[str] = []
    real = shelf.sound_terms
    monkeypatch.setattr(shelf, "sound_terms", lambda text: cut.append(text) or real(text))
    index = await built(*CARDS[1:])
    cards = drafts(30)
    for text in ("会员等级", "会员说明"):
        await index.withheld(replace(ASKED, text=text), cards)
    assert len(cut) == 30
    await index.withheld(ASKED, (replace(cards[0], title="新标题"), *cards[1:]))
    assert cut[30:] == ["新标题"]
