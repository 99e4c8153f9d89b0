"""A flow's state is the fold over its events, and the customer's words move only what they may."""

from dataclasses import replace

import pytest

from callcue.core.cards import Step
from callcue.core.errors import BadInput, Conflict
from callcue.core.events import FlowUpdated
from callcue.core.flows import FlowAction
from callcue.core.speech import Channel, Utterance
from nlu.answers import SURE
from nlu.flow_follow import DOING_MS, Listener
from nlu.flow_state import CallFlows, FlowRun, back_to, target

STEPS = (
    Step(id="s1", text="灯亮吗？", next={"亮": "s2", "不亮": "s3"}),
    Step(id="s2", text="两边都响了吗？", next={"响了": "end", "没响": "s3"}),
    Step(id="s3", text="约门店检测。"),
)


def moved(seq: int, action: FlowAction, step: str, to: str, *, answer: str = "", card: str = "a") -> FlowUpdated:
    return FlowUpdated(
        call_id="c1",
        seq=seq,
        at_ms=0,
        card_id=card,
        card_version=3,
        action=action,
        step=step,
        answer=answer,
        to=to,
        source="speech",
        by="caller",
        confidence=0.9,
    )


def folded(*events: FlowUpdated) -> CallFlows:
    flows = CallFlows()
    for event in events:
        flows.apply(event)
    return flows


START = moved(1, "started", "s1", "s1")
LIT = moved(2, "answered", "s1", "s2", answer="亮")


def test_answers_lead_on_and_back() -> None:
    run = folded(START, LIT).runs["a"]
    assert (run.current, [taken.answer for taken in run.path], run.card_version) == ("s2", ["亮"], 3)
    back = folded(START, LIT, moved(3, "went_back", "s2", "s1")).runs["a"]
    assert (back.current, back.path, back.held) == ("s1", (), True)
    on = folded(START, LIT, moved(3, "went_back", "s2", "s1"), moved(4, "answered", "s1", "s3", answer="不亮")).runs[
        "a"
    ]
    assert (on.current, on.held, [taken.answer for taken in on.path]) == ("s3", False, ["不亮"])


def test_an_earlier_step_answered_anew_drops_what_came_after_it() -> None:
    twice = folded(
        START, LIT, moved(3, "answered", "s2", "s3", answer="没响"), moved(4, "answered", "s1", "s3", answer="不亮")
    )
    assert [(taken.step, taken.answer) for taken in twice.runs["a"].path] == [("s1", "不亮")]


def test_a_suggestion_moves_nothing_and_goes_with_the_step() -> None:
    flows = folded(START, moved(2, "suggested", "s1", "s3", answer="不亮"))
    run = flows.runs["a"]
    assert (run.current, run.path) == ("s1", ())
    assert run.proposed is not None
    assert run.proposed.answer == "不亮"
    flows.apply(replace(LIT, seq=3))
    assert flows.runs["a"].proposed is None
    flows.apply(moved(4, "suggested", "s1", "s3", answer="不亮"))
    assert flows.runs["a"].proposed is None, "what came too late for its step says nothing of the next"


def test_the_flow_touched_last_listens_and_an_interrupted_one_takes_over_when_it_ends() -> None:
    flows = folded(START, LIT, moved(3, "started", "s1", "s1", card="b"))
    assert flows.active is flows.runs["b"]
    flows.apply(moved(4, "answered", "s1", "end", answer="亮", card="b"))
    assert flows.active is flows.runs["a"]
    flows.apply(moved(5, "answered", "s2", "end", answer="响了"))
    assert flows.active is None


def test_where_an_answer_leads() -> None:
    run = folded(START, LIT).runs["a"]
    assert target(run, STEPS, "s2", "没响") == "s3"
    assert target(run, STEPS, "s1", "不亮") == "s3"
    with pytest.raises(Conflict, match="has not come to 's3'"):
        target(run, STEPS, "s3", "")
    with pytest.raises(BadInput, match="it has '响了', '没响'"):
        target(run, STEPS, "s2", "亮")
    with pytest.raises(BadInput):
        target(run, STEPS, "s2", "")
    last = replace(run, current="s3")
    assert target(last, STEPS, "s3", "") == "end"
    with pytest.raises(BadInput, match="tick it off"):
        target(last, STEPS, "s3", "亮")


def test_the_way_back() -> None:
    run = folded(START, LIT, moved(3, "answered", "s2", "s3", answer="没响")).runs["a"]
    assert back_to(run, None) == "s2"
    assert back_to(run, "s1") == "s1"
    with pytest.raises(Conflict, match="'s3' has not been answered"):
        back_to(run, "s3")
    with pytest.raises(Conflict, match="first step"):
        back_to(folded(START).runs["a"], None)


def said(text: str, start_ms: int, channel: Channel = "caller") -> Utterance:
    return Utterance(
        call_id="c1",
        channel=channel,
        segment_id=f"{channel}-{start_ms}",
        start_ms=start_ms,
        end_ms=start_ms + 900,
        raw_text=text,
        text=text,
        language="zh",
        confidence=0.9,
    )


RUN = FlowRun(card_id="a", card_version=3, current="s1", since_ms=5_000, touched=1)


def sure(listener: Listener, utterance: Utterance, run: FlowRun = RUN) -> bool:
    match = listener.caller(utterance, run, STEPS[0]).match
    return match is not None and match.confidence >= SURE


def test_words_move_a_flow_only_after_the_agent_has_spoken() -> None:
    listener = Listener(("caller", "agent"))
    assert not sure(listener, said("灯不亮", 4_000)), "the words that brought the card"
    assert not sure(listener, said("不亮", 6_000)), "nobody has asked"
    listener.agent(said("灯亮吗", 7_000, "agent"))
    assert sure(listener, said("不亮", 8_000))


def test_what_began_before_the_step_belongs_to_the_one_before() -> None:
    listener = Listener(("caller", "agent"))
    listener.agent(said("灯亮吗", 4_500, "agent"))
    assert not sure(listener, said("不亮", 4_000))


def test_a_step_that_somebody_went_back_to_only_takes_suggestions() -> None:
    listener = Listener(("caller", "agent"))
    listener.agent(said("灯亮吗", 7_000, "agent"))
    match = listener.caller(said("不亮", 8_000), replace(RUN, held=True), STEPS[0]).match
    assert match is not None
    assert (match.answer, match.confidence < SURE) == ("不亮", True)


def test_a_late_event_does_not_hide_the_question_that_followed_the_answer() -> None:
    listener = Listener(("caller", "agent"))
    listener.moved("a", 7, 5_000)
    listener.agent(said("灯亮吗", 6_000, "agent"))
    late = replace(RUN, touched=7, since_ms=9_500)
    assert sure(listener, said("不亮", 8_000), late)
    assert not sure(listener, said("不亮", 8_000), replace(late, touched=8))


def test_without_the_agents_channel_time_must_pass() -> None:
    listener = Listener(("caller",))
    assert not sure(listener, said("不亮", 5_000 + DOING_MS - 1))
    assert sure(listener, said("不亮", 5_000 + DOING_MS))
