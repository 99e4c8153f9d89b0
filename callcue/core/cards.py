"""Knowledge cards, as imported, searched and pushed (the JSON form is one object a line; see docs/knowledge.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from callcue.core.speech import Channel

CardKind = Literal["faq", "procedure", "product", "flow", "script", "culture"]
CardStatus = Literal["draft", "review", "published", "retired"]
SpeakerFilter = Literal["caller", "agent", "any"]
TriggerMatch = Literal["exact", "pinyin"]
PushKind = Literal["trigger", "search", "profile", "sentiment", "request"]
"""What brought a card: a phrase, a question, what is known of the customer, how the customer feels, or somebody who
asked for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A phrase that brings the card up as soon as it is heard."""

    phrase: str
    speaker: SpeakerFilter = "any"
    match: TriggerMatch = "pinyin"
    """``pinyin`` also accepts homophones; the default for Chinese phrases, others are always matched exactly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a flow card."""

    id: str
    text: str
    next: Mapping[str, str] = field(default_factory=dict)
    """Answer -> id of the next step, or ``end``. Empty: the flow ends here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Whom the card is for. An empty list places no limit."""

    lifecycle: tuple[str, ...] = ()
    segment: tuple[str, ...] = ()
    """Kinds of customer, such as 企业 or 个人."""
    region: tuple[str, ...] = ()
    language: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """What brings a card up without a word about it: every condition that is given must hold, of a list one value.
    What is not known never holds."""

    birthday_within_days: int | None = None
    """Days until the customer's birthday, 0 for the day itself; None: no condition."""
    segment: tuple[str, ...] = ()
    risk: tuple[str, ...] = ()
    lifecycle: tuple[str, ...] = ()
    region: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    sentiment: tuple[str, ...] = ()
    """How the customer is found to feel during the call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A knowledge card. ``version`` counts the stored versions from 1; it is not part of the import format."""

    id: str
    title: str
    body: str
    """Markdown."""
    kind: CardKind = "faq"
    category: tuple[str, ...] = ()
    lang: str = "zh"
    questions: tuple[str, ...] = ()
    """How customers ask for it: worth more to the search than the body."""
    triggers: tuple[Trigger, ...] = ()
    negative: tuple[str, ...] = ()
    """Phrases that forbid the push when they are heard in the same utterance."""
    steps: tuple[Step, ...] = ()
    audience: Audience = Audience()
    when: When | None = None
    """Brings the card up by what is known of the customer; None: only what is said does."""
    priority: int = 50
    """0..100; higher wins between cards of equal score."""
    cooldown_s: float = 60.0
    """Seconds of call time before the card may be pushed again."""
    max_per_call: int = 1
    valid_from: str | None = None
    """ISO 8601 date or date-time; None: always."""
    valid_to: str | None = None
    owner: str | None = None
    status: CardStatus = "published"
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CardQuery:
    """What to look for. Filters that are None place no limit."""

    text: str
    top_k: int = 10
    lang: str | None = None
    """A language admits its regional forms: ``zh`` admits ``zh-TW``."""
    category: tuple[str, ...] | None = None
    """A category path; matches cards whose path begins with it."""
    audience: Audience | None = None
    """What is known of the customer: a card that is limited to other values is left out. A field that is empty here is
    unknown and rules nothing out."""
    valid_at: datetime | None = None
    """A moment, aware; cards that are not yet or no longer valid then are left out."""
    status: tuple[CardStatus, ...] | None = ("published",)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardHit:
    """One search result."""

    card: Card
    score: float
    """Calibrated probability, 0..1, that this card answers the query."""
    dense: float
    """Cosine of the nearest indexed text of the card."""
    lexical: float
    """Lexical score (BM25 over character bigrams); 0 when no bigram is shared."""
    matched: str
    """The indexed text (title or sample question) that came nearest."""
    fused: float = 0.0
    """The ranking score before calibration; compare only within one result list."""
    feedback: float = 0.0
    """What agents made of the card moved the log-odds of ``score`` by so much; 0: nothing did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushReason:
    """Why a card was pushed: what an agent or an auditor is told."""

    kind: PushKind
    matched: str
    """The trigger phrase, or the indexed question that came nearest. Of ``profile`` and ``sentiment``: the condition of
    the card that holds; of ``request``: who asked for it."""
    query: str
    """The text that was looked up or scanned; empty where nothing was said."""
    segment_id: str
    """Empty where nothing that was said brought the card."""
    channel: Channel
    start: int
    """The evidence span: offsets in characters into the segment's normalised text."""
    end: int
    match: Literal["exact", "pinyin", "semantic"] = "semantic"
    feedback: float = 0.0
    """How far what agents made of the card before moved the log-odds of its search score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A card that passed the gate, ready to be pushed."""

    card: Card
    rank: int
    """1 is the first of this batch."""
    score: float
    reason: PushReason
