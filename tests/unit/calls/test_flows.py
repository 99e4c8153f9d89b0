"""Flows of real calls over a real database: they follow, wait, come back, and people have the last word."""

import struct
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from callcue.calls.flows import FlowFollower, FlowKeeper, StepAction, StepRequest
from callcue.core.cards import Card, Step
from callcue.core.clock import SystemClock
from callcue.core.errors import BadInput, Conflict, NotFound
from callcue.core.events import FlowUpdated
from callcue.core.ids import KB_STREAM
from callcue.core.ports import TextRole, Vectors
from callcue.core.speech import Channel, Utterance
from callcue.infra.cards import CardStore
from tests.unit.api.edge import push
from tests.unit.calls.conftest import Store, started
from tests.unit.calls.pipeline import Pipeline, request

STEPS = (
    Step(id="s1", text="灯亮吗？", next={"亮": "s2", "不亮": "s3"}),
    Step(id="s2", text="两边都响了吗？", next={"响了": "end", "没响": "s3"}),
    Step(id="s3", text="约门店检测。"),
)
EARBUD = Card(id="earbud", title="耳机", body="", kind="flow", steps=STEPS)
LAPTOP = Card(
    id="laptop", title="电脑", body="", kind="flow", steps=(Step(id="a", text="黑屏吗？", next={"是": "end"}),)
)


class Talk:
    """A call in which somebody says something every second."""

    def __init__(self, keeper: FlowKeeper, store: Store) -> None:
        self.keeper = keeper
        self.store = store
        self.follower: FlowFollower = keeper.follow("c1", ("caller", "agent"))
        self.now_ms = 0

    async def show(self, card: Card) -> None:
        await self.store.log.append(push("c1", card))
        await self.follower.pushed(card, self.now_ms)

    async def says(self, channel: Channel, text: str) -> None:
        start = self.now_ms + 100
        self.now_ms += 1000
        utterance = Utterance(
            call_id="c1",
            channel=channel,
            segment_id=f"{channel}-{start}",
            start_ms=start,
            end_ms=self.now_ms,
            raw_text=text,
            text=text,
            language="zh",
            confidence=0.9,
        )
        await self.follower.heard(utterance, self.now_ms)

    async def does(
        self, action: StepAction = "answer", answer: str = "", *, step: str | None = None, card: str = "earbud"
    ) -> FlowUpdated:
        wish = StepRequest(call_id="c1", card_id=card, action=action, by="li", step=step, answer=answer)
        return await self.keeper.step(wish, self.now_ms)

    async def at(self, card: str = "earbud") -> str:
        return (await self.keeper.flows("c1")).runs[card].current

    async def moves(self) -> list[FlowUpdated]:
        return [e for e in await self.store.log.read_type("c1", "FlowUpdated") if isinstance(e, FlowUpdated)]


@pytest.fixture
async def talk(store: Store) -> Talk:
    cards = CardStore(store.database)
    await cards.save([EARBUD, LAPTOP], by="eve")
    await store.log.append(started("c1"))
    return Talk(FlowKeeper(log=store.log, cards=cards, clock=SystemClock()), store)


async def test_the_customers_words_lead_through_and_each_move_says_why(talk: Talk) -> None:
    await talk.show(EARBUD)
    await talk.says("agent", "您看一下灯亮吗")
    await talk.says("caller", "我看看啊，亮的")
    assert await talk.at() == "s2"
    await talk.says("agent", "那重新配对一下，两边都响了吗")
    await talk.says("caller", "没响")
    assert await talk.at() == "s3"
    _, first, _ = await talk.moves()
    assert (first.source, first.by, first.step, first.answer, first.to) == ("speech", "caller", "s1", "亮", "s2")
    assert first.evidence is not None
    assert (first.evidence.heard, first.evidence.start, first.evidence.end) == ("亮", 5, 6)


