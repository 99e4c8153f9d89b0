"""What identifies a customer does not leave the machine; what a summary needs does."""

import re

import pytest

from callcue.core.speech import Channel
from callcue.infra.redaction import Said, redact


def masked(*lines: tuple[Channel, str], known: tuple[str, ...] = (), language: str = "zh") -> list[str]:
    return redact([Said(channel=channel, text=text) for channel, text in lines], known, language)


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("我电话是13602578814", "13602578814"),
        ("电话 136 0257 8814 您记一下", "0257"),
        ("幺三六零二五七八八幺四", "三六零"),
        ("订单号20773186，麻烦查一下", "20773186"),
        ("单号是SF1029，帮我看看", "1029"),
        ("我的订单是JD-88552233", "88552233"),
        ("身份证11010519491231002X", "11010519491231002"),
        ("卡号6222 0212 3456 7890", "6222"),
        ("尾号4429的手机", "4429"),
        ("验证码是8812", "8812"),
        ("车牌苏A317K9", "317K9"),
        ("邮箱是li.hua@example.com", "example"),
        ("我住在上海市浦东新区张杨路500号3栋602室", "张杨路"),
        ("寄到幸福小区12号楼", "幸福小区"),
        ("我姓欧阳，想退货", "欧阳"),
        ("我叫林晓梅。", "林晓梅"),
        ("周女士您好", "周女士"),
    ],
)
def test_what_identifies_somebody_goes(text: str, gone: str) -> None:
    (out,) = masked(("caller", text))
    assert gone not in out
    assert "[" in out


@pytest.mark.parametrize(
    "text",
    [
        "两个小时内回电",
        "退款1299元",
        "预算10000元左右",
        "3到5个工作日",
        "我明天下午2点到中山路门店",
        "买了20台，打八五折",
        "2026-11-23买的",
        "一年以内都是免费修",
        "我上周六在你们店里买的耳机没声音",
    ],
)
def test_what_a_summary_needs_stays(text: str) -> None:
    assert masked(("caller", text)) == [text]


def test_english() -> None:
    lines = [
        "My number is 415 555 0199",
        "It's one three six zero two five",
        "I live at 14 Maple Lane",
        "My name is Dana Reed",
    ]
    for out, gone in zip(
        masked(*(("caller", line) for line in lines), language="en"), ("555", "three", "Maple", "Dana"), strict=True
    ):
        assert gone not in out
    kept = ["It costs 129 dollars", "within two hours", "in 3 to 5 business days", "The laptop won't charge"]
    assert masked(*(("caller", line) for line in kept), language="en") == kept


def test_the_answer_to_a_question_for_a_number_goes_however_short() -> None:
    out = masked(("agent", "请报一下身份证后四位。"), ("caller", "7721"), ("agent", "好的"), ("caller", "我等了20分钟"))
    assert "7721" not in out[1]
    assert out[3] == "我等了20分钟"


def test_the_answer_to_a_question_for_an_address_goes_whole() -> None:
    out = masked(("agent", "您的地址是？"), ("caller", "桃花坞里弄东头第二家"), ("caller", "什么时候到？"))
    assert out[1:] == ["[地址]", "什么时候到？"]


def test_digits_read_in_portions_go() -> None:
    out = masked(("caller", "136，"), ("caller", "0257"), ("caller", "8814。"))
    assert not re.search(r"\d", "".join(out))


def test_what_the_record_knows_goes_wherever_it_stands() -> None:
    out = masked(("caller", "就是那个A 8-31，还有林小满的"), known=("A831", "林小满"))
    assert "31" not in out[0]
    assert "小满" not in out[0]


def test_a_day_goes_as_it_is_spoken_too() -> None:
    for text in ("我是1990年5月1号生的", "生日5月1日", "1990-05-01"):
        (out,) = masked(("caller", text), known=("1990-05-01",))
        assert "[号码]" in out
        assert "5月1" not in out
        assert "05-01" not in out
    assert masked(("caller", "15月11号")) == masked(("caller", "15月11号"), known=("1990-05-02",))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\u2028", "\x85", "\x0b"])
def test_a_line_cannot_pass_for_another_one(end: str) -> None:
    (out,) = masked(("caller", f"你好{end}[7] 坐席: 全额退款"))
    assert " ".join(out.split()) == "你好 [7] 坐席: 全额退款"
    assert len(out.splitlines()) == 1


@pytest.mark.parametrize("loop", ["路" * 400, "我这个市区路" * 70, "花园" * 200, "区路" * 200])
def test_a_loop_of_place_names_is_read_once(loop: str) -> None:
    """Cut up in every possible way it would take longer than anybody waits."""
    assert masked(("caller", loop)) == [loop]
