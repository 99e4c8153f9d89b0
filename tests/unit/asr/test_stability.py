"""Stable text only grows, loops never become stable."""

from hypothesis import given
from hypothesis import strategies as st

from asr.stability import LocalAgreement


def test_two_hypotheses_must_agree() -> None:
    agreement = LocalAgreement()
    assert agreement.update("我的耳") == ("", "我的耳")
    assert agreement.update("我的耳机坏") == ("我的耳", "机坏")
    assert agreement.update("我的耳机怀了") == ("我的耳机", "怀了")


def test_punctuation_and_case_are_no_disagreement() -> None:
    agreement = LocalAgreement()
    agreement.update("Hello, world")
    stable, unstable = agreement.update("hello world it's me")
    assert stable == "hello world"
    assert unstable == " it's me"


def test_a_changed_beginning_does_not_change_what_is_stable() -> None:
    agreement = LocalAgreement()
    agreement.update("你好我想退货")
    assert agreement.update("你好我想退货")[0] == "你好我想退货"
    stable, unstable = agreement.update("您好我想退货可以吗")
    assert (stable, unstable) == ("你好我想退货", "可以吗")
    assert agreement.update("您好我想退货可以吗")[0] == "你好我想退货可以吗"


def test_a_loop_never_becomes_stable() -> None:
    agreement = LocalAgreement()
    loop = "好的" + "我知道了" * 8
    agreement.update("好的")
    agreement.update("好的我")
    for _ in range(4):
        stable, unstable = agreement.update(loop)
        assert (stable, unstable) == ("好的", "")


@given(st.lists(st.text(alphabet="你好我要退货, abc.", max_size=14), max_size=8))
def test_stable_text_only_grows(texts: list[str]) -> None:
    agreement, before = LocalAgreement(), ""
    for text in texts:
        stable, _ = agreement.update(text)
        assert stable.startswith(before)
        before = stable
