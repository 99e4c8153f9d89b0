"""Why did each card come, or not? The calls of a set by their exact text, with every candidate that the gate saw.

Part of ``python -m eval.calls DIR --text-only``: needs no audio and no service, and takes seconds.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from callcue.core.clock import SystemClock
from callcue.core.settings import Settings
from eval.call_score import TurnScore, card_figures, score_call
from eval.call_set import ScriptedCall, read_calls
from eval.call_text import TextTurn, decide_by_text, text_trace, text_view
from eval.cards import load_cards
from eval.report import Figures, table
from models.embedders import load_embedder
from models.store import ModelStore
from nlu.decision import Judged

_SHOWN = 4
"""Candidates of a turn that are listed; a wanted one is listed wherever it stands."""


class CallTime(SystemClock):
    """The date of the call, so that cards are valid as they were then."""

    def __init__(self, moment: datetime) -> None:
        super().__init__()
        self._moment = moment

    def now(self) -> datetime:
        """The moment when the call began."""
        return self._moment


async def explain(folder: Path, *, settings: Settings, limit: int | None = None, show_all: bool) -> Figures:
    """Print and return the figures; with ``show_all`` every caller's turn and every reason."""
    cards, refused = load_cards(folder / "cards.jsonl")
    embedder = load_embedder(ModelStore(settings.cache_dir), settings.knowledge.embedder)
    view = await asyncio.to_thread(text_view, cards, embedder)
    scored: list[TurnScore] = []
    rows: list[Figures] = []
    calls = read_calls(folder, limit)
    for call in calls:
        turns = await decide_by_text(lambda: view, call, settings, CallTime(call.started_at))
        scores = score_call(call.turns, text_trace(turns, settings))
        scored += scores
        rows += explained_turns(call, turns, scores)
    figures: Figures = {
        "calls": len(calls),
        "cards_refused": refused,
        **card_figures(scored, len(calls)),
        "misses": dict(Counter(row["missed"][card] for row in rows for card in row["missed"])),
    }
    table(f"{folder}, exact text", ["figure", "value"], list(figures.items()))
    if show_all:
        table("turns", ["turn", "situation", "candidates: score, verdict"], [_shown(row) for row in rows])
    return {**figures, "per_turn": rows}


def explained_turns(call: ScriptedCall, turns: Sequence[TextTurn], scores: Sequence[TurnScore]) -> list[Figures]:
    """A row for each turn of the caller, and for those of the agent that brought a card."""
    decided = {turn.heard.segment_id: turn.decision for turn in turns}
    rows = []
    for index, (turn, score) in enumerate(zip(call.turns, scores, strict=True)):
        decision = decided[f"turn-{index}"]
        if turn.channel == "agent" and not decision.pushed:
            continue
        judged = {item.candidate.card.id: item for item in decision.judged}
        missed = [card.card_id for card in score.wanted if card.rank is None or card.rank > 3]
        rows.append(
            {
                "call": call.id,
                "turn": index,
                "channel": turn.channel,
                "text": turn.text,
                "query": decision.query,
                "hints": list(decision.hints),
                "situation": _situation(decision.situation),
                "wanted": {card.card_id: card.rank for card in score.wanted},
                "pushed": [found.card.id for found in decision.pushed],
                "wrong": list(score.wrong),
                "missed": {card: judged[card].verdict if card in judged else "not found" for card in missed},
                "candidates": [
                    _candidate(item, place)
                    for place, item in enumerate(decision.judged, start=1)
                    if place <= _SHOWN or item.candidate.card.id in turn.new_cards
                ],
            }
        )
    return rows


def _situation(found: object) -> list[str]:
    named = ("asking", "answering", "topic", "confirmed", "after_flow")
    return [name for name in named if getattr(found, name, None)]


def _candidate(item: Judged, place: int) -> Figures:
    candidate = item.candidate
    return {
        "place": place,
        "card": candidate.card.id,
        "strength": round(candidate.strength, 3),
        "search": round(candidate.hit.score, 3) if candidate.hit else None,
        "trigger": candidate.trigger.phrase if candidate.trigger else None,
        "verdict": item.verdict,
    }


def _shown(row: Figures) -> list[str]:
    head = f"{row['call']} {row['turn']} {row['channel']}: {row['text']}"
    wanted = "".join(f"\n  wanted {card} @ {rank or '–'}" for card, rank in row["wanted"].items())
    listed = [
        f"{'WRONG ' if c['card'] in row['wrong'] else ''}{c['card']} "
        f"{'–' if c['search'] is None else format(c['search'], '.2f')}"
        f"{' “' + c['trigger'] + '”' if c['trigger'] else ''}: {c['verdict']}"
        for c in row["candidates"]
    ]
    return [head + wanted, "\n".join(row["situation"]), "\n".join(listed)]
