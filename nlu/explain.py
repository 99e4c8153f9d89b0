"""Why a card would be shown or not: a sentence goes through the assistant of a live call, and every candidate gets its
verdict.

Nothing is decided here. ``CallAssistant`` hears the sentence as it hears finals and tells by ``watch`` what it had
before it at each stage (``Considered``); a verdict names the stage at which a candidate fell out.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from callcue.core.cards import Card
from callcue.core.ports import Clock
from callcue.core.speech import Channel, Language, LanguageChoice, Utterance
from nlu.assist import AssistConfig, CallAssistant, Considered, KnowledgeView
from nlu.folding import is_han
from nlu.gate import Bar, Customer, Gate, why_not
from nlu.normalise import Normaliser
from nlu.triggers import TriggerHit, TriggerMatcher

Obstacle = Literal["evidence", "agent", "negative", "crowded_out", "already_shown", "minute_full"] | Bar
"""``evidence``: score below the threshold, or a phrase in passing; ``agent``: the agent spoke, and no phrase was heard;
``negative``: a negative phrase was heard; ``crowded_out``: better candidates fill the utterance's places;
``already_shown``: cooldown or most per call; ``minute_full``: most cards a minute; others are of the card itself."""

_APART_MS = 5_000
_LONG_MS = 2_000
MAX_LINES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of one candidate."""

    card: Card
    shown: bool
    obstacles: tuple[Obstacle, ...]
    """Why it was not shown; empty when it was."""
    score: float
    """The search's calibrated score for whole and clauses, 0..1; 0 when the search did not find it."""
    dense: float
    lexical: float
    fused: float
    matched: str
    """The title or question that came nearest; empty when the search did not find it."""
    strength: float | None
    """Search and trigger together, 0..1, which ranks; None without enough evidence."""
    triggers: tuple[TriggerHit, ...]
    """Phrases of it that were heard."""
    negatives: tuple[str, ...]
    """Its negative phrases that were heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One sentence and its candidates, best first."""

    text: str
    """Normalised, as a transcript shows it."""
    query: str
    """What was looked up; empty: small talk, a confirmation or numbers alone."""
    verdicts: tuple[Verdict, ...]


async def explain(
    lines: Sequence[str],
    *,
    view: KnowledgeView,
    config: AssistConfig,
    clock: Clock,
    channel: Channel = "caller",
    language: LanguageChoice = "auto",
    customer: Customer | None = None,
) -> list[Judged]:
    """Judge sentences of one speaker, one after the other, as finals of one call: cards shown for an earlier one are
    remembered. Search failures raise nothing, as in a call: then only triggers are found."""
    seen: list[Considered] = []
    assistant = CallAssistant(
        config=config, knowledge=lambda: view, clock=clock, language=language, customer=customer, watch=seen.append
    )
    normaliser = Normaliser()
    judged = []
    for nth, line in enumerate(lines):
        spoken: Language = ("zh" if any(map(is_han, line)) else "en") if language == "auto" else language
        text = normaliser.normalise(line.strip(), spoken, view.hotwords).text
        heard = _utterance(nth, line, text, channel, spoken)
        gate = copy.deepcopy(assistant.gate)
        await assistant.on_final(heard)
        who = _Who(language=language, spoken=spoken, customer=customer or Customer(), now=clock.now())
        verdicts = _verdicts(seen[-1], heard, view, _Before(gate, who, config.max_cards_per_utterance))
        judged.append(Judged(text=text, query=seen[-1].joined.query, verdicts=verdicts))
    return judged


@dataclass(frozen=True, slots=True, kw_only=True)
class _Who:
    language: LanguageChoice
    spoken: Language
    customer: Customer
    now: datetime


@dataclass(frozen=True, slots=True)
class _Before:
    """What decided beside the evidence: the gate as it was before this final, the customer, and the places."""

    gate: Gate
    who: _Who
    places: int


def _verdicts(seen: Considered, heard: Utterance, view: KnowledgeView, before: _Before) -> tuple[Verdict, ...]:
    hits = {hit.card.id: hit for hit in seen.hits}
    triggered = {t.card_id: t for t in seen.triggers if t.card_id in view.cards}
    standing = {c.card.id: c for c in seen.standing}
    pushed = {s.card.id for s in seen.pushed}
    able = (c.card for c in seen.standing if not _agents(c.card, seen, heard))
    worthy = [card.id for card in able if not _barred(card, seen, heard, before)]
    verdicts = []
    for card_id in dict.fromkeys((*standing, *hits, *triggered)):
        hit = hits.get(card_id)
        card = hit.card if hit else view.cards[card_id]
        obstacles: tuple[Obstacle, ...] = ()
        if card_id not in pushed:
            obstacles = _obstacles(card, seen, heard, before, worthy)
        verdicts.append(
            Verdict(
                card=card,
                shown=card_id in pushed,
                obstacles=obstacles,
                score=hit.score if hit else 0.0,
                dense=hit.dense if hit else 0.0,
                lexical=hit.lexical if hit else 0.0,
                fused=hit.fused if hit else 0.0,
                matched=hit.matched if hit else "",
                strength=standing[card_id].strength if card_id in standing else None,
                triggers=tuple(t for t in seen.triggers if t.card_id == card_id),
                negatives=_negatives(card, seen.joined.text) if card_id in seen.scan.negated else (),
            )
        )
    return tuple(verdicts)


def _obstacles(
    card: Card, seen: Considered, heard: Utterance, before: _Before, worthy: Sequence[str]
) -> tuple[Obstacle, ...]:
    """Everything about the card itself that forbids it; else the one thing that kept it out."""
    found: list[Obstacle] = []
    if all(c.card.id != card.id for c in seen.standing):
        found.append("evidence")
    elif _agents(card, seen, heard):
        found.append("agent")
    found += _barred(card, seen, heard, before)
    if found:
        return tuple(found)
    if not before.gate.passes(card, heard.segment_id, heard.end_ms):
        return ("already_shown",)
    return ("crowded_out",) if card.id in worthy[before.places :] else ("minute_full",)


def _barred(card: Card, seen: Considered, heard: Utterance, before: _Before) -> tuple[Obstacle, ...]:
    who = before.who
    bars = why_not(card, language=who.language, spoken=who.spoken, customer=who.customer, now=who.now)
    return ("negative", *bars) if card.id in seen.scan.negated else bars


def _negatives(card: Card, text: str) -> tuple[str, ...]:
    """Which of the card's negative phrases are in the text."""
    alone = ((phrase, TriggerMatcher([replace(card, negative=(phrase,), triggers=())])) for phrase in card.negative)
    return tuple(phrase for phrase, matcher in alone if matcher.negated(text, card.id))


def _agents(card: Card, seen: Considered, heard: Utterance) -> bool:
    """Whether only the search speaks for the card, and the agent spoke."""
    return heard.channel == "agent" and all(t.card_id != card.id for t in seen.triggers)


def _utterance(nth: int, raw: str, text: str, channel: Channel, language: Language) -> Utterance:
    start = nth * (_APART_MS + _LONG_MS)
    return Utterance(
        call_id="hit-test",
        channel=channel,
        segment_id=f"{channel}-{nth + 1}",
        start_ms=start,
        end_ms=start + _LONG_MS,
        raw_text=raw,
        text=text,
        language=language,
        confidence=1.0,
    )
