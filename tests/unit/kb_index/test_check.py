"""Warnings: cards that are asked for in the same words, by the same phrase, and answers that cannot both be true."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from callcue.core.cards import Audience, Card, Trigger
from callcue.testing import HashEmbedder
from kb_index.check import CardChecker, CardWarning, term_overlap
from kb_index.contradiction import contradictions, differ
from kb_index.vectors import FloatArray, embed, text_key

OTHERS = [
    Card(id=f"other-{nth}", title=title, body="无关。")
    for nth, title in enumerate(
        (
            "蓝牙耳机连接手机",
            "会员积分兑换礼品",
            "笔记本开机蓝屏",
            "门店营业时间",
            "花呗分期手续费",
            "快递延误赔付",
            "屏幕碎了换新",
            "修改绑定手机号",
        )
    )
]
RETURN = Card(id="return", title="退货时限", body="签收后7天内可以退货。", questions=("买了以后几天内可以退货",))
REFUND = Card(id="refund", title="退货几天", body="**签收后15天内可以退货**。", questions=("买了之后几天内可以退货",))


def nothing_known(_keys: Sequence[bytes]) -> dict[bytes, FloatArray]:
    return {}


def check(*cards: Card, only: set[str] | None = None) -> list[CardWarning]:
    return CardChecker(HashEmbedder(256), nothing_known).check([*OTHERS, *cards], only)


def test_two_answers_to_one_question_are_quoted() -> None:
    contradiction, near = check(RETURN, REFUND)
    assert (contradiction.kind, contradiction.here, contradiction.there) == (
        ("contradiction", "签收后7天内可以退货", "签收后15天内可以退货")
    )
    assert (near.kind, near.here, near.there) == ("near_duplicate", RETURN.questions[0], REFUND.questions[0])
    assert {near.card_id, near.other_id} == {"return", "refund"}


def test_the_same_answer_twice_is_a_duplicate_alone() -> None:
    assert [w.kind for w in check(RETURN, replace(REFUND, body=RETURN.body))] == ["near_duplicate"]


def test_different_questions_are_left_alone() -> None:
    assert check(RETURN) == []


@pytest.mark.parametrize(
    "other",
    [
        replace(REFUND, status="retired"),
        replace(REFUND, lang="en"),
    ],
)
def test_cards_that_never_meet_are_not_compared(other: Card) -> None:
    assert check(RETURN, other) == []


def test_cards_for_different_customers_may_differ() -> None:
    new, old = Audience(lifecycle=("新客",)), Audience(lifecycle=("忠诚",))
    assert check(replace(RETURN, audience=new), replace(REFUND, audience=old)) == []
    assert check(replace(RETURN, audience=new), REFUND) != []


def test_a_phrase_of_two_cards() -> None:
    one = Card(id="a", title="补开发票", body="甲", triggers=(Trigger(phrase="重开發票"),))
    two = Card(id="b", title="耳机坏了", body="乙", triggers=(Trigger(phrase="重开发票", speaker="caller"),))
    (found,) = check(one, two)
    assert (found.kind, found.card_id, found.other_id, found.here) == ("same_trigger", "a", "b", "重开發票")
    apart = replace(one, triggers=(Trigger(phrase="重开发票", speaker="agent"),))
    assert check(apart, two) == []


def test_asked_about_one_card_only_its_warnings_come() -> None:
    extra = replace(RETURN, id="third")
    assert {frozenset((w.card_id, w.other_id)) for w in check(RETURN, REFUND, extra, only={"third"})} == {
        frozenset(("third", "return")),
        frozenset(("third", "refund")),
    }
    assert all(w.card_id == "third" for w in check(RETURN, REFUND, extra, only={"third"}))


def test_known_vectors_are_taken_and_only_they_where_asked() -> None:
    embedder = HashEmbedder(256)
    texts = [text for card in (*OTHERS, RETURN) for text in (card.title, *card.questions)]
    table = {text_key(embedder.name, text): vector for text, vector in zip(texts, embed(embedder, texts), strict=True)}
    cards = [*OTHERS, RETURN, REFUND]
    known = CardChecker(embedder, lambda keys: {key: table[key] for key in keys if key in table}).check(
        cards, {"refund"}, known_only=True
    )
    assert known == CardChecker(embedder, nothing_known).check(cards, {"refund"})
    assert CardChecker(embedder, nothing_known).check(cards, {"refund"}, known_only=True) == []


@pytest.mark.parametrize(
    ("one", "other", "different"),
    [
        ("签收后7天内可以退货", "签收后15天内可以退货", True),
        ("签收后七天内可以退货", "签收后7日内可以退货", False),
        ("3-5个工作日到账", "3到5个工作日到账", False),
        ("3-5个工作日到账", "5个工作日到账", True),
        ("二十四小时内回复", "24小时内回复", False),
        ("运费12元", "运费10块", True),
        ("7天内退货，30天内换货", "7天内退货", False),
        ("拆封后不可以退", "拆封后可以退", True),
        ("拆封后不可以退", "拆封后不能退", False),
        ("上门取件免费", "上门取件收费", True),
        ("支持花呗分期", "不支持花呗分期", True),
        ("需要发票", "不需要发票", True),
        ("You can return it", "You cannot return it", True),
        ("Within 7 days", "Within 14 days", True),
        ("请提供订单号", "请提供手机号", False),
    ],
)
def test_what_cannot_both_be_true(one: str, other: str, different: bool) -> None:
    assert differ(one, other) == different == differ(other, one)


def test_only_sentences_about_the_same_are_compared() -> None:
    one = "1. **退货**要在7天内申请。\n2. 换货要在15天内申请。"
    other = "- 换货要在15天内申请\n- 退货要在7天内申请"
    assert list(contradictions(one, other)) == []
    assert list(contradictions(one, other.replace("7天", "9天"))) == [("退货要在7天内申请", "退货要在9天内申请")]
    assert list(contradictions(one, "营业时间是9小时。")) == []


def test_term_overlap() -> None:
    assert term_overlap("怎么开發票", "怎么开发票") == 1.0
    assert term_overlap("怎么开发票", "快递到哪了") == 0.0
    assert 0.5 < term_overlap("怎么开发票", "怎么补开发票") < 1.0


def test_a_save_among_too_many_texts_is_told_less_and_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kb_index.check.MAX_TEXTS", 3)
    one, other = (replace(card, triggers=(Trigger(phrase="退货"),)) for card in (RETURN, REFUND))
    checker = CardChecker(HashEmbedder(256), lambda keys: {key: embed(HashEmbedder(256), ["x"])[0] for key in keys})
    told = checker.check([*OTHERS, one, other], {one.id}, known_only=True)
    assert [warning.kind for warning in told] == ["same_trigger"]


def test_many_texts_are_compared_in_parts_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """And more of them than a save waits for are compared when somebody asks."""
    cards = [*OTHERS, RETURN, REFUND, *(replace(RETURN, id=f"copy{n}", title=f"退货说明{n}") for n in range(12))]
    whole = CardChecker(HashEmbedder(256), nothing_known)
    everything, one = whole.check(cards), whole.check(cards, {"copy7"})
    assert len(everything) > 60
    assert one
    monkeypatch.setattr("kb_index.check._PART", 7)
    monkeypatch.setattr("kb_index.check._BLOCK", 3)
    monkeypatch.setattr("kb_index.check.MAX_TEXTS", 3)
    asked: list[int] = []

    def counted(keys: Sequence[bytes]) -> dict[bytes, FloatArray]:
        asked.append(len(keys))
        return {}

    parts = CardChecker(HashEmbedder(256), counted)
    assert parts.check(cards) == everything
    assert parts.check(cards, {"copy7"}) == one
    assert max(asked) <= 7
