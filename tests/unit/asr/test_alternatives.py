"""What a beam ended with beside its best text."""

from asr.alternatives import MOST, otherwise


def test_what_differs_in_a_word_is_kept_in_its_order() -> None:
    others = ["要我自己逃遣吗", "要我自己逃迁吗？", "要我自己掏钱吗"]
    assert otherwise("要我自己逃迁吗", others) == ("要我自己逃遣吗", "要我自己掏钱吗")


def test_punctuation_spaces_and_case_make_no_difference() -> None:
    assert otherwise("Is it OK?", ["is it ok", "Is it, OK!", "is it okay"]) == ("is it okay",)


def test_nothing_is_no_alternative() -> None:
    assert otherwise("好", ["", "。", "好"]) == ()


def test_only_the_most_probable_are_kept() -> None:
    assert otherwise("零", list("一二三四五六七")) == tuple("一二三四五六七"[:MOST])
