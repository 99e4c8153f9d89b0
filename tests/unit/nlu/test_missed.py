"""What a caller asked for in vain is noted once its utterance is over, and nothing else is."""

import pytest

from tests.unit.nlu.calling import Call, make

WARRANTY = make("warranty")
TABLE = {"warranty": ("保修", 0.8)}
LOW = {"warranty": ("运费", 0.3)}


def texts(call: Call) -> list[str]:
    return [need.text for need in call.assistant.missed.finish()]


async def test_a_question_below_the_threshold_is_missed_with_its_best_candidate() -> None:
    call = Call(WARRANTY, search=LOW)
    assert await call.brings("退货的运费谁出") == []
    (need,) = call.assistant.missed.finish()
    assert (need.text, need.card_id, need.why) == ("退货的运费谁出", "warranty", "low")
    assert need.score == pytest.approx(0.414, abs=0.001)  # odds of .3, raised because it is a question
    assert need.segment_id == "caller-0.0"


async def test_a_question_that_brought_a_card_is_not_missed() -> None:
    call = Call(WARRANTY, search=TABLE)
    assert await call.brings("这个保修多久啊") == ["warranty"]
    assert texts(call) == []


async def test_a_question_whose_card_is_on_the_screen_already_is_not_missed() -> None:
    call = Call(WARRANTY, search=TABLE)
    await call.brings("这个保修多久啊")
    assert await call.brings("保修到底是多久啊", at=10) == []
    assert texts(call) == []


async def test_small_talk_and_scraps_are_no_questions() -> None:
    call = Call(WARRANTY, search={"warranty": ("", 0.1)})
    for at, said in enumerate(("你好", "嗯嗯好的", "谢谢你", "13800138000", "发票")):
        await call.brings(said, at=at * 10)
    assert texts(call) == []


async def test_a_later_fragment_of_the_utterance_may_still_bring_the_card() -> None:
    call = Call(WARRANTY, make("other"), search={"warranty": ("保修", 0.8), "other": ("耳机", 0.1)})
    await call.brings("我上个月买的那个耳机", at=0)
    assert await call.brings("它的保修是多久", at=1.0) == ["warranty"]
    assert texts(call) == []


async def test_fragments_are_one_question() -> None:
    call = Call(WARRANTY, search={"warranty": ("运费", 0.2)})
    await call.brings("我想退掉这个运费", at=0)
    await call.brings("应该是谁来出运费", at=1.0)
    (text,) = texts(call)
    assert "退掉" in text
    assert "谁来出" in text


async def test_questions_of_different_utterances_are_noted_apart_and_once() -> None:
    call = Call(WARRANTY, search=LOW)
    await call.brings("退货的运费谁出", at=0)
    assert call.assistant.missed.take() == [], "the utterance may go on"
    await call.brings("那换货的运费呢谁出", at=60)
    assert [need.text for need in call.assistant.missed.take()] == ["退货的运费谁出"]
    await call.brings("好的", at=120)
    assert [need.text for need in call.assistant.missed.take()] == ["那换货的运费呢谁出"]
    assert texts(call) == []


async def test_the_agent_may_find_the_word_that_the_caller_lacked() -> None:
    call = Call(make("shipping", "退货运费"), WARRANTY, search=LOW)
    await call.brings("我退回去的话运费", at=0)
    assert await call.brings("您是问退货运费对吗", at=5, channel="agent") == ["shipping"]
    assert texts(call) == []


async def test_a_search_that_failed_is_no_gap_in_the_cards() -> None:
    call = Call(WARRANTY, search=LOW)
    call.index.broken = True
    await call.brings("退货的运费谁出")
    assert texts(call) == []


async def test_without_any_card_every_question_is_one() -> None:
    call = Call()
    await call.brings("退货的运费谁出")
    (need,) = call.assistant.missed.finish()
    assert (need.why, need.card_id, need.score) == ("nothing", None, None)
