"""The hit test says of every candidate what a live call would do with it, and why."""

from collections.abc import Sequence
from typing import Any

from callcue.core.cards import Audience, Card, CardHit, CardQuery, Trigger
from callcue.core.speech import Channel
from callcue.testing.clock import ManualClock
from nlu.assist import AssistConfig, KnowledgeView
from nlu.decision import Verdict
from nlu.explain import ExplainedLine, Shelf, explain
from nlu.gate import Customer
from nlu.triggers import TriggerMatcher
from tests.unit.nlu.calling import FakeIndex, make

Table = dict[str, tuple[str, float]]


async def judge(
    lines: Sequence[str],
    *cards: Card,
    search: Table | None = None,
    channel: Channel = "caller",
    customer: Customer | None = None,
    **limits: Any,
) -> list[ExplainedLine]:
    index = FakeIndex(cards, search or {})
    view = KnowledgeView(index=index, triggers=TriggerMatcher(cards), cards={card.id: card for card in cards})
    config = AssistConfig(**{"max_cards_per_minute": 60, "threshold": 0.5, **limits})
    return await explain(lines, view=view, config=config, clock=ManualClock(), channel=channel, customer=customer)


def verdicts(line: ExplainedLine) -> dict[str, Verdict]:
    return {candidate.card.id: candidate.verdict for candidate in line.candidates}


ASKED = "我的耳机只有一边响"


async def test_scores_and_verdicts_of_a_search() -> None:
    cards = (make("high"), make("low"))
    (judged,) = await judge([ASKED], *cards, search={"high": ("一边", 0.8), "low": ("耳机", 0.3)})
    assert verdicts(judged) == {"high": "pushed", "low": "below the threshold"}
    first, second = judged.candidates
    assert (first.shown, second.shown) == (True, False)
    assert first.hit is not None
    assert (first.hit.dense, first.hit.lexical, first.hit.matched) == (0.9, 1.0, "标题high")
    assert first.strength == first.hit.score > second.strength
    assert judged.query


async def test_small_talk_is_not_looked_up() -> None:
    (judged,) = await judge(["好的谢谢"], make("any"), search={"any": ("谢谢", 0.9)})
    assert (judged.query, judged.candidates) == ("", ())


async def test_phrases_heard_and_negative_phrases() -> None:
    card = make("a", "补开发票", negative=("不用补开发票", "发票收到了"))
    heard, denied = await judge(["我要补开发票", "不用补开发票了"], card, max_cards_per_utterance=2)
    assert verdicts(heard) == {"a": "pushed"}
    assert [t.phrase for t in heard.candidates[0].triggers] == ["补开发票"]
    assert heard.candidates[0].negatives == ()
    assert verdicts(denied) == {"a": "negative phrase"}
    assert denied.candidates[0].negatives == ("不用补开发票",)


async def test_what_of_the_card_itself_forbids_it() -> None:
    cards = (
        make("old", valid_to="2001-01-01"),
        make("theirs", audience=Audience(region=("华东",)), kind="culture"),
        make("draft", status="draft"),
    )
    (judged,) = await judge([ASKED], *cards, search={card.id: ("一边", 0.9) for card in cards})
    assert set(verdicts(judged).values()) == {"not for this call"}
    bars = {candidate.card.id: candidate.bars for candidate in judged.candidates}
    assert bars == {"old": ("validity",), "theirs": ("audience",), "draft": ("status",)}
    (mine,) = await judge([ASKED], cards[1], search={"theirs": ("一边", 0.9)}, customer=Customer(region="华东"))
    assert verdicts(mine) == {"theirs": "pushed"}


async def test_better_candidates_and_earlier_utterances() -> None:
    cards = (make("a"), make("b"), make("c"))
    search: Table = {"a": ("一边", 0.9), "b": ("一边", 0.8), "c": ("一边", 0.7)}
    first, second = await judge([ASKED, ASKED], *cards, search=search)
    assert verdicts(first) == {"a": "pushed", "b": "pushed", "c": "others are better"}
    assert verdicts(second) == {"a": "shown often enough", "b": "shown often enough", "c": "others are better"}
    (full,) = await judge([ASKED], *cards, search=search, max_cards_per_minute=1)
    assert verdicts(full)["b"] == "no room in this minute"


async def test_what_the_agent_says_fires_phrases_alone() -> None:
    cards = (make("named", "补开发票"), make("found"))
    (judged,) = await judge(
        ["我帮您补开发票"], *cards, search={"named": ("发票", 0.9), "found": ("发票", 0.9)}, channel="agent"
    )
    assert verdicts(judged) == {"named": "pushed", "found": "only the caller is searched for"}


async def test_a_card_for_a_speaker_is_not_named_by_the_other() -> None:
    card = Card(id="a", title="t", body="b", triggers=(Trigger(phrase="补开发票", speaker="agent"),))
    (judged,) = await judge(["我要补开发票"], card)
    assert judged.candidates == ()


async def withheld(text: str, shelf: Sequence[Card], *hits: Card, score: float = 0.9, **about: Any) -> dict[str, str]:
    """Card -> why no call shows it; ``hits`` are what the search finds on the shelf."""
    asked: list[CardQuery] = []

    async def search(query: CardQuery) -> list[CardHit]:
        asked.append(query)
        return [CardHit(card=card, score=score, dense=0.9, lexical=0.0, matched=card.title) for card in hits]

    published = make("published")
    view = KnowledgeView(
        index=FakeIndex([published], {"published": ("一边", 0.9)}), triggers=TriggerMatcher([published]),
        cards={"published": published},
    )  # fmt: skip
    held = Shelf(cards={card.id: card for card in shelf}, triggers=TriggerMatcher(shelf), search=search)
    (line,) = await explain(
        [text], view=view, config=AssistConfig(threshold=0.5), clock=ManualClock(), shelf=held, **about
    )
    assert {candidate.card.id for candidate in line.candidates} <= {"published"}
    assert all(query.valid_at is not None and query.audience is not None for query in asked)
    assert asked or not line.query
    return {one.card.id: one.because for one in line.withheld}


async def test_cards_that_would_fit_are_named_with_what_keeps_them_back() -> None:
    cards = (
        make("old", valid_to="2001-01-31"),
        make("new", valid_from="2099-01-01"),
        make("north", audience=Audience(region=("华东",), segment=("企业",))),
        make("draft", status="draft"),
        make("gone", status="retired", valid_to="2001-01-31"),
        make("english", lang="en"),
    )
    found = await withheld(ASKED, (), *cards, customer=Customer(region="华北"))
    assert found == {
        "old": "expired on 2001-01-31",
        "new": "is not valid before 2099-01-01",
        "north": "is for segment 企业, not unknown; region 华东, not 华北",
        "draft": "is a draft",
        "gone": "is retired; expired on 2001-01-31",
        "english": "is in en, not zh",
    }


async def test_only_what_a_call_would_show_but_for_its_bars_is_named() -> None:
    assert await withheld(ASKED, (), make("weak", status="draft"), score=0.49) == {}
    assert await withheld(ASKED, (), make("published", status="draft")) == {}, "a candidate already"
    assert await withheld("好的谢谢", (), make("small", status="draft")) == {}, "nothing is looked up"
    assert await withheld(ASKED, (), make("draft", status="draft"), channel="agent") == {}
    heard = make("heard", "补开发票", status="review", negative=("发票收到了",))
    assert await withheld("我要补开发票", [heard], channel="agent") == {"heard": "is in review"}
    assert await withheld("不补开发票，发票收到了", [heard]) == {}
