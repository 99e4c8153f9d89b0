"""Feedback moves a card a little, by what several agents say, and no further; one agent alone hardly moves it."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcue.core.cards import Card, CardHit, CardQuery
from callcue.core.events import AckAction
from callcue.learning.feedback import DAY_MS, Ack, Evidence, FeedbackConfig, shifted, weigh
from callcue.learning.likeness import QuestionVectors
from callcue.learning.ranking import FeedbackIndex
from callcue.testing.embedder import HashEmbedder

NOW = 1_000 * DAY_MS
CONFIG = FeedbackConfig()
FIVE = ("ann", "bo", "cy", "di", "ed")


def ack(agent: str, action: AckAction, days_ago: float = 0.0, **fields: Any) -> Ack:
    at_ms = NOW - int(days_ago * DAY_MS)
    return Ack(**{"card_id": "k", "card_version": 1, "agent": agent, "action": action, "at_ms": at_ms, **fields})


def evidence(*acks: Ack, version: int = 1, now_ms: int = NOW, **config: Any) -> Evidence:
    return weigh(acks, now_ms=now_ms, versions={"k": version}, config=replace(CONFIG, **config))


def shift(*acks: Ack, version: int = 1, now_ms: int = NOW) -> float:
    return evidence(*acks, version=version, now_ms=now_ms).shift("k")


def test_a_card_that_nobody_judged_stays() -> None:
    assert evidence(ack("ann", "wrong")).shift("another") == 0.0
    assert shift() == 0.0


def test_several_agents_move_a_card_both_ways() -> None:
    background = [ack(a, "used", card_id="other") for a in FIVE] + [ack(a, "wrong", card_id="third") for a in FIVE]
    assert shift(*background, *(ack(a, "used") for a in FIVE)) > 0.2
    assert shift(*background, *(ack(a, "wrong") for a in FIVE)) < -0.4
    assert shift(*background, *(ack(a, "pinned") for a in FIVE)) == shift(*background, *(ack(a, "used") for a in FIVE))


def test_dismissing_says_less_than_calling_wrong() -> None:
    assert shift(*(ack(a, "wrong") for a in FIVE)) < shift(*(ack(a, "dismissed") for a in FIVE)) < 0


@pytest.mark.parametrize("spread_over_days", [0, 30, 1000])
def test_a_thousand_words_of_one_agent_move_less_than_five_each_of_three(spread_over_days: int) -> None:
    hostile = [ack("mallory", "wrong", n * spread_over_days / 1000) for n in range(1000)]
    three = [ack(agent, "wrong", n / 100) for agent in ("ann", "bo", "cy") for n in range(5)]
    assert abs(shift(*hostile)) < abs(shift(*three)) / 2


def test_one_agent_never_moves_a_card_by_more_than_is_allowed() -> None:
    for action in ("wrong", "used"):
        alone = [ack("mallory", action, n) for n in range(1000)]
        assert abs(shift(*alone)) <= CONFIG.one_agent + 1e-9


def test_one_hostile_agent_cannot_turn_what_others_say() -> None:
    fair = [ack(a, "used", n) for a in FIVE for n in range(3)]
    hostile = [ack("mallory", "wrong", n / 3) for n in range(1000)]
    assert shift(*fair, *hostile) > 0
    assert shift(*fair) - shift(*fair, *hostile) < 0.4


def test_the_team_s_average_counts_each_agent_once() -> None:
    fair = [ack(a, "used", card_id=f"c{n}") for a in FIVE for n in range(4)]
    hostile = [ack("mallory", "wrong", card_id=f"c{n}") for n in range(400)]
    without, with_one = evidence(*fair).team, evidence(*fair, *hostile).team
    assert without - with_one < 0.1


def test_a_card_gets_back_to_where_it_began() -> None:
    condemned = [ack(a, "wrong") for a in FIVE]
    later = [shift(*condemned, now_ms=NOW + days * DAY_MS) for days in (0, 30, 90, 365)]
    assert later == sorted(later)
    assert later[0] < -0.4
    assert later[-1] > -0.01


def test_a_new_version_of_the_card_is_judged_anew() -> None:
    condemned = [ack(a, "wrong") for a in FIVE]
    assert shift(*condemned) < shift(*condemned, version=2) < 0


def test_agents_may_change_their_minds() -> None:
    before = [ack(a, "wrong", 20 + n) for a in FIVE for n in range(3)]
    assert shift(*before, *(ack(a, "used", n) for a in FIVE for n in range(3))) > shift(*before) + 0.3


AGENTS = st.sampled_from(FIVE)
ACTIONS: st.SearchStrategy[AckAction] = st.sampled_from(["used", "dismissed", "pinned", "wrong"])


@given(st.lists(st.tuples(AGENTS, ACTIONS, st.floats(0, 400)), max_size=40))
def test_the_shift_is_bounded_whatever_is_said(said: list[tuple[str, AckAction, float]]) -> None:
    moved = shift(*(ack(agent, action, days) for agent, action, days in said))
    assert abs(moved) <= CONFIG.limit + 1e-9


@given(st.lists(st.tuples(AGENTS, ACTIONS, st.floats(0, 60)), max_size=30), st.integers(1, 60))
def test_what_one_agent_adds_is_bounded_whatever_others_say(
    said: list[tuple[str, AckAction, float]], times: int
) -> None:
    others = [ack(agent, action, days) for agent, action, days in said]
    hostile = [ack("mallory", "wrong", n / 2) for n in range(times)]
    full = evidence(*others).shift("k")
    attacked = evidence(*others, *hostile).shift("k")
    assert full - attacked < 2 * CONFIG.limit
    if full <= 0:
        assert attacked >= -CONFIG.limit


def test_probabilities_keep_their_bounds() -> None:
    assert shifted(0.5, 0.7) == pytest.approx(1 / (1 + math.exp(-0.7)))
    assert (shifted(0.0, 0.7), shifted(1.0, -0.7), shifted(0.3, 0.0)) == (0.0, 1.0, 0.3)


class Two:
    """An index that always finds the same two cards."""

    generation = 1

    async def rebuild(self, cards: Any) -> int:
        return 1

    async def search(self, query: CardQuery) -> list[CardHit]:
        cards = (Card(id="k", title="甲", body="…"), Card(id="rival", title="乙", body="…"))
        hits = [
            CardHit(card=c, score=s, dense=0.9, lexical=0, matched="") for c, s in zip(cards, (0.5, 0.45), strict=True)
        ]
        return hits[: query.top_k]


async def order(index: FeedbackIndex, text: str) -> list[str]:
    return [hit.card.id for hit in await index.search(CardQuery(text=text, top_k=2))]


async def test_a_search_changes_where_agents_agree_and_says_so() -> None:
    vectors = QuestionVectors(HashEmbedder(256))
    index = FeedbackIndex(Two(), vectors)
    asked, unlike = "信用卡年费怎么收", "洗衣机一直漏水"
    (raw,) = vectors.of([asked])
    said = [ack(agent, "wrong", vector=raw) for agent in FIVE]
    assert await order(index, asked) == ["k", "rival"]
    index.learn(weigh(said, now_ms=NOW, versions={"k": 1}, config=CONFIG, space=vectors.space([raw])))
    hits = await index.search(CardQuery(text=asked, top_k=2))
    assert [hit.card.id for hit in hits] == ["rival", "k"]
    assert hits[1].feedback < -0.4
    assert hits[1].score == pytest.approx(shifted(0.5, hits[1].feedback))
    assert hits[0].feedback == 0.0
    assert await order(index, unlike) == ["k", "rival"], "what was said about one question hardly counts for others"
    (one,) = await index.search(CardQuery(text=asked, top_k=1))
    assert one.card.id == "rival", "one that was not among those asked for moves up"


def test_vectors_of_unlike_questions_lie_apart() -> None:
    vectors = QuestionVectors(HashEmbedder(256))
    raw = vectors.of(["信用卡年费怎么收", "信用卡的年费怎么收", "洗衣机一直漏水"])
    spread = vectors.space(raw).spread(raw)
    assert np.allclose(np.linalg.norm(spread, axis=1), 1, atol=1e-5)
    near = spread @ spread.T
    assert near[0, 1] > 0.5 > near[0, 2]
