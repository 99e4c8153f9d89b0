"""The bodies of the REST interface for editors: versions, steps of a card's life, warnings, hit test, questions."""

from typing import Annotated, Literal

from pydantic import Field

from api.base import In, Out
from callcue.calls.questions import Source
from callcue.core.cards import CardStatus, TriggerMatch
from callcue.core.lifecycle import MAX_NOTE
from callcue.core.speech import Channel, LanguageChoice
from callcue.infra.searches import QuestionVerdict, SearchAction
from kb_index.check import WarningKind
from nlu.decision import Verdict
from nlu.gate import Bar

CardId = Annotated[str, Field(max_length=128)]
Version = Annotated[int, Field(ge=1, le=2**53)]
Note = Annotated[str, Field(max_length=MAX_NOTE)]


class FieldDiffView(Out):
    """One field that differs."""

    field: str
    old: object
    new: object
    lines: tuple[str, ...]
    """``- `` gone, ``+ `` new, two blanks for what stays beside them, ``…`` for what is left out."""


class CurrentCardView(Out):
    """The stored card that an edit would have overwritten."""

    card_id: str
    based_on: int
    """The version that the edit was made from; 0 where it named none."""
    version: int
    """The newest."""
    saved_by: str
    saved_at: str
    changes: tuple[FieldDiffView, ...]
    """From ``based_on`` to ``version``."""


class VersionView(Out):
    """One version of a card, without its text."""

    version: int
    status: CardStatus
    title: str
    saved_at: str
    """ISO 8601, UTC."""
    saved_by: str
    action: Literal["save", "import", "restore", "status", "question"]
    note: str
    """Why, in the author's words."""


class VersionList(Out):
    """The versions of a card, newest first."""

    versions: list[VersionView]


class DiffQuery(In):
    """Which two versions to compare."""

    old: Annotated[int, Field(ge=1, le=2**53, alias="from")]
    new: Annotated[int, Field(ge=1, le=2**53, alias="to")]


class DiffView(Out):
    """What changed from one version to another."""

    changes: list[FieldDiffView]


class RestoreBody(In):
    """Which version to make the newest."""

    version: Version
    note: Note = ""


class StatusBody(In):
    """A step of a card's life."""

    status: CardStatus
    note: Note = ""
    """Why; needed for a step back or out."""


class WarningView(Out):
    """Something about two cards that an editor should look at; it blocks nothing."""

    kind: WarningKind
    card_id: str
    other_id: str
    here: str
    """The title, question, phrase or sentence of ``card_id``."""
    there: str
    """What it collides with in ``other_id``."""
    similarity: float
    """0..1: share of terms that both have; 1 for equal phrases."""


class CheckQuery(In):
    """Which cards to compare with all others."""

    card_id: CardId | None = None
    """All where it is absent."""


class CheckReport(Out):
    """Contradictions first, then phrases of two cards, then near-duplicates; at most 1000."""

    warnings: list[WarningView]


class CalledBy(In):
    """A customer, as far as cards are for some and not for others."""

    lifecycle: Annotated[str, Field(max_length=60)] = ""
    segment: Annotated[tuple[Annotated[str, Field(max_length=60)], ...], Field(max_length=20)] = ()
    region: Annotated[str, Field(max_length=60)] = ""
    language: Annotated[str, Field(max_length=60)] = ""


class HitTestBody(In):
    """What somebody says."""

    text: Annotated[str, Field(max_length=4000)]
    """Each line is an utterance; they follow each other in one call."""
    channel: Channel = "caller"
    language: LanguageChoice = "auto"
    customer: CalledBy | None = None
    """What is known of who calls; what is left out is not known."""


class TriggerView(Out):
    """A trigger phrase that was heard."""

    phrase: str
    match: TriggerMatch
    start: int
    end: int
    doubtful: bool
    """Written as another word that sounds the same."""


class CandidateView(Out):
    """A card that was considered."""

    card_id: str
    version: int
    title: str
    shown: bool
    verdict: Verdict
    """Why it is shown or held back: the first reason that holds."""
    bars: tuple[Bar, ...]
    """What of the card itself keeps it from this call, also where the verdict names something else."""
    score: float
    """The search's score as it counted, 0..1; 0 where the search did not find it."""
    dense: float
    lexical: float
    fused: float
    matched: str
    feedback: float
    """Log-odds by which agents' verdicts have moved the score."""
    strength: float
    """Search and trigger together, 0..1, which ranks."""
    triggers: tuple[TriggerView, ...]
    negatives: tuple[str, ...]
    """Negative phrases of it that were heard."""


class WithheldView(Out):
    """A card that fits the words and was no candidate, for what it says of itself."""

    card_id: str
    version: int
    title: str
    status: CardStatus
    bars: tuple[Bar, ...]
    because: str
    """What keeps it back, in words: ``expired on 2026-01-31``."""
    score: float
    """The search's score that it would have, 0..1; 0 where only a phrase speaks for it."""
    matched: str
    triggers: tuple[TriggerView, ...]


class JudgedView(Out):
    """One utterance and its candidates, best first."""

    text: str
    """Normalised."""
    query: str
    """What was looked up; empty: nothing was."""
    hints: tuple[str, ...]
    """What was looked up beside it: the words with what they speak of or refer to, the caller's mood."""
    candidates: list[CandidateView]
    withheld: list[WithheldView]
    """Cards that would fit, if they were published, valid and for this customer; no call shows them."""


class HitTestResult(Out):
    """What a call would show."""

    utterances: list[JudgedView]
    threshold: float
    """What the search's score must reach for Mandarin."""
    threshold_en: float
    """The same for English."""
    generation: int
    """Of the index that answered."""
    left_out: int
    """Unpublished cards beyond the 20,000 that were looked at for ``withheld``."""


class QuestionsQuery(In):
    """Which proposals to list."""

    card_id: CardId | None = None
    days: Annotated[int, Field(ge=1, le=366)] = 90


class ProposalView(Out):
    """A question that a card could have."""

    card_id: str
    title: str
    text: str
    sources: dict[Source, int]
    """Where it comes from, and how often."""
    count: int
    agents: int
    """Different agents behind it."""
    last_at: str
    """ISO 8601, UTC."""


class ProposalList(Out):
    """By how many agents stand behind them, then how often; at most 500."""

    questions: list[ProposalView]


class QuestionBody(In):
    """An editor's verdict on a proposed question."""

    text: Annotated[str, Field(min_length=1, max_length=500)]
    """As it was proposed."""
    verdict: QuestionVerdict
    wording: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    """How it is to stand in the card; as proposed where it is absent."""


class QuestionJudged(Out):
    """What came of the verdict."""

    version: int | None
    """The card's newest version after an accepted question."""


class TakenBody(In):
    """What came of a search."""

    card_id: CardId
    action: SearchAction
