"""From scores of calls to the figures that are compared over time."""

from datetime import datetime
from pathlib import Path

import pytest

from callcue.core.speech import Channel
from eval.call_record import FieldScore
from eval.call_replay import Final, Replayed
from eval.call_score import Push, Segment, Trace, score_call
from eval.call_set import STARTED_AT, ScriptedCall, Turn
from eval.calls import Scored, summarise


def final(channel: Channel, start_ms: int, end_ms: int, text: str) -> Final:
    segment = Segment(channel=channel, start_ms=start_ms, end_ms=end_ms)
    return Final(segment=segment, text=text, raw_text=text, at=0.0)


def scored() -> Scored:
    turns = (
        Turn(channel="caller", start_ms=0, end_ms=2000, text="怎么开发票？", new_cards=("a",), cards=frozenset("a")),
        Turn(channel="agent", start_ms=3000, end_ms=4000, text="好的。"),
        Turn(channel="caller", start_ms=5000, end_ms=6000, text="还要退款", new_cards=("b",), cards=frozenset("b")),
    )
    call = ScriptedCall(
        id="one", audio=Path("one.flac"), language="zh", started_at=datetime.fromisoformat(STARTED_AT), turns=turns
    )
    evidence = Segment(channel="caller", start_ms=0, end_ms=2000)
    pushes = tuple(
        Push(card_id=card, rank=rank, at=3.0, at_ms=3000, expires_at_ms=99_000, evidence=evidence)
        for rank, card in ((1, "z"), (2, "a"))
    )
    trace = Trace(pushes=pushes, wall=lambda ms: ms / 1000, call_ms=lambda moment: int(moment * 1000))
    perfect = Trace(
        pushes=tuple(
            Push(card_id=card, rank=1, at=at, at_ms=int(at * 1000), expires_at_ms=99_000, evidence=None)
            for card, at in (("a", 2.0), ("b", 6.0))
        ),
        wall=trace.wall,
        call_ms=trace.call_ms,
    )
    finals = (final("caller", 100, 1900, "怎么开罚票"), final("agent", 3000, 4000, "好的"))
    right = FieldScore(field="issue_type", expected="账单", found="账单", right=True)
    wrong = FieldScore(field="facts.amount", expected=3, found=None, right=False)
    return Scored(
        call=call,
        heard=Replayed(trace=trace, finals=finals, record={}),
        turns=score_call(turns, trace),
        record=[right, wrong],
        text_turns=score_call(turns, perfect),
        text_record=[right],
    )


def test_the_named_figures() -> None:
    figures = summarise([scored(), scored()])
    assert figures["calls"] == 2
    # 怎么开发票还要退款 against 怎么开罚票: one character wrong, four missing, of nine
    assert figures["cer"] == {"caller": pytest.approx(5 / 9), "agent": 0.0}
    assert (figures["wanted"], figures["hit_at_1"], figures["hit_at_3"]) == (4, 0.0, 0.5)
    assert figures["wrong_per_call"] == 1.0
    assert figures["turn_end_to_card_ms"] == {"p50": pytest.approx(1000), "p95": pytest.approx(1000)}
    assert (figures["record_fields_right"], figures["facts_right"]) == (1.0, 0.0)
    text = figures["text_only"]
    assert (text["hit_at_1"], text["hit_at_3"], text["wrong_per_call"], text["facts_right"]) == (1.0, 1.0, 0.0, None)


def test_a_row_per_call_and_turn() -> None:
    figures = summarise([scored()])
    assert [row["call"] for row in figures["per_call"]] == ["one"]
    assert [(row["turn"], row["heard"], row["wrong"]) for row in figures["per_turn"]] == [
        (0, "怎么开罚票", ["z"]),
        (1, "好的", []),
        (2, "", []),
    ]
    assert figures["per_turn"][0]["wanted"][0]["rank"] == 2


def test_no_calls_give_no_figures_rather_than_a_crash() -> None:
    figures = summarise([])
    assert (figures["hit_at_1"], figures["wrong_per_call"], figures["cer"]["caller"]) == (None, None, None)
