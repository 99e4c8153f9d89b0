"""Facts over a call: a second hearing confirms, completes or corrects, and what is not whole is not stated."""

from datetime import datetime

import pytest

from callcue.core.facts import FactCandidate, NumberShape
from callcue.core.speech import Channel, Utterance
from tagger.call_facts import CallFacts
from tagger.digit_readings import fuse
from tagger.number_repairs import mended

MONDAY = datetime.fromisoformat("2026-11-23T10:00+08:00")
EIGHT = NumberShape(lengths=frozenset({8}))


def call(*turns: str, confidence: float = 1.0, shape: NumberShape | None = None) -> tuple[CallFacts, dict[str, float]]:
    """The facts after the turns (``A:`` the agent's), and value -> probability of what filled a field last."""
    facts = CallFacts(MONDAY, shape=shape)
    filled: dict[str, float] = {}
    for index, turn in enumerate(turns):
        channel: Channel = "agent" if turn.startswith("A:") else "caller"
        text = turn.removeprefix("A:")
        for one in facts.observe(
            Utterance(
                call_id="c",
                channel=channel,
                segment_id=f"s{index}",
                start_ms=index * 3000,
                end_ms=index * 3000 + 2000,
                raw_text=text,
                text=text,
                language="zh",
                confidence=confidence,
            )
        ):
            filled[one.value] = one.probability
    return facts, filled


def of(facts: CallFacts, kind: str) -> list[FactCandidate]:
    return [found for found in facts.candidates if found.kind == kind]


def test_a_number_read_back_and_agreed_to_is_surer_than_one_heard_once() -> None:
    once, _ = call("电话13524680246", confidence=0.7)
    back, _ = call("电话13524680246", "A:13524680246，对吗？", confidence=0.7)
    agreed, _ = call("电话13524680246", "A:13524680246，对吗？", "对的", confidence=0.7)
    sure = [of(facts, "phone")[0].probability for facts in (once, back, agreed)]
    assert sure == sorted(set(sure))
    assert of(agreed, "phone")[0].state == "confirmed"
    assert {span.segment_id for span in of(agreed, "phone")[0].evidence} == {"s0", "s1", "s2"}


def test_two_hearings_that_lost_digits_give_the_whole_number() -> None:
    facts, filled = call("电话只要39177406啊", "A:139,要77065啊,对吗?", "对没错", confidence=0.7)
    assert list(filled) == ["13917740652"]
    assert [found.value for found in of(facts, "phone")] == ["13917740652"]


def test_what_lost_digits_is_kept_as_incomplete_and_fills_nothing() -> None:
    facts, filled = call("我的电话是1391774065", confidence=0.7)
    assert filled == {}
    assert [(found.value, found.state) for found in of(facts, "phone")] == [("1391774065", "incomplete")]


def test_two_whole_hearings_that_differ_leave_both_in_doubt() -> None:
    facts, _ = call("电话13524680246", "A:13524680249，对吗？", confidence=0.7)
    assert {found.value: found.probability for found in of(facts, "phone")} == {"13524680246": 0.5, "13524680249": 0.5}
    agreed, filled = call("电话13524680246", "A:13524680249，对吗？", "对", confidence=0.7)
    assert of(agreed, "phone")[0].value == "13524680249"
    assert filled["13524680249"] > 0.6


def test_a_no_takes_back_what_was_read_back() -> None:
    facts, _ = call("电话13524680246", "A:13524680246，对吗？", "不对，错了")
    assert of(facts, "phone")[0].probability < 0.5
    facts, filled = call("电话13524680246", "A:13524680247，对吗？", "不对，是246")
    assert list(filled)[-1] == "13524680246"
    assert "13524680247" not in [found.value for found in of(facts, "phone") if found.probability >= 0.5]


def test_portions_are_one_number_and_the_parts_go() -> None:
    facts, filled = call("A:您手机号多少？", "15022", "A:嗯", "1488", "A:嗯嗯", "67")
    assert list(filled) == ["15022148867"]
    assert [found.value for found in of(facts, "phone")] == ["15022148867"]


def test_a_known_length_drops_a_counted_piece_and_flags_what_is_short() -> None:
    facts, filled = call("订单号509331721台平板电脑", shape=EIGHT)
    assert "50933172" in filled
    facts, filled = call("订单号2077386", shape=EIGHT)
    assert [found.state for found in of(facts, "order_no")] == ["incomplete"]
    assert filled == {}


def test_homophones_in_front_of_an_answer_are_digits_only_where_they_are_no_words() -> None:
    _, filled = call("A:请提供订单号", "琉琉遥20598抢次开的发票")
    assert "66120598" in filled
    _, filled = call("A:请提供订单号", "是20598866", shape=EIGHT)
    assert "20598866" in filled


def test_two_orders_and_two_sums_stand_side_by_side() -> None:
    facts, _ = call("我有两个订单，订单号40051288，另一个单号40051302", "付了2300元，只退了2000元")
    assert {found.value for found in of(facts, "order_no")} == {"40051288", "40051302"}
    assert {found.role: found.value for found in of(facts, "amount")} == {"paid": "2300", "refund": "2000"}


def test_a_visit_is_no_purchase() -> None:
    facts, filled = call("11月1号买的，这个周六我去门店看看")
    assert {found.role: found.value for found in of(facts, "date")} == {"purchase": "2026-11-01", "visit": "2026-11-28"}
    assert "2026-11-28" not in filled


def test_spans_point_at_the_words() -> None:
    text = "麻烦记一下，订单号20459911。"
    facts, _ = call(text)
    (found,) = of(facts, "order_no")
    assert [text[span.start : span.end] for span in found.evidence] == ["20459911"]


@pytest.mark.parametrize(
    ("number", "part", "whole"),
    [
        ("20773185", "3186", "20773186"),
        ("13917740653", "652", "13917740652"),
        ("1360257", "13602578814", "13602578814"),
        ("13524680247", "246", "13524680246"),
        ("20773186", "86", None),
    ],
)
def test_a_part_goes_where_it_differs_least(number: str, part: str, whole: str | None) -> None:
    assert (mended(number, part) or number) == (whole or number)


def test_fusing_refuses_what_two_numbers_could_be() -> None:
    assert fuse("139177406", "1391770652", lambda number: len(number) == 11) == "13917740652"
    assert fuse("1391774", "1391752", lambda number: len(number) == 9) is None
