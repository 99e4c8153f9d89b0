"""The simulated month: measuring wordings stay apart, and each ingredient can be told from the others."""

import asyncio
import random
from pathlib import Path

import pytest

from callcue.core.cards import Card
from callcue.core.errors import BadInput
from callcue.testing.embedder import HashEmbedder
from eval.cards import Query
from eval.loop import SCENARIOS, picture
from eval.loop_month import Month
from eval.loop_world import AGENTS, Callers, World, make_world

THINGS = ("信用卡", "洗衣机", "路由器", "羽绒服", "电饭煲", "自行车", "体检卡", "充电宝", "电影票", "行李箱", "鼠标垫")
ASKS = ("年费怎么收", "坏了找谁修", "在哪里可以买到")


def world() -> World:
    """33 needs with eight wordings each, alike within a need and unlike between needs."""
    cards, queries = [], []
    for thing in THINGS:
        for number, ask in enumerate(ASKS):
            name = f"{THINGS.index(thing)}-{number}"
            cards.append(Card(id=name, title=f"{thing}{ask[:2]}", body="…", questions=(f"{thing}{ask}呢",)))
            queries += [
                Query(text=text.format(thing=thing, ask=ask), card=name)
                for text in (
                    "{thing}{ask}", "请问{thing}{ask}", "{thing}它{ask}啊", "我的{thing}{ask}", "想问下{thing}{ask}吗",
                    "你们{thing}{ask}", "这个{thing}到底{ask}",
                )
            ]  # fmt: skip
    return make_world(cards, queries, most=100, seed=3)


def test_wordings_are_dealt_out_once() -> None:
    made = world()
    held = {card.id: card for card in made.first_cards}
    assert len(made.needs) == 33
    assert 0 < sum(need.missing for need in made.needs) < 33
    for need in made.needs:
        assert not set(need.said) & set(need.measured)
        assert len(need.measured) >= 2
        assert (need.card.id in held) != need.missing
        assert need.missing or held[need.card.id].questions == ()


def test_a_set_without_wordings_is_refused() -> None:
    with pytest.raises(BadInput, match="too few"):
        make_world([Card(id="k", title="t", body="b")], [], most=10, seed=1)


def test_callers_come_again_when_they_were_not_helped() -> None:
    made = world()
    callers = Callers(made, calls_a_day=200, seed=5)
    today = callers.on(0)
    for call in today:
        callers.told(call, 0, helped=False)
    later = [call for day in range(1, 6) for call in callers.on(day)]
    again = {call.caller for call in later} & {call.caller for call in today}
    assert 60 < len(again) < 140


def test_the_hostile_agent_says_the_opposite_always() -> None:
    chance = random.Random(1)
    hostile = next(agent for agent in AGENTS if agent.reliability == 0)
    assert {hostile.judge(False, chance) for _ in range(50)} == {"used"}
    assert {hostile.judge(True, chance) for _ in range(50)} == {"wrong", "dismissed"}


def test_a_month_is_the_same_every_time_and_cards_answer_what_nothing_answered(tmp_path: Path) -> None:
    made = world()

    def month(name: str, folder: str) -> list[dict[str, float]]:
        (tmp_path / folder).mkdir()
        run = Month(made, HashEmbedder(256), tmp_path / folder, SCENARIOS[name], 0.2)
        found: list[dict[str, float]] = asyncio.run(run.run(1, 25, 3, lambda: None))["weeks"]
        return found

    nothing, cards = month("nothing", "a"), month("cards", "b")
    assert month("cards", "c") == cards
    assert nothing[0]["hit_at_1"] == cards[0]["hit_at_1"]
    assert nothing[1]["hit_at_1"] == nothing[0]["hit_at_1"], "without the loop nothing changes"
    assert cards[0]["hit_at_1_missing"] == 0
    assert cards[1]["hit_at_1_missing"] > 0.1


def test_the_picture_has_a_line_for_each_scenario() -> None:
    weeks = [{"week": 0, "hit_at_1": 0.4}, {"week": 1, "hit_at_1": 0.5}]
    drawn = picture(
        {"needs": 3, "missing_at_first": 1, "scenarios": {"nothing": {"weeks": weeks}, "all": {"weeks": weeks}}}
    )
    assert drawn.startswith("<svg")
    assert drawn.count('stroke-width="2"') == 2
