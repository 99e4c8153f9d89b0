"""Why a card would be shown or not: sentences go through the assistant of a live call, and every candidate gets its
verdict.

Nothing is decided here: ``CallAssistant.decide`` says what it made of each candidate (``nlu.decision``). What an editor
needs beside it is added: all phrases that were heard, and which of the card's own limits are in the way.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from callcue.core.cards import Card, CardHit
from callcue.core.ports import Clock
from callcue.core.speech import Channel, Language, LanguageChoice, Utterance
from nlu.assist import AssistConfig, CallAssistant, KnowledgeView
from nlu.decision import Decision, Verdict
from nlu.decision import Judged as Decided
from nlu.folding import is_han
from nlu.gate import Bar, Customer, why_not
from nlu.normalise import Normaliser
from nlu.triggers import TriggerHit, TriggerMatcher

_APART_MS = 5_000
_LONG_MS = 2_000
MAX_LINES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """What came of one candidate."""

    card: Card
    verdict: Verdict
    bars: tuple[Bar, ...]
    """What of the card itself keeps it from this call, whatever else the verdict names."""
    hit: CardHit | None
    """What the search found, with the score that counted; None: only a phrase speaks for the card."""
    strength: float
    """Search and trigger together, 0..1, which ranks."""
    triggers: tuple[TriggerHit, ...]
    """Phrases of it that were heard."""
    negatives: tuple[str, ...]
    """Its negative phrases that were heard."""

    @property
    def shown(self) -> bool:
        """Whether a call would show it."""
        return self.verdict == "pushed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedLine:
    """One sentence and its candidates, best first."""

    text: str
    """Normalised, as a transcript shows it."""
    query: str
    """What was looked up; empty: small talk, a confirmation or numbers alone."""
    hints: tuple[str, ...]
    """What was looked up beside it."""
    candidates: tuple[Explained, ...]


async def explain(
    lines: Sequence[str],
    *,
    view: KnowledgeView,
    config: AssistConfig,
    clock: Clock,
    channel: Channel = "caller",
    language: LanguageChoice = "auto",
    customer: Customer | None = None,
) -> list[ExplainedLine]:
    """Judge sentences of one speaker, one after the other, as finals of one call: cards shown for an earlier one are
    remembered. Search failures raise nothing, as in a call: then only triggers are found."""
    customer = customer or Customer()
    assistant = CallAssistant(config=config, knowledge=lambda: view, clock=clock, language=language, customer=customer)
    normaliser = Normaliser()
    explained = []
    for nth, line in enumerate(lines):
        spoken: Language = ("zh" if any(map(is_han, line)) else "en") if language == "auto" else language
        text = normaliser.normalise(line.strip(), spoken, view.hotwords).text
        now = clock.now()
        decision = await assistant.decide(_utterance(nth, line, text, channel, spoken))
        candidates = []
        for decided in decision.judged:
            card = decided.candidate.card
            bars = why_not(card, language=language, spoken=spoken, customer=customer, now=now)
            candidates.append(_explained(decided, decision, bars))
        explained.append(
            ExplainedLine(text=text, query=decision.query, hints=decision.hints, candidates=tuple(candidates))
        )
    return explained


def _explained(decided: Decided, decision: Decision, bars: tuple[Bar, ...]) -> Explained:
    candidate = decided.candidate
    return Explained(
        card=candidate.card,
        verdict=decided.verdict,
        bars=bars,
        hit=candidate.hit,
        strength=candidate.strength,
        triggers=tuple(t for t in decision.triggers if t.card_id == candidate.card.id),
        negatives=_negatives(candidate.card, decision.text),
    )


def _negatives(card: Card, text: str) -> tuple[str, ...]:
    """Which of the card's negative phrases are in the text."""
    alone = ((phrase, TriggerMatcher([replace(card, negative=(phrase,), triggers=())])) for phrase in card.negative)
    return tuple(phrase for phrase, matcher in alone if matcher.negated(text, card.id))


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
