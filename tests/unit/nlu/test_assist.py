"""A call's assistant: the right card with its reason, and silence otherwise."""

import pytest

from tests.unit.nlu.calling import Call, make


async def test_a_trigger_brings_its_card_and_says_why() -> None:
    call = Call(make("invoice", "发票"))
    (push,) = await call.says("你好，我的发票呢？")
    assert (push.card.id, push.rank, push.score) == ("invoice", 1, 1.0)
    reason = push.reason
    assert (reason.kind, reason.match, reason.matched) == ("trigger", "exact", "发票")
    assert (reason.segment_id, reason.channel) == ("caller-0.0", "caller")
    assert "你好，我的发票呢？"[reason.start : reason.end] == "发票"


async def test_a_homophone_scores_a_little_lower() -> None:
    call = Call(make("reissue", "重开发票"))
    (push,) = await call.says("要虫开发票")
    assert 0.5 < push.score < 1.0
    assert push.reason.match == "pinyin"


async def test_a_search_result_brings_its_card_and_says_why() -> None:
    call = Call(make("track"), search={"track": ("包裹", 0.8)})
    (push,) = await call.says("你好，我的包裹到哪了")
    assert (push.card.id, push.score) == ("track", 0.8)
    assert (push.reason.kind, push.reason.match, push.reason.matched) == ("search", "semantic", "标题track")
    assert push.reason.query == "我的包裹到哪了"


async def test_below_the_threshold_there_is_silence() -> None:
    search = {"track": ("包裹", 0.49)}
    assert await Call(make("track"), search=search).brings("我的包裹到哪了") == []
    assert await Call(make("track"), search=search, threshold=0.4).brings("我的包裹到哪了") == ["track"]


@pytest.mark.parametrize("text", ["你好在吗", "好的谢谢", "13602578814", "嗯，对，没错"])
async def test_small_talk_is_not_even_looked_up(text: str) -> None:
    call = Call(make("any"), search={"any": ("", 0.99)})
    assert await call.brings(text) == []
    assert call.index.queries == []


async def test_a_doubtful_homophone_needs_the_search_to_agree() -> None:
    points = make("points", "积分")
    assert await Call(points).brings("还要等几分钟") == []
    assert await Call(points, search={"points": ("几分", 0.4)}).brings("几分怎么换东西") == ["points"]


async def test_two_syllables_only_heard_are_looked_up_as_the_card_writes_them() -> None:
    box = make("box", "箱子")
    assert await Call(box).brings("像自那个人说的一样") == []
    call = Call(box, search={"box": ("箱子破", 0.3)})
    assert await call.brings("像自破了怎么办") == ["box"]
    assert call.index.queries == ["箱子破了怎么办"]


async def test_a_question_wrapped_in_a_story_counts_by_its_clause() -> None:
    call = Call(make("hours"), search={"hours": ("几点关门", 0.6)})
    (push,) = await call.says("这个周六带她过去，你们几点关门")
    assert push.score == pytest.approx(0.712, abs=0.001)  # odds of .6, raised because it is a question
    assert call.index.queries[:3] == ["这个周六带她过去，你们几点关门", "这个周六带她过去", "你们几点关门"]
    half = Call(make("gift"), search={"gift": ("没有东西", 0.6)})
    half.index.only_alone = True
    assert await half.brings("擦得干干净净，没有东西") == []


async def test_a_word_in_passing_does_not_outrank_what_is_meant() -> None:
    search = {"address": ("地址", 0.35), "invoice": ("地址", 0.02)}
    call = Call(make("invoice", "发票"), make("address"), search=search, threshold=0.3)
    assert await call.brings("发票的事我想改地址") == ["invoice", "address"]
    sure = search | {"address": ("地址", 0.9)}
    call = Call(make("invoice", "发票"), make("address"), search=sure, threshold=0.3)
    assert await call.brings("发票的事我想改地址") == ["address"]


async def test_a_telling_phrase_stands_whatever_else_is_meant() -> None:
    search = {"address": ("地址", 0.9)}
    call = Call(make("invoice", "重开发票"), make("address"), search=search)
    assert await call.brings("要重开发票还要改地址") == ["address", "invoice"]


async def test_what_is_named_and_meant_comes_first() -> None:
    cards = make("invoice", "发票"), make("address")
    call = Call(*cards, search={"address": ("发票", 0.7), "invoice": ("发票", 0.6)})
    assert await call.brings("发票寄到哪里") == ["invoice", "address"]


async def test_priority_decides_between_equals() -> None:
    cards = make("a", "退货"), make("b", "退货", priority=80)
    assert await Call(*cards).brings("要退货") == ["b", "a"]


async def test_negative_phrases_silence_triggers_and_search() -> None:
    card = make("invoice", "发票", negative=("不需要发票",))
    call = Call(card, search={"invoice": ("", 0.9)})
    assert await call.brings("我不需要发飘") == []
    assert await call.brings("我要发票", at=10) == ["invoice"]


async def test_a_negation_in_the_fragment_before_counts() -> None:
    card = make("invoice", "开发票", negative=("不需要",))
    assert await Call(card).brings("开发票", at=10) == ["invoice"]
    call = Call(card)
    await call.says("我不需要", at=0)
    assert await call.brings("开发票", at=1) == []


async def test_fragments_are_looked_up_together() -> None:
    call = Call(make("exchange"), search={"exchange": ("坏了", 0.8)})
    assert await call.brings("用了一个星期", at=0) == []
    (push,) = await call.says("坏了能换吗", at=1.2)
    assert push.reason.query == "用了一个星期，坏了能换吗"
    assert (push.reason.segment_id, push.reason.start, push.reason.end) == ("caller-1.2", 0, 5)


async def test_a_phrase_across_two_fragments_is_found_with_evidence_in_the_second() -> None:
    call = Call(make("store", "门店检测"))
    await call.says("我想去门店", at=0)
    (push,) = await call.says("检测一下", at=1)
    assert (push.reason.start, push.reason.end) == (0, 2)


async def test_the_agent_fires_triggers_but_asks_nothing() -> None:
    cards = make("store", "带到门店", speaker="agent"), make("hours")
    call = Call(*cards, search={"hours": ("门店", 0.9)})
    assert await call.brings("请您带到门店看看", channel="agent") == ["store"]
    assert await call.brings("门店十点开门", at=10, channel="agent") == []
    assert await call.brings("门店几点开门", at=20) == ["hours"]


async def test_triggers_work_when_the_search_fails() -> None:
    call = Call(make("invoice", "发票"))
    call.index.broken = True
    assert await call.brings("我要发票") == ["invoice"]


async def test_a_decision_names_what_was_held_back_and_why() -> None:
    cards = make("best"), make("low"), make("neg", negative=("不退货",)), make("draft", status="draft")
    search = {"best": ("坏", 0.9), "low": ("坏", 0.1), "neg": ("坏", 0.8), "draft": ("坏", 0.7)}
    call = Call(*cards, search=search)
    decision = await call.decide("机器坏了，不退货")
    verdicts = {j.candidate.card.id: j.verdict for j in decision.judged}
    assert verdicts == {
        "best": "pushed",
        "neg": "negative phrase",
        "draft": "not for this call",
        "low": "below the threshold",
    }
    again = await call.decide("机器坏了", at=10)
    assert again.judged[0].verdict == "shown often enough"
