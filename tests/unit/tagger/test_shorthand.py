"""→ and ★: read from notes, written in one form, and the same again when that is read."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagger.follow_up import FollowUp
from tagger.shorthand import CHANNELS, Handoff, Item, Lead, Plain, Step, emit, of_record, parse


def steps(*pairs: tuple[str, str]) -> tuple[Step, ...]:
    return tuple(Step(channel=channel, action=action) for channel, action in pairs)


CALL_TO_STORE = Handoff(steps=steps(("电话", "咨询"), ("门店", "自提")))


@pytest.mark.parametrize("text", ["电话咨询→门店自提", "电话咨询 -> 门店自提", " 电话咨询=>门店自提；"])
def test_a_handoff_names_channels_and_what_is_done_there(text: str) -> None:
    assert parse(text) == (CALL_TO_STORE,)


@pytest.mark.parametrize(
    ("text", "budget", "needs"),
    [
        ("★预算1万元+线下对比需求", "10000", ("线下对比需求",)),
        ("☆提及预算 1 万元 + 线下对比需求", "10000", ("线下对比需求",)),
        ("★高价值线索：预算8500元+分期", "8500", ("分期",)),
        ("★高价值线索", None, ()),
        ("★预算一万二左右+到店体验", "12000", ("到店体验",)),
        ("★预算不清楚+对比", None, ("预算不清楚", "对比")),
    ],
)
def test_a_lead_has_a_budget_and_needs(text: str, budget: str | None, needs: tuple[str, ...]) -> None:
    assert parse(text) == (Lead(budget=None if budget is None else Decimal(budget), needs=needs),)


def test_a_note_of_several_lines_keeps_what_is_neither() -> None:
    note = "客户周六有空\n电话→门店体验：周六下午；带样机\n★预算1.5万元+线下对比需求；抖音咨询→电话"
    assert parse(note) == (
        Plain(text="客户周六有空"),
        Handoff(steps=steps(("电话", ""), ("门店", "体验")), detail="周六下午；带样机"),
        Lead(budget=Decimal(15000), needs=("线下对比需求",)),
        Handoff(steps=steps(("抖音", "咨询"), ("电话", ""))),
    )


def test_the_seeds_examples_are_written_as_they_stand_there() -> None:
    assert emit([CALL_TO_STORE]) == "电话咨询→门店自提"
    assert emit([Lead(budget=Decimal(10000), needs=("线下对比需求",))]) == "★预算1万元+线下对比需求"


WORDS = st.text(alphabet="咨询自提体验预算万元一二3 5+、;；：:→>-=★☆高价值线索电话门店a\n\t", max_size=60)


@given(WORDS | st.text(max_size=80))
def test_what_was_read_is_read_again_the_same(text: str) -> None:
    found = parse(text)
    assert parse(emit(found)) == found


PIECE = st.text(alphabet="咨询自提体验对比需求周六下午", min_size=1, max_size=8)
HANDOFFS = st.builds(
    lambda stops, detail: Handoff(steps=tuple(stops), detail=detail),
    st.lists(st.builds(Step, channel=st.sampled_from(CHANNELS), action=PIECE), min_size=2, max_size=4),
    PIECE | st.just(""),
)
LEADS = st.builds(
    Lead,
    budget=st.none() | st.integers(1, 99_999_999).map(lambda cents: Decimal(cents) / 100),
    needs=st.lists(PIECE, max_size=4, unique=True).map(tuple),
)


@given(st.lists(HANDOFFS | LEADS, max_size=5))
def test_what_was_made_is_read_as_it_was_made(items: list[Item]) -> None:
    assert parse(emit(items)) == tuple(items)


def test_speech_gives_both_signs() -> None:
    follow_up = FollowUp()
    follow_up.agent("好的，帮您预约周六下午人民广场门店体验", "s1")
    promised = follow_up.value()
    assert promised is not None
    found = of_record(("★高价值线索", "笔记本选购", "线下对比"), "10000", promised[0])
    assert found[0] == Lead(budget=Decimal(10000), needs=("笔记本选购", "线下对比需求"))
    assert isinstance(found[1], Handoff)
    assert found[1].steps == steps(("电话", ""), ("门店", "体验"))
    assert parse(emit(found)) == found


def test_a_record_without_signs_gives_none() -> None:
    assert of_record(("耳机故障",), "300", "明天回电") == ()