async def test_small_talk_and_the_agents_words_move_nothing(talk: Talk) -> None:
    await talk.show(EARBUD)
    await talk.says("agent", "灯不亮的话我们再看，灯亮吗")
    for text in ("嗯", "好的好的", "我看一下", "你们几点下班啊", "亮不亮怎么看"):
        await talk.says("caller", text)
    await talk.says("agent", "不亮")
    assert await talk.at() == "s1"
    assert [move.action for move in await talk.moves()] == ["started"]


async def test_what_a_step_was_not_asked_for_is_only_suggested(talk: Talk) -> None:
    await talk.show(EARBUD)
    await talk.says("caller", "不亮了都")
    await talk.says("caller", "不亮了都")
    started_, suggested = await talk.moves()
    assert (started_.action, suggested.action, suggested.answer, suggested.to) == ("started", "suggested", "不亮", "s3")
    assert await talk.at() == "s1"


async def test_an_agent_undoes_a_wrong_move_and_speech_does_not_repeat_it(talk: Talk) -> None:
    await talk.show(EARBUD)
    await talk.says("agent", "灯亮吗")
    await talk.says("caller", "不亮")
    assert await talk.at() == "s3"
    await talk.does("back")
    await talk.says("agent", "那个灯亮吗")
    await talk.says("caller", "不亮啊")
    assert await talk.at() == "s1"
    assert (await talk.moves())[-1].action == "suggested"
    await talk.does(answer="亮")
    assert await talk.at() == "s2"


async def test_an_agents_answer_overrules_what_was_heard_meanwhile(talk: Talk) -> None:
    """The desk still showed s1 when the button was pressed."""
    await talk.show(EARBUD)
    await talk.says("agent", "灯亮吗")
    await talk.says("caller", "不亮")
    written = await talk.does(answer="亮", step="s1")
    assert (written.source, written.by, written.to) == ("person", "li", "s2")
    run = (await talk.keeper.flows("c1")).runs["earbud"]
    assert [(taken.answer, taken.by) for taken in run.path] == [("亮", "li")]


async def test_a_flow_waits_while_another_one_goes_on_and_is_taken_up_again(talk: Talk) -> None:
    await talk.show(EARBUD)
    await talk.does(answer="亮")
    await talk.show(LAPTOP)
    await talk.says("agent", "黑屏吗")
    await talk.says("caller", "没响，是的")
    assert (await talk.at(), await talk.at("laptop")) == ("s2", "end")
    await talk.says("agent", "那耳机呢，两边都响了吗")
    await talk.says("caller", "响了")
    assert await talk.at() == "end"


async def test_taking_a_flow_up_makes_it_listen(talk: Talk) -> None:
    await talk.show(EARBUD)
    await talk.show(LAPTOP)
    await talk.does("take_up")
    await talk.says("agent", "灯亮吗")
    await talk.says("caller", "亮了")
    assert (await talk.at(), await talk.at("laptop")) == ("s2", "a")


async def test_a_card_that_comes_again_goes_on_where_it_was(talk: Talk) -> None:
    await talk.show(EARBUD)
    await talk.does(answer="亮")
    await talk.show(EARBUD)
    assert await talk.at() == "s2"
    await talk.show(LAPTOP)
    await talk.show(EARBUD)
    assert (await talk.moves())[-1].action == "resumed"
    assert await talk.at() == "s2"


async def test_the_state_is_the_fold_of_the_log(talk: Talk, store: Store) -> None:
    """A service that starts anew knows every step, and the agent goes on, also after the call's end."""
    await talk.show(EARBUD)
    await talk.says("agent", "灯亮吗")
    await talk.says("caller", "亮了")
    before = (await talk.keeper.flows("c1")).runs
    anew = FlowKeeper(log=store.log, cards=CardStore(store.database), clock=SystemClock())
    assert (await anew.flows("c1")).runs == before
    await anew.step(StepRequest(call_id="c1", card_id="earbud", action="answer", by="li", answer="没响"))
    await anew.step(StepRequest(call_id="c1", card_id="earbud", action="answer", by="li"))
    assert (await anew.flows("c1")).runs["earbud"].over


