"""Why a card would be shown or not: sentences go through the assistant of a live call, and every candidate gets its
verdict.

Nothing is decided here: ``CallAssistant.decide`` says what it made of each candidate (``nlu.decision``). What an editor
needs beside it is added: all phrases that were heard, and which of the card's own limits are in the way.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from callcue.core.cards import Card, CardHit, CardQuery
from callcue.core.ports import Clock
from callcue.core.speech import Channel, Language, LanguageChoice, Utterance
from nlu.assist import AssistConfig, CallAssistant, KnowledgeView
from nlu.bars import because
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
class Withheld:
    """A card that fits the words and that no call shows now: it is not a candidate."""

    card: Card
    bars: tuple[Bar, ...]
    because: str
    """What keeps it back, in words."""
    hit: CardHit | None
    """With the score that it would have; None: only a phrase speaks for it."""
    triggers: tuple[TriggerHit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Cards that searches of calls leave out."""

    cards: Mapping[str, Card]
    """Those that are not published, by id."""
    triggers: TriggerMatcher
    """Their phrases."""
    search: Callable[[CardQuery], Awaitable[list[CardHit]]]
    """Finds among them, and among published cards that the query's filters keep out."""
    left_out: int = 0
    """Unpublished cards beyond those that are looked at."""


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
    withheld: tuple[Withheld, ...] = ()
    """Cards beside them that fit, but are expired, not published, for others: surest first."""


async def explain(
    lines: Sequence[str],
    *,
    view: KnowledgeView,
    config: AssistConfig,
    clock: Clock,
    channel: Channel = "caller",
    language: LanguageChoice = "auto",
    customer: Customer | None = None,
    shelf: Shelf | None = None,
) -> list[ExplainedLine]:
    """Judge sentences of one speaker, one after the other, as finals of one call: cards shown for an earlier one are
    remembered. Search failures raise nothing, as in a call: then only triggers are found. With a ``shelf`` each line
    also names the cards on it that would fit."""
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
        line_found = ExplainedLine(text=text, query=decision.query, hints=decision.hints, candidates=tuple(candidates))
        if shelf is not None:
            lang = spoken if language == "auto" else language
            about = _About(text=text, channel=channel, language=lang, customer=customer, least=config.least_score(lang))
            line_found = replace(line_found, withheld=await _withheld(line_found, shelf, about, now))
        explained.append(line_found)
    return explained


@dataclass(frozen=True, slots=True, kw_only=True)
class _About:
    """An utterance, as cards on the shelf are held against it."""

    text: str
    channel: Channel
    language: Language
    customer: Customer
    least: float
    """The score that a search result needs."""


async def _withheld(line: ExplainedLine, shelf: Shelf, about: _About, now: datetime) -> tuple[Withheld, ...]:
    """Cards that would fit: by a phrase or by a sufficient score, without a negative phrase, and barred."""
    scan = shelf.triggers.read(about.text, about.channel)
    hits: dict[str, CardHit] = {}
    if line.query and about.channel == "caller":
        audience = about.customer.audience(about.language)
        query = CardQuery(text=line.query, lang=about.language, audience=audience, valid_at=now)
        hits = {hit.card.id: hit for hit in await shelf.search(query) if hit.score >= about.least}
    cards = {hit.card.id: hit.card for hit in hits.values()} | {h.card_id: shelf.cards[h.card_id] for h in scan.hits}
    known = {candidate.card.id for candidate in line.candidates} | set(scan.negated)
    found = []
    for card in (card for card_id, card in cards.items() if card_id not in known):
        bars = why_not(card, language=about.language, spoken=about.language, customer=about.customer, now=now)
        if bars:
            why = because(card, bars, customer=about.customer, spoken=about.language, now=now)
            heard = tuple(hit for hit in scan.hits if hit.card_id == card.id)
            found.append(Withheld(card=card, bars=bars, because=why, hit=hits.get(card.id), triggers=heard))
    return tuple(sorted(found, key=lambda one: (-(one.hit.score if one.hit else 1.0), one.card.id)))


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
