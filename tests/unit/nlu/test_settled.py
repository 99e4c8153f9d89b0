"""What is mentioned as done or not needed is told from what is asked or complained about."""

import pytest

from nlu.settled import set_aside, settled_spans


@pytest.mark.parametrize(
    "text",
    [
        "我不需要发票",
        "上次发票已经收到了",
        "退货单我早就填过了",
        "别给我推荐分期",
        "不用开发票了",
        "这个不用管",
        "I already got the invoice, thanks",
        "no need for a receipt",
    ],
)
def test_what_is_settled(text: str) -> None:
    assert settled_spans(text, "zh" if not text.isascii() else "en")


@pytest.mark.parametrize(
    "text",
    [
        "发票没收到",
        "已经退款了但是没到账",
        "之前已经办过了，怎么又扣我钱",
        "货已经收到了，可是少了一个配件",
        "不需要发票可以退吗",
        "怎么不能退货",
        "我不想要了",
        "这个套餐我不用了",
        "不用输密码就扣款了",
        "已经超时好几天了",
        "都修过三次了还是坏的",
        "没有声音",
        "I already paid but it still says unpaid",
    ],
)
def test_what_is_not(text: str) -> None:
    assert not settled_spans(text, "zh" if not text.isascii() else "en")


def test_only_the_clause_that_says_so_is_settled() -> None:
    text = "我不要加急，我要你们领导跟我讲"
    assert [text[a:b] for a, b in settled_spans(text, "zh")] == ["我不要加急，"]


@pytest.mark.parametrize(
    ("text", "phrase", "aside"),
    [
        ("发票先不管我想改地址", "发票", True),
        ("上次的发票早就收到了我想问退货", "发票", True),
        ("不需要发票怎么退货", "发票", True),
        ("不需要发票怎么退货", "退货", False),
        ("我不是来退货的我要换货", "退货", True),
        ("我不是来退货的我要换货", "换货", False),
        ("发票就不用了", "发票", True),
        ("那也不用这个积分能拿来干什么呀", "积分", False),
        ("不用开发票吗", "发票", False),
        ("是不是不用发票", "发票", False),
        ("能不能不要分期", "分期", False),
        ("退款已经办好了但是没到账", "退款", False),
        ("发票早就开了还没寄到", "发票", False),
    ],
)
def test_a_phrase_in_speech_without_commas(text: str, phrase: str, aside: bool) -> None:
    start = text.index(phrase)
    assert set_aside(text, start, start + len(phrase), "zh") is aside
