"""What was said is looked up only when it may need an answer, and fragments are looked up together."""

import pytest

from callcue.core.speech import Channel, Language, Utterance
from nlu.query import FragmentJoiner, find_need
from nlu.small_talk import is_small_talk


def said(text: str, start_ms: int, end_ms: int, channel: Channel = "caller", language: Language = "zh") -> Utterance:
    return Utterance(
        call_id="c",
        channel=channel,
        segment_id=f"{channel}-{start_ms}",
        start_ms=start_ms,
        end_ms=end_ms,
        raw_text=text,
        text=text,
        language=language,
        confidence=0.9,
    )


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "嗯",
            "嗯嗯嗯",
            "好的",
            "好的好的谢谢",
            "对没错",
            "对，没错。",
            "你好，在吗？听得到吧。",
            "你好在吗听得到吧",
        ),
        *(
            "那就好，谢谢你啊。",
            "哦，知道了。",
            "嗯是这个号麻烦你了",
            "没有了谢谢再见",
            "我姓周，不好意思啊",
            "稍等一下",
        ),
        *("13602578814", "订单号是20773186", "行，你记一下，电话是13917740652。", "手机 138 0013 8000"),
    ],
)
def test_small_talk_and_read_outs_need_nothing(text: str) -> None:
    assert find_need(text, "zh") is None


@pytest.mark.parametrize(
    "text", ["Okay, thank you.", "Yeah", "Yeah that's fine", "It is 555 123 4567", "right", "bye bye"]
)
def test_english_small_talk_needs_nothing(text: str) -> None:
    assert find_need(text, "en") is None


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("你好，我想问一下发票怎么开", "发票怎么开"),
        ("对了，这种情况要我自己掏钱吗？", "这种情况要我自己掏钱吗？"),
        ("订单号20773186，想退货", "想退货"),
        ("好像坏了", "好像坏了"),
        ("对面的店几点开门", "对面的店几点开门"),
        ("退款", "退款"),
        ("花了12990块买的", "花了12990块买的"),
    ],
)
def test_a_need_is_what_is_left(text: str, query: str) -> None:
    need = find_need(text, "zh")
    assert need is not None
    assert need.text == query


def test_the_need_says_where_it_lies() -> None:
    text = "你好，发票怎么开？谢谢。"
    need = find_need(text, "zh")
    assert need is not None
    assert text[need.start : need.end] == "发票怎么开？"


def test_english_needs() -> None:
    need = find_need("Hi, good morning. Right side mirror is broken", "en")
    assert need is not None
    assert need.text == "Right side mirror is broken"


def test_close_fragments_of_one_speaker_are_joined() -> None:
    joiner = FragmentJoiner(1200)
    joiner.add(said("用了一个星期", 0, 1000))
    joined = joiner.add(said("坏了能换吗", 2000, 3000))
    assert joined.text == "用了一个星期，坏了能换吗"
    assert joined.text[joined.offset :] == "坏了能换吗"
    assert joined.query == "用了一个星期，坏了能换吗"


def test_a_longer_pause_or_the_other_speaker_begins_anew() -> None:
    joiner = FragmentJoiner(1200)
    joiner.add(said("用了一个星期", 0, 1000))
    assert joiner.add(said("怎么了", 1500, 1900, channel="agent")).query == "怎么了"
    assert joiner.add(said("坏了能换吗", 2201, 3000)).query == "坏了能换吗"


def test_a_fragment_that_brings_nothing_new_asks_nothing() -> None:
    joiner = FragmentJoiner(1200)
    joiner.add(said("发票怎么开", 0, 1000))
    joined = joiner.add(said("谢谢", 1500, 1800))
    assert joined.need is None
    assert joined.query == ""


def test_what_was_answered_is_not_asked_again() -> None:
    joiner = FragmentJoiner(1200)
    joiner.add(said("我要退货", 0, 1000))
    joiner.answered("caller")
    joined = joiner.add(said("还有发票怎么开", 1500, 2500))
    assert joined.query == "还有发票怎么开"
    assert joined.text == "我要退货，还有发票怎么开"


def test_a_long_monologue_is_looked_up_by_its_end() -> None:
    joiner = FragmentJoiner(1200)
    for i in range(50):
        joined = joiner.add(said("前面的话很长很长很长很长", 1000 * i, 1000 * i + 900))
    assert len(joined.query) < 140


@pytest.mark.parametrize("unit", ["那好", "嗯", "好的", "okay "])
def test_a_repetition_loop_does_not_stall(unit: str) -> None:
    # A rule that backtracks exponentially would not come back.
    assert not is_small_talk(unit * 14 + "x", "zh")
    find_need(unit * 2000 + "x", "zh")
    find_need(unit * 2000 + "x", "en")
