"""What may have been said instead, what is hardly believed, and what is no longer valid."""

import pytest

from callcue.core.cards import CardHit, CardQuery
from callcue.core.speech import Language
from callcue.testing.clock import ManualClock
from tests.unit.nlu.calling import Call, make


async def test_what_may_have_been_said_instead_is_looked_up() -> None:
    call = Call(make("warranty"), search={"warranty": ("掏钱", 0.9)})
    decision = await call.decide("这种情况要我自己逃迁吗", alternatives=("这种情况要我自己掏钱吗",))
    (push,) = decision.pushed
    assert push.card.id == "warranty"
    assert push.score < 0.9  # less sure than what was heard
    assert "这种情况要我自己掏钱吗" in decision.hints


async def test_what_was_heard_comes_before_what_may_have_been_said() -> None:
    heard, other = make("heard"), make("other")
    call = Call(heard, other, search={"heard": ("音箱", 0.7), "other": ("印象", 0.8)})
    decision = await call.decide("昨天收到的音箱坏了", alternatives=("昨天收到的印象坏了",))
    assert [push.card.id for push in decision.pushed] == ["heard"]
    assert not any("印象" in query for query in call.index.queries)  # sure enough: nothing else was looked up


async def test_small_talk_is_not_heard_otherwise() -> None:
    call = Call(make("warranty"), search={"warranty": ("掏钱", 0.9)})
    decision = await call.decide("谢谢你", alternatives=("要我自己掏钱吗",))
    assert (decision.pushed, call.index.queries) == ((), [])


@pytest.mark.parametrize(("confidence", "brings"), [(0.5, ["book"]), (0.25, [])])
async def test_a_text_that_the_recogniser_hardly_believes_needs_a_better_match(
    confidence: float, brings: list[str]
) -> None:
    call = Call(make("book"), search={"book": ("决定", 0.6)})
    decision = await call.decide("纳兆法决定呀", confidence=confidence)
    assert [push.card.id for push in decision.pushed] == brings


@pytest.mark.parametrize(("language", "brings"), [("zh", ["parcel"]), ("en", [])])
async def test_each_language_has_its_own_threshold(language: Language, brings: list[str]) -> None:
    card, text = make("parcel", lang=language), {"zh": "我的包裹到哪了", "en": "where has my parcel got to"}[language]
    search = {"parcel": ({"zh": "包裹", "en": "parcel"}[language], 0.35)}
    call = Call(card, search=search, language=language, threshold=0.3, threshold_en=0.6)
    assert [push.card.id for push in await call.says(text, language=language)] == brings


async def test_a_need_whose_only_card_has_expired_is_unmet() -> None:
    old = make("old", valid_to="2020-12-31")
    call = Call(old, search={"old": ("价格", 0.9)})
    assert await call.brings("这款机器现在什么价格") == []
    assert [need.text for need in call.assistant.missed.finish()] == ["这款机器现在什么价格"]


async def test_only_cards_that_are_valid_now_are_looked_up() -> None:
    asked: list[CardQuery] = []
    call = Call(make("track"), search={"track": ("包裹", 0.8)})
    search = call.index.search

    async def noting(query: CardQuery) -> list[CardHit]:
        asked.append(query)
        return await search(query)

    call.index.search = noting  # type: ignore[method-assign]
    await call.brings("我的包裹到哪了")
    assert {query.valid_at for query in asked} == {ManualClock().now()}
