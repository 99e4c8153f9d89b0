"""Digit strings are compared by what was said, not by how it was written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcue.core.speech import Language
from eval.digits import digit_figures, score_digits


@pytest.mark.parametrize(
    ("reference", "transcript", "language", "wanted", "heard"),
    [
        ("订单号是二零七七三一八六。", "订单号是20773186", "zh", "20773186", "20773186"),
        ("幺三六零二五七八八幺四", "13602518814", "zh", "13602578814", "13602518814"),
        ("幺三六，零二五七，八八幺四", "136 0257 8814", "zh", "13602578814", "13602578814"),
        ("尾号四四二九的", "尾号44291的", "zh", "4429", "44291"),
        ("尾号四四二九的", "尾号44二酒的", "zh", "4429", "442"),
        ("尾号四四二九的", "尾号的", "zh", "4429", ""),
        ("尾号四四二九", "", "zh", "4429", ""),
        ("my code is four four two nine", "my code is 44 29", "en", "4429", "4429"),
        ("call five five five oh one", "call 555 O1", "en", "55501", "5551"),
    ],
)
def test_what_was_heard_of_a_string(
    reference: str, transcript: str, language: Language, wanted: str, heard: str
) -> None:
    score = score_digits(reference, transcript, language)
    assert score.wanted == (wanted,)
    assert score.heard == (heard,)
    assert score.invented == 0


def test_two_strings_are_told_apart_even_where_the_transcript_runs_them_together() -> None:
    score = score_digits("单号五零九三，一千二百九十九块", "单号50931299块", "zh")
    assert score.wanted == ("5093", "1299")
    assert score.heard == ("5093", "1299")


def test_short_numbers_do_not_count_and_invented_ones_do() -> None:
    score = score_digits("十五天以后给您回电", "15天以后给您13602578814", "zh")
    assert score.wanted == ()
    assert score.invented == 1


def test_the_figures_of_a_set() -> None:
    scores = [
        score_digits("单号五零九三", "单号5093", "zh"),
        score_digits("单号五零九三二二", "单号509312", "zh"),
        score_digits("没有数字", "没有数字", "zh"),
    ]
    figures = digit_figures(scores)
    assert (figures["count"], figures["exact"], figures["invented"]) == (2, 0.5, 0)
    assert figures["digit_error_rate"] == pytest.approx(1 / 10)
    low, high = figures["exact_interval"]
    assert low < 0.5 < high


def test_nothing_was_measured_where_there_are_no_digit_strings() -> None:
    figures = digit_figures([score_digits("你好", "你好", "zh")])
    assert figures == {"count": 0, "exact": None, "exact_interval": None, "digit_error_rate": None, "invented": 0}


@given(st.text("零一二幺09，是的号", max_size=25))
def test_a_perfect_transcript_has_no_errors(text: str) -> None:
    score = score_digits(text, text, "zh")
    assert score.heard == score.wanted
    assert score.errors == score.invented == 0
