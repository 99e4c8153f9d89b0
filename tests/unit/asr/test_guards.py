"""What may be believed."""

import pytest

from asr.guards import english_phrase, has_loop, is_boilerplate, judge, stutters, worth_a_second_try


@pytest.mark.parametrize(
    "text",
    [
        "谢谢" * 10,
        "我知道了" * 6,
        "你好，" * 12,
        "the the the the the the the the the the the the",
        "我想问一下" + "这个是这个是" * 8,
        "哈" * 30,
        "I'm sorry. I'm sorry. I'm sorry. I'm sorry. I'm sorry. I'm sorry.",
    ],
)
def test_loops_are_found(text: str) -> None:
    assert has_loop(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "对对对对对",
        "喂喂喂，听得到吗",
        "好的好的好的，谢谢谢谢",
        "我的号码是八八八八八八八八",
        "13888888888",
        "订单号是2024 2024 2024",
        "no no no no, that is not what I said",
        "没有没有没有，我没有收到",
        "我想退货，因为耳机左边没有声音，买了才一个星期，你们能不能帮我看一下怎么处理",
    ],
)
def test_what_people_say_is_no_loop(text: str) -> None:
    assert not has_loop(text)


@pytest.mark.parametrize(
    "text",
    [
        "字幕由Amara.org社区提供",
        "请不吝点赞 订阅 转发 打赏支持明镜与点点栏目",
        "谢谢观看",
        "感谢大家的收看，下期",
        "Thanks for watching!",
        "Thank you so much for watching.",
        "Please subscribe to my channel",
        "作曲 李宗盛",
    ],
)
def test_credits_are_no_speech_when_doubtful(text: str) -> None:
    assert is_boilerplate(text, -0.7)


@pytest.mark.parametrize(
    "text",
    [
        "谢谢",
        "字幕怎么打开",
        "我想取消订阅",
        "谢谢观看说明书以后我还是不会用",
        "Thank you",
        "I was watching the delivery status",
        "How do I unsubscribe from the newsletter",
        "好的再见",
    ],
)
def test_like_credits_but_said(text: str) -> None:
    assert not is_boilerplate(text, -0.7)


def test_a_sure_farewell_may_have_been_said() -> None:
    assert not is_boilerplate("谢谢观看", -0.1)


@pytest.mark.parametrize(
    ("text", "speech_ms", "avg_logprob", "no_speech_prob", "reason"),
    [
        ("我要退货", 1200, -0.4, 0.1, None),
        ("", 1200, -0.4, 0.1, "no_speech"),
        ("...", 1200, -0.4, 0.1, "no_speech"),
        ("我要退货", 1200, -1.2, 0.8, "no_speech"),
        ("我要退货", 1200, -0.4, 0.8, None),
        ("我要退货", 1200, -2.0, 0.1, "low_confidence"),
        ("我要退货因为耳机没有声音而且充不进电还有杂音", 500, -0.4, 0.1, "too_long"),
        ("谢谢" * 10, 9000, -0.1, 0.1, "repetition"),
        ("字幕由Amara.org社区提供", 4000, -0.1, 0.1, "boilerplate"),
    ],
)
def test_verdicts(text: str, speech_ms: int, avg_logprob: float, no_speech_prob: float, reason: str | None) -> None:
    verdict = judge(text, speech_ms=speech_ms, language="zh", avg_logprob=avg_logprob, no_speech_prob=no_speech_prob)
    assert verdict == reason


def test_repetition_that_people_share_with_decoders_is_tried_again_but_not_rejected() -> None:
    assert stutters("您好 您好 您好 您好 您好")
    assert worth_a_second_try(None, "您好 您好 您好 您好 您好")
    for text in ("没有没有没有", "八八八八八八八八", "1380 1380 1380 1380", "对对对对对", "好的，谢谢您"):
        assert not worth_a_second_try(None, text)
    assert not worth_a_second_try("no_speech", "")


MIXED = [
    ("帮我查一下 iPhone 15 Pro Max 的保修", 3000),
    ("我的 order number 是 A B 一二三", 2500),
    ("请问你们的 customer service department 电话是多少", 2800),
    ("这个 international warranty registration 怎么弄", 2300),
    ("我买了 AirPods Pro，连不上 Bluetooth", 2600),
    ("那个 VIP 的 promotion code 是 S S S 九九九", 3200),
]


@pytest.mark.parametrize(("text", "speech_ms"), MIXED)
def test_english_words_in_mandarin_are_believed(text: str, speech_ms: int) -> None:
    verdict = judge(text, speech_ms=speech_ms, language="zh", avg_logprob=-0.5, no_speech_prob=0.1)
    assert verdict is None
    assert not worth_a_second_try(verdict, text)


@pytest.mark.parametrize(("text", "_speech_ms"), MIXED)
def test_mixed_text_that_cannot_fit_its_time_is_still_too_long(text: str, _speech_ms: int) -> None:
    verdict = judge(text * 2, speech_ms=700, language="zh", avg_logprob=-0.5, no_speech_prob=0.1)
    assert verdict == "too_long"


@pytest.mark.parametrize("text", ["What are the干干净净的没有东西", "好的 I don't know 谢谢", "这个 to the, 对"])
def test_english_sentences_within_chinese_are_noticed(text: str) -> None:
    assert english_phrase(text)


@pytest.mark.parametrize(
    "text", ["我的Office Home打不开", "iPhone Pro Max多少钱", "OK OK，我用VPN的", "", "你好", "the"]
)
def test_english_names_within_chinese_are_kept(text: str) -> None:
    assert not english_phrase(text)
