"""The bodies of the REST interface, in and out."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from api.base import In, Out
from api.editing_wire import CurrentCardView, FieldDiffView, WarningView
from api.voice import CuesView
from callcue.core.cards import CardStatus
from callcue.core.events import AckAction
from callcue.core.speech import Channel, Encoding, Language, LanguageChoice
from kb_index.formats import CardFormat

Values = Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(max_length=20)]
ImportFormat = CardFormat | Literal["html"]


class ProblemView(Out):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str
    """Stable, for programs."""
    detail: str
    """For people."""
    errors: tuple["FieldProblemView", ...] = ()
    """The fields that are wrong, where fields are."""
    current: CurrentCardView | None = None
    """With ``stale_version`` and ``version_needed`` of a card: what is stored."""


class FieldProblemView(Out):
    """One field and what is wrong with it."""

    field: str
    message: str


class CallsQuery(In):
    """Which calls to list."""

    agent_id: Annotated[str, Field(max_length=128)] | None = None
    live: bool | None = None
    since: AwareDatetime | None = None
    """Started at or after; ISO 8601 with offset."""
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, Field(max_length=128)] | None = None
    """``next`` of the page before."""


class CallView(Out):
    """One call."""

    call_id: str
    agent_id: str | None
    caller: str | None
    """The caller's number as the switch gave it."""
    language: LanguageChoice
    source: str
    channels: tuple[Channel, ...]
    sample_rate: int
    """Hz."""
    encoding: Encoding
    started_at: str
    """ISO 8601 with offset."""
    ended_at: str | None
    duration_ms: int | None
    """Milliseconds of audio received; null while the call runs."""
    end_reason: str | None
    last_seq: int
    """The number of its newest durable event."""


class CallPage(Out):
    """Calls, newest first."""

    calls: list[CallView]
    next: str | None
    """Give it as ``cursor`` for the next page; null on the last."""


class EventsQuery(In):
    """Which events of a call to read."""

    after: Annotated[int, Field(ge=0, le=2**53)] = 0
    limit: Annotated[int, Field(ge=1, le=1000)] = 500


class EventPage(Out):
    """Durable events in order, in the form in which the desktop socket sends them."""

    events: list[dict[str, object]]
    next: int | None
    """Give it as ``after`` for the next page; null when these were the newest."""


class SegmentView(Out):
    """A final transcript."""

    segment_id: str
    channel: Channel
    start_ms: int
    """Call time, milliseconds."""
    end_ms: int
    text: str
    """Normalised."""
    raw_text: str
    confidence: float
    """0..1."""
    language: Language
    voice: CuesView | None
    """How it was said; null where it was not measured."""


class TranscriptView(Out):
    """The final transcripts of a call, by the time at which they begin."""

    call_id: str
    segments: list[SegmentView]


class AckBody(In):
    """What the agent did with a card."""

    push_seq: Annotated[int, Field(ge=1, le=2**53)]
    """``seq`` of the CardPush."""
    action: AckAction
    note: Annotated[str, Field(max_length=1000)] = ""


class AckView(Out):
    """The acknowledgement as written."""

    call_id: str
    seq: int
    card_id: str
    push_seq: int
    action: str
    by: str


class CardsQuery(In):
    """Which cards to list."""

    status: CardStatus | None = None
    lang: Annotated[str, Field(max_length=35)] | None = None
    owner: Annotated[str, Field(max_length=200)] | None = None
    expiring_days: Annotated[int, Field(ge=0, le=3660)] | None = None
    """Only cards whose ``valid_to`` is over within so many days, or is over, and that are not retired."""
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    after: Annotated[str, Field(max_length=128)] | None = None
    """``next`` of the page before."""


class VersionQuery(In):
    """Which version of a card."""

    version: Annotated[int, Field(ge=1, le=2**53)] | None = None
    """The newest where it is absent."""


class CardView(Out):
    """A stored card."""

    version: int
    """Counts the card's stored versions from 1."""
    card: dict[str, object]
    """In the import form."""


class CardPage(Out):
    """Cards by id."""

    cards: list[CardView]
    next: str | None


class CardSaved(Out):
    """The result of saving one card."""

    id: str
    version: int
    outcome: Literal["added", "changed", "unchanged"]
    warnings: list[WarningView]
    """What an editor should look at; it blocks nothing."""


class ImportQuery(In):
    """How to import."""

    dry_run: bool = False
    """Only say what would happen."""
    format: ImportFormat | None = None
    """By the content type where it is absent: application/jsonl, application/x-ndjson, text/csv or text/html."""
    name: Annotated[str, Field(min_length=1, max_length=300)] = "page.html"
    """Of a page (a file's name, an address): its cards' ids are made of it, so that it can be imported again."""


class ExportQuery(In):
    """How to export."""

    format: CardFormat = "jsonl"
    status: CardStatus | None = None


class ImportProblem(Out):
    """Why a card was not taken."""

    where: str
    message: str


class CardChangeView(Out):
    """What an import changes about one card."""

    card_id: str
    version: int
    """The stored version that is followed."""
    fields: tuple[FieldDiffView, ...]


class ImportReport(Out):
    """What an import did, or with ``dry_run`` would do. A file with problems is not imported at all."""

    dry_run: bool
    added: list[str]
    changed: list[str]
    changes: list[CardChangeView]
    """The fields of each changed card."""
    unchanged: int
    problems: list[ImportProblem]
    warnings: list[WarningView]
    """What an editor should look at; of imports of up to 500 cards."""


class SearchedFor(In):
    """What is known of the customer. Cards that are limited to others are left out; an empty list rules nothing out."""

    lifecycle: Values = ()
    segment: Values = ()
    region: Values = ()
    language: Values = ()


class SearchBody(In):
    """What to look for."""

    text: Annotated[str, Field(max_length=2000)]
    top_k: Annotated[int, Field(ge=1, le=50)] = 10
    lang: Annotated[str, Field(max_length=35)] | None = None
    category: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=20)] | None = None
    """A category path; matches cards whose path begins with it."""
    audience: SearchedFor | None = None
    valid_at: AwareDatetime | None = None
    """Only cards that are valid at this moment; without it their dates do not matter."""
    call_id: Annotated[str, Field(max_length=128)] | None = None
    """The call that the agent searches for: what the customer said before it may become a sample question."""


class HitView(Out):
    """One search result."""

    card_id: str
    version: int
    title: str
    score: float
    """Calibrated probability, 0..1, that the card answers the query."""
    dense: float
    """Cosine of the nearest indexed text."""
    lexical: float
    """BM25 over character bigrams."""
    fused: float
    """What the list is ordered by."""
    matched: str
    """The title or sample question that came nearest."""
    feedback: float
    """How far what agents made of the card moved the log-odds of the score; 0: not at all."""
    card: dict[str, object]


class SearchResult(Out):
    """Best first."""

    hits: list[HitView]
    generation: int
    """Of the index that answered."""
    search_id: str | None
    """For ``POST /v1/search/{search_id}/taken``; null for roles whose searches are not kept."""


class HealthView(Out):
    """The process answers."""

    status: Literal["ok"] = "ok"


class ReadyView(Out):
    """Whether calls would be served."""

    ready: bool
    components: dict[str, str]
    """``ok``, or why not; without a token only ``not ready``."""
