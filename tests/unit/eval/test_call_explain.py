"""The explanation of a set of calls names what was wanted, what came, and why the rest did not."""

import dataclasses
from datetime import datetime
from pathlib import Path

from callcue.core.cards import Card, Trigger
from callcue.core.settings import KnowledgeSettings, Settings
from callcue.testing.embedder import HashEmbedder
from eval.call_explain import CallTime, explained_turns
from eval.call_score import score_call
from eval.call_set import STARTED_AT, ScriptedCall, Turn
from eval.call_text import decide_by_text, text_trace, text_view

CARDS = [
    Card(id="invoice", title="发票", body="", triggers=(Trigger(phrase="开发票"),)),
    Card(id="return", title="退货", body="", triggers=(Trigger(phrase="退货"),), negative=("不急着",)),
]


def call(*turns: Turn) -> ScriptedCall:
    placed = tuple(
        dataclasses.replace(turn, start_ms=number * 20_000, end_ms=number * 20_000 + 2000)
        for number, turn in enumerate(turns)
    )
    return ScriptedCall(
        id="one",
        audio=Path("one.flac"),
        language="zh",
        started_at=datetime.fromisoformat(STARTED_AT),
        turns=placed,
    )


def turn(text: str, *wanted: str) -> Turn:
    return Turn(channel="caller", start_ms=0, end_ms=0, text=text, new_cards=wanted, cards=frozenset(wanted))


async def test_a_row_says_what_was_wanted_what_came_and_why_not() -> None:
    made = call(turn("我想开发票", "invoice"), turn("退货的事不急着办", "return"), turn("嗯，好的"))
    view = text_view(CARDS, HashEmbedder(dims=256))
    settings = Settings(knowledge=KnowledgeSettings(threshold=1.0))
    turns = await decide_by_text(lambda: view, made, settings, CallTime(made.started_at))
    rows = explained_turns(made, turns, score_call(made.turns, text_trace(turns, settings)))
    first, second, third = rows
    assert (first["pushed"], first["wanted"], first["missed"]) == (["invoice"], {"invoice": 1}, {})
    assert second["pushed"] == []
    assert second["missed"] == {"return": "negative phrase"}
    (held,) = [c for c in second["candidates"] if c["card"] == "return"]
    assert (held["trigger"], held["verdict"]) == ("退货", "negative phrase")
    assert third["query"] == ""
    assert third["candidates"] == []
