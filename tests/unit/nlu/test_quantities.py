"""Amounts that answers allow and customers name."""

from math import inf

import pytest

from nlu.quantities import fits, quantities, range_of


@pytest.mark.parametrize(
    ("text", "measure", "low", "high"),
    [
        ("都5天了", "day", 5, 5),
        ("两周了", "day", 14, 14),
        ("半个月", "day", 15, 15),
        ("1个半月", "day", 45, 45),
        ("昨天", "day", 1, 1),
        ("two weeks", "day", 14, 14),
        ("a couple of hours", "minute", 120, 120),
        ("三个工作日", "workday", 3, 3),
        ("花了200块", "money", 200, 200),
    ],
)
def test_a_quantity_is_read(text: str, measure: str, low: float, high: float) -> None:
    (found,) = quantities(text)
    assert (found.measure, found.low, found.high) == (measure, low, high)


def test_what_is_no_quantity() -> None:
    assert quantities("订单号 2077 3186") == []
    assert range_of("亮") is None
    assert range_of("3 天到 5 天") is None


@pytest.mark.parametrize(
    ("answer", "said", "verdict"),
    [
        ("3 天以内", "3天", True),
        ("3 天以内", "4天", False),
        ("超过 3 天", "3天", False),
        ("超过 3 天", "3天多", True),
        ("超过 3 个工作日", "8天", True),
        ("超过 3 个工作日", "5天", None),  # a weekend may lie between
        ("3 个工作日内", "2天", True),
        ("within 3 days", "yesterday", True),
        ("more than 2 weeks", "a month", True),
        ("超过 3 天", "5块", None),
    ],
)
def test_what_was_named_is_held_against_the_answer(answer: str, said: str, verdict: bool | None) -> None:
    wanted = range_of(answer)
    assert wanted is not None
    (found,) = quantities(said)
    assert fits(found, wanted, above=wanted.high == inf) is verdict
