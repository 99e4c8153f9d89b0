"""Transcripts that say the same fold to the same; different ones do not."""

import pytest

from eval.folding import cardinal, fold_en, fold_zh


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("您好，星瀚数码。", "您好 星瀚数码"),
        ("買軟體要發票", "买软件要发票"),
        ("ＡＢＣ公司", "abc公司"),
        ("订单号是二零七七三一八六", "订单号是20773186"),
        ("幺三六零二五七八八幺四", "13602578814"),
        ("一百二十块", "120块"),
        ("一百二", "120"),
        ("一百零二", "102"),
        ("三千零五十元", "3050元"),
        ("两千", "2000"),
        ("十五号", "15号"),
        ("二十号", "20号"),
        ("一万二", "12000"),
        ("三万五千", "35,000"),
        ("12万", "120000"),
        ("两亿三千万", "230000000"),
        ("三点五", "3.5"),
        ("百分之九十", "90%"),
        ("百分之三点五", "3.5%"),
        ("二零二六年九月十二号", "2026年9月12号"),
        ("两个一起", "2个1起"),
    ],
)
def test_the_same_said_otherwise_folds_alike(left: str, right: str) -> None:
    assert fold_zh(left) == fold_zh(right)


@pytest.mark.parametrize(
    ("left", "right"), [("十五", "五十"), ("一百零二", "一百二"), ("账单", "账号"), ("千万别", "1000万别")]
)
def test_what_differs_stays_different(left: str, right: str) -> None:
    assert fold_zh(left) != fold_zh(right)


@pytest.mark.parametrize("run", ["二十二十", "百", "五百千", "万", "十百"])
def test_what_is_no_cardinal_has_no_value(run: str) -> None:
    assert cardinal(run) is None


def test_a_unit_that_is_no_number_is_left_alone() -> None:
    assert fold_zh("千万要万一") == "千万要万1"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("You'll find it.", "youll find it"),
        ("Um, the results, uh, are good", "the results are good"),
        ("twenty one percent", "21%"),
        ("one two three", "1 2 3"),
        ("one two three", "123"),
        ("three hundred twelve", "312"),
        ("sixty-four", "64"),
        ("two thousand", "2,000"),
        ("seven", "7"),
        ("forty two thousand", "42000"),
    ],
)
def test_english_folds(left: str, right: str) -> None:
    assert fold_en(left) == fold_en(right)


def test_english_words_stay_words() -> None:
    assert fold_en("The bank_account, please!") == ["the", "bank", "account", "please"]
    assert fold_en("four two") == ["42"]
    assert fold_en("thirty forty") == ["30", "40"]
