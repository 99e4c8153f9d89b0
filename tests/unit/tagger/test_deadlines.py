"""Until when: what a calendar makes of the words, and what it cannot tell."""

from datetime import datetime

import pytest

from tagger.deadlines import deadline

WEDNESDAY = datetime.fromisoformat("2026-11-25T10:00+08:00")


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("两个小时内给您回电", "2026-11-25T12:00+08:00"),
        ("半个小时后", "2026-11-25T10:30+08:00"),
        ("一个半小时左右", "2026-11-25T11:30+08:00"),
        ("明天之前给您答复", "2026-11-26"),
        ("明天下午2点之前", "2026-11-26T14:00+08:00"),
        ("3天内补寄", "2026-11-28"),
        ("一周之内回复", "2026-12-02"),
        ("三个工作日内", "2026-11-30"),
        ("3到5个工作日到账", "2026-12-02"),
        ("周五之前", "2026-11-27"),
        ("这个周六我过去", "2026-11-28"),
        ("周一来取", "2026-11-30"),
        ("下周一下午三点半", "2026-11-30T15:30+08:00"),
        ("12月3号", "2026-12-03"),
        ("1月5号", "2027-01-05"),
        ("5号之前", "2026-12-05"),
        ("下个月10号", "2026-12-10"),
        ("月底前", "2026-11-30"),
        ("下午4点前", "2026-11-25T16:00+08:00"),
        ("I'll call you within two hours", "2026-11-25T12:00+08:00"),
        ("by Friday", "2026-11-27"),
        ("next Monday", "2026-11-30"),
        ("in 3 to 5 business days", "2026-12-02"),
        ("by the end of the week", "2026-11-27"),
        ("tomorrow", "2026-11-26"),
    ],
)
def test_a_time_that_a_calendar_can_tell(words: str, value: str) -> None:
    found = deadline(words, WEDNESDAY)
    assert found is not None
    assert found.value == value


@pytest.mark.parametrize(
    "words",
    ["尽快给您回复", "稍后联系您", "上周六买的", "2天前买的", "您有3个包裹", "2月30号", "上午9点前", "soon", ""],
)
def test_what_no_calendar_can_tell_is_no_deadline(words: str) -> None:
    assert deadline(words, WEDNESDAY) is None


def test_it_says_where_the_words_stand() -> None:
    text = "师傅明天下午2点之前联系您"
    found = deadline(text, WEDNESDAY)
    assert found is not None
    assert text[found.start : found.end] == "明天下午2点之前"
