"""Raw text in, written form out: and every change can be traced back."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlu.normalise import Normalised, Normaliser

DIGITS = [
    ("订单号是二零七七三一八六", "订单号是20773186"),
    ("幺三六零二五七八八幺四", "13602578814"),
    ("1360二五七八八幺四", "13602578814"),
    ("我的电话是136 0257-8814", "我的电话是13602578814"),
    ("136 0257 8814", "13602578814"),
    ("一三六，零二五七，八八幺四", "13602578814"),
    ("尾号四四二九的手机", "尾号4429的手机"),
    ("尾号 44 29", "尾号 4429"),
    ("验证码是零二幺", "验证码是021"),
    ("订单号五零九三，一千二百九十九块", "订单号5093，1299块"),
    ("订单号50933172 1299块", "订单号50933172 1299块"),
    ("一九九八年", "1998年"),
    ("１３８二五", "13825"),
    ("电话139要7740652", "电话13917740652"),
    ("你要二十台", "你要20台"),
    ("30要50块", "30要50块"),
]
NUMBERS = [
    ("一千二百九十九块", "1299块"),
    ("一万块以内吧", "10000块以内吧"),
    ("两百五", "250"),
    ("两百五十块", "250块"),
    ("一万二", "12000"),
    ("1万2", "12000"),
    ("1.5万", "15000"),
    ("1,299元", "1299元"),
    ("一百多块", "100多块"),
    ("五块八", "5块8"),
    ("一千零五十块", "1050块"),
    ("百分之五", "5%"),
    ("百分之零点五", "0.5%"),
    ("三点五折", "3.5折"),
    ("二十台", "20台"),
    ("十五天质量问题", "15天质量问题"),
    ("等十分钟", "等10分钟"),
]
DATES = [
    ("今年九月十二号在你们网上买的", "今年9月12号在你们网上买的"),
    ("上个月三号", "上个月3号"),
    ("十二号送到", "12号送到"),
    ("二零二六年十一月二十三号", "2026年11月23号"),
    ("晚上九点半打烊", "晚上9点半打烊"),
    ("下午三点", "下午3点"),
    ("十一点五十分", "11点50分"),
    ("九点零五分", "9点05分"),
]
# fmt: off
UNHARMED = (
    "一起", "一点", "四舍五入", "一下", "一直", "万一", "第一", "第三次", "三三两两", "一分都没看到",
    "二话不说", "一点声音都没有", "今晚一点声音都没有", "买了四五年", "三四百块", "一两千", "十几个", "几十块",
    "好几千", "周一三五", "十分满意", "二百五", "他是个二百五", "我们一块去", "两块电池", "一只耳机",
    "七天无理由", "两个", "三号楼", "十二号线", "10-15天", "2026-11-23", "千万别", "一心一意", "三分之一",
    "早一点", "有一点贵", "差一点", "两点建议", "百分百", "乱七八糟", "凹进去一块", "一样", "一定", "统一",
    "唯一", "3天",
)
# fmt: on


def _spoken_pairs() -> list[tuple[str, str]]:
    """The pairs of ``spoken_numbers.txt``; a line without an arrow is to stay as it is."""
    lines = Path(__file__).with_name("spoken_numbers.txt").read_text(encoding="utf-8").splitlines()
    told = [line.partition(" => ") for line in lines if line and not line.startswith("#")]
    return [(spoken, written or spoken) for spoken, _, written in told]


SPOKEN = _spoken_pairs()


def test_the_list_of_spoken_numbers_is_long_enough_and_has_no_pair_twice() -> None:
    assert sum(spoken != written for spoken, written in SPOKEN) >= 150
    assert sum(spoken == written for spoken, written in SPOKEN) >= 150
    assert len({spoken for spoken, _ in SPOKEN}) == len(SPOKEN)


@pytest.mark.parametrize("frame", ["{}", "我{}啊", "那就{}，吧"])
def test_every_spoken_number_is_written_as_people_write_it(frame: str) -> None:
    normaliser = Normaliser()
    heard = [(raw, normaliser.normalise(frame.format(raw), "zh").text) for raw, _ in SPOKEN]
    wanted = [(raw, frame.format(written)) for raw, written in SPOKEN]
    assert heard == wanted


@given(st.lists(st.sampled_from([written for _, written in SPOKEN]), max_size=6))
def test_what_is_written_already_stays_as_it_is(written: list[str]) -> None:
    text = "。".join(written)
    result = Normaliser().normalise(text, "zh")
    assert result.text == text
    assert result.spans == ()


@pytest.mark.parametrize(("raw", "written"), [*DIGITS, *NUMBERS, *DATES])
def test_spoken_numbers_are_written_in_digits(raw: str, written: str) -> None:
    assert Normaliser().normalise(raw, "zh").text == written


@pytest.mark.parametrize("raw", UNHARMED)
@pytest.mark.parametrize("frame", ["{}", "我{}啊", "那就{}吧"])
def test_what_is_no_number_stays_as_it_is(raw: str, frame: str) -> None:
    text = frame.format(raw)
    result = Normaliser().normalise(text, "zh")
    assert result.text == text
    assert result.spans == ()


def test_a_time_stays_a_time() -> None:
    assert Normaliser().normalise("十一点来的", "zh").text == "11点来的"


@pytest.mark.parametrize(
    ("raw", "written"),
    [
        ("my number is one three five double oh two", "my number is 135002"),
        ("twenty five dollars", "25 dollars"),
        ("two hundred and fifty bucks", "250 bucks"),
        ("about five percent off", "about 5% off"),
        ("one or two days", "one or two days"),
        ("two point five percent", "2.5%"),
        ("nine point nine nine dollars", "9.99 dollars"),
        ("point five percent", "point five percent"),
        ("one, two, three, go", "one, two, three, go"),
        ("oh one moment", "oh one moment"),
        ("I have one two options", "I have one two options"),
    ],
)
def test_english_read_outs_and_amounts(raw: str, written: str) -> None:
    assert Normaliser().normalise(raw, "en").text == written


def test_spans_name_the_kind_and_both_places() -> None:
    result = Normaliser().normalise("九月十二号付了一千二百块，单号六六幺二", "zh")
    assert result.text == "9月12号付了1200块，单号6612"
    assert [s.kind for s in result.spans] == ["date", "date", "number", "digits"]
    amount = result.spans[2]
    assert "九月十二号付了一千二百块，单号六六幺二"[amount.raw_start : amount.raw_end] == "一千二百"
    assert result.text[amount.start : amount.end] == "1200"


def _mapped(raw: str, result: Normalised) -> bool:
    """Whether the spans are in order, apart, and everything outside them is the same in both texts."""
    at = raw_at = 0
    for span in result.spans:
        if not (at <= span.start <= span.end and raw_at <= span.raw_start < span.raw_end):
            return False
        if result.text[at : span.start] != raw[raw_at : span.raw_start]:
            return False
        if result.text[span.start : span.end] == raw[span.raw_start : span.raw_end]:
            return False
        at, raw_at = span.end, span.raw_end
    return result.text[at:] == raw[raw_at:]


@given(
    st.text(
        alphabet="零〇一二两三四五六七八九十百千万亿幺点块元毛角月号年日第几个天分之半到折是要就周来"
        " ，-,.0123456789１２％GA我电话订单尾",
        max_size=40,
    )
)
def test_spans_map_back_whatever_is_said(raw: str) -> None:
    assert _mapped(raw, Normaliser().normalise(raw, "zh"))


ENGLISH = (
    "one",
    "two",
    "oh",
    "double",
    "triple",
    "five",
    "twenty",
    "hundred",
    "and",
    "dollars",
    "percent",
    "I",
    "3",
    "-",
)


@given(st.lists(st.sampled_from(ENGLISH)))
def test_english_spans_map_back(words: list[str]) -> None:
    raw = " ".join(words)
    assert _mapped(raw, Normaliser().normalise(raw, "en"))


@given(st.text(max_size=60))
def test_any_text_is_survived(raw: str) -> None:
    for language in ("zh", "en"):
        assert _mapped(raw, Normaliser().normalise(raw, language))


@pytest.mark.parametrize(
    "unit",
    ["一", "9", "一千", "一，", "1 ", "百分之", "三点", "十", "三到", "A一", "要1", "三块", "四分之", "是", "A "],
)
def test_a_repetition_loop_does_not_stall(unit: str) -> None:
    # A rule that backtracks exponentially would not come back.
    assert Normaliser().normalise(unit * 2000, "zh").text


@pytest.mark.parametrize(
    "raw",
    [
        "我就要是吧",
        "13602是57就",
        "136025788是吧",
        "我有二十四是不是一五八零",
        "一三八山散伞二三四五六七八",
        "是138零零一三八零零零",
    ],
)
def test_homophones_are_no_digits_unless_a_number_needs_them(raw: str) -> None:
    text = Normaliser().normalise(raw, "zh").text
    assert [c for c in text if c in "是就吧山散伞要"] == [c for c in raw if c in "是就吧山散伞要"]


def test_a_repaired_number_keeps_its_raw_text() -> None:
    raw = "电话136025788是4对吗"
    (span,) = Normaliser().normalise(raw, "zh").spans
    assert raw[span.raw_start : span.raw_end] == "136025788是4"
    assert span.kind == "digits"
