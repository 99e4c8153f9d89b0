"""What a search leaves out is found beside it, with the score that it would have, and never in it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from callcue.core.cards import Audience, Card, CardQuery
from callcue.testing import HashEmbedder
from kb_index import withheld
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
    monkeypatch.setattr(withheld, "NEW_TEXTS", 4)
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