async def test_a_flow_keeps_the_version_that_it_began_with(talk: Talk, store: Store) -> None:
    await talk.show(EARBUD)
    changed = Card(id="earbud", title="耳机", body="", kind="flow", steps=(Step(id="x", text="换新。"),))
    await CardStore(store.database).save([changed], by="eve")
    await talk.does(answer="亮")
    assert await talk.at() == "s2"


async def test_a_push_whose_beginning_was_lost_begins_with_the_first_step(talk: Talk) -> None:
    await talk.store.log.append(push("c1", EARBUD))
    await talk.does(answer="不亮")
    assert await talk.at() == "s3"


async def test_what_cannot_be_is_refused(talk: Talk) -> None:
    with pytest.raises(NotFound, match="was not shown"):
        await talk.does(answer="亮")
    await talk.show(EARBUD)
    with pytest.raises(BadInput, match="no answer"):
        await talk.does(answer="蓝")
    with pytest.raises(Conflict, match="first step"):
        await talk.does("back")
    await talk.does(answer="亮")
    await talk.does(answer="响了")
    with pytest.raises(Conflict, match="over"):
        await talk.does("take_up")
    await talk.does("back", step="s1")
    assert await talk.at() == "s1"


async def test_a_card_without_steps_is_no_flow(talk: Talk, store: Store) -> None:
    plain = Card(id="plain", title="发票", body="…")
    await CardStore(store.database).save([plain], by="eve")
    await talk.show(plain)
    assert await talk.moves() == []
    with pytest.raises(BadInput, match="is no flow"):
        await talk.does(card="plain")


class Meanings:
    """Knows that a gash is a crack."""

    name = "meanings"
    dims = 2

    def embed(self, texts: Sequence[str], *, role: TextRole) -> Vectors:
        rows = [(1.0, 0.0) if "口子" in text or "裂" in text else (0.0, 1.0) for text in texts]
        return Vectors(
            data=struct.pack(f"<{2 * len(rows)}f", *(x for row in rows for x in row)), rows=len(rows), dims=2
        )


async def test_nearness_in_meaning_is_only_suggested(store: Store) -> None:
    cards = CardStore(store.database)
    steps = (Step(id="s1", text="怎么了？", next={"屏幕裂开了一道缝": "end", "键盘进水按不动": "end"}),)
    card = Card(id="screen", title="屏幕", body="", kind="flow", steps=steps)
    await cards.save([card], by="eve")
    await store.log.append(started("c1"))
    talk = Talk(FlowKeeper(log=store.log, cards=cards, clock=SystemClock(), embedder=Meanings()), store)
    await talk.show(card)
    await talk.says("agent", "怎么了")
    await talk.says("caller", "上面好长一条口子")
    last = (await talk.moves())[-1]
    assert (last.action, last.answer) == ("suggested", "屏幕裂开了一道缝")
    assert last.evidence is not None
    assert last.evidence.clue == "meaning"


@pytest.fixture
async def pipeline(store: Store, tmp_path: Path) -> AsyncIterator[Pipeline]:
    made = Pipeline(store, tmp_path)
    await made.start()
    yield made
    await made.close()


async def test_a_call_that_has_ended_is_forgotten_and_its_flows_are_kept(pipeline: Pipeline) -> None:
    await pipeline.knowledge.save([EARBUD], by="eve")
    link = await pipeline.manager.start(request("c1"))
    await pipeline.manager.show_card(call_id="c1", card_id="earbud", by="li")
    step = StepRequest(call_id="c1", card_id="earbud", action="answer", by="li", answer="亮")
    await pipeline.manager.flow_step(step)
    await link.hangup()
    flows = await pipeline.manager.flows.flows("c1")
    assert flows.runs["earbud"].current == "s2"
    assert not pipeline.manager.flows._live
    await pipeline.manager.flow_step(StepRequest(call_id="c1", card_id="earbud", action="back", by="li"))
    assert (await pipeline.manager.flows.flows("c1")).runs["earbud"].current == "s1"
    assert KB_STREAM not in pipeline.manager.flows._live
