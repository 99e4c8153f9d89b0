"""Figures against values worked out by hand."""

import pytest

from eval.metrics import (
    ErrorCount,
    accuracy,
    bootstrap,
    confusion,
    count_errors,
    edit_distance,
    error_rate,
    error_rate_gap,
    error_rate_interval,
    expected_calibration_error,
    macro_f1,
    mean,
    mrr,
    percentile,
    rank_of,
    recall_at,
    wilson,
)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "distance"),
    [("", "", 0), ("发票", "", 2), ("", "发票", 2), ("开发票", "开罚票", 1), ("kitten", "sitting", 3), ("ab", "ba", 2)],
)
def test_edit_distance(reference: str, hypothesis: str, distance: int) -> None:
    assert edit_distance(reference, hypothesis) == distance
    assert edit_distance(hypothesis, reference) == distance


def test_error_rate_weighs_by_length_and_can_exceed_one() -> None:
    assert count_errors("甲", "甲乙丙").rate == 2.0
    assert error_rate([ErrorCount(errors=1, length=1), ErrorCount(errors=0, length=9)]) == pytest.approx(0.1)
    assert error_rate([]) is None
    assert error_rate([ErrorCount(errors=3, length=0)]) is None


def test_words_count_like_characters() -> None:
    assert count_errors(["where", "is", "it"], ["where", "was", "it"]).rate == pytest.approx(1 / 3)


def test_the_bootstrap_is_repeatable_and_holds_the_estimate() -> None:
    counts = [ErrorCount(errors=errors, length=10) for errors in (0, 1, 2, 3, 1, 0, 4, 2)]
    interval = error_rate_interval(counts)
    assert interval is not None
    assert interval == error_rate_interval(counts)
    rate = error_rate(counts)
    assert rate is not None
    assert interval[0] < rate < interval[1]
    assert bootstrap([1.0], mean) is None
    assert bootstrap([2.0, 2.0, 2.0], mean) == (2.0, 2.0)


def test_wilson_against_published_values() -> None:
    # Newcombe 1998, table I: 81 of 263 and 0 of 20
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert wilson(20, 20) == pytest.approx((0.8389, 1.0), abs=1e-4)
    assert wilson(0, 0) is None


def test_percentiles_are_linear_between_values() -> None:
    assert percentile([4, 1, 3, 2], 50) == 2.5
    assert percentile([1, 2, 3, 4, 5], 95) == pytest.approx(4.8)
    assert percentile([7], 95) == 7
    assert percentile([], 50) is None


def test_ranks() -> None:
    ranks = [rank_of("a", ["a", "b"]), rank_of("b", ["a", "b"]), rank_of("c", ["a", "b"])]
    assert ranks == [1, 2, None]
    assert recall_at(ranks, 1) == pytest.approx(1 / 3)
    assert recall_at(ranks, 3) == pytest.approx(2 / 3)
    assert mrr(ranks) == pytest.approx(0.5)
    assert mrr([]) is None


def test_macro_f1_counts_a_label_that_is_never_hit() -> None:
    truth, predicted = ["甲", "甲", "甲", "乙"], ["甲", "甲", "甲", "甲"]
    assert accuracy(truth, predicted) == 0.75
    assert macro_f1(truth, predicted) == pytest.approx((6 / 7 + 0) / 2)
    assert macro_f1(["甲"], ["丙"]) == 0.0
    assert macro_f1([], []) is None


def test_calibration_error() -> None:
    assert expected_calibration_error([0.8] * 10, [True] * 8 + [False] * 2) == pytest.approx(0.0)
    assert expected_calibration_error([1.0, 1.0], [True, False]) == pytest.approx(0.5)
    # Two bins of two: |1.9 - 1| and |0.5 - 1|, over four.
    assert expected_calibration_error([0.95, 0.95, 0.25, 0.25], [True, False, True, False]) == pytest.approx(0.35)
    assert expected_calibration_error([], []) is None


def test_confusion_has_true_labels_in_rows() -> None:
    assert confusion(["甲", "甲", "乙"], ["甲", "乙", "丙"]) == (["甲", "乙", "丙"], [[1, 1, 0], [0, 0, 1], [0, 0, 0]])


def test_what_is_hard_for_both_does_not_widen_the_gap() -> None:
    hard = [ErrorCount(errors=8, length=10), ErrorCount(errors=1, length=10)] * 20
    harder = [ErrorCount(errors=one.errors + 1, length=10) for one in hard]
    assert error_rate_gap(harder, hard) == pytest.approx((0.1, 0.1))
    assert error_rate_gap(hard, harder) == pytest.approx((-0.1, -0.1))
    with pytest.raises(ValueError, match="shorter"):
        error_rate_gap(hard, harder[1:])
