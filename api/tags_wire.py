"""The bodies of customer events, tags and forecasts."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from api.base import In, Out
from callcue.core.customer_events import MAX_BATCH, MAX_SOURCE, MAX_SUBJECT, CustomerEvent


class EventBody(In):
    """One thing that a customer did."""

    event_id: Annotated[str, Field(max_length=128)]
    """The source's own id: sent again, it changes nothing."""
    kind: Annotated[str, Field(max_length=32)]
    """page_view, order, visit, complaint, inquiry, search, favorite, or a word of your own."""
    at: AwareDatetime
    """When it happened, ISO 8601 with an offset."""
    customer_id: Annotated[str, Field(max_length=128)] = ""
    phone: Annotated[str, Field(max_length=32)] = ""
    """This or ``customer_id``; with both, they are tied together."""
    subject: Annotated[str, Field(max_length=MAX_SUBJECT)] = ""
    """What it was about: a product, a page, a store."""
    source: Annotated[str, Field(max_length=MAX_SOURCE)] = ""
    """Which system or channel."""

    def event(self) -> CustomerEvent:
        """For the layers below, which check it."""
        held = self.model_dump(exclude={"at"})
        return CustomerEvent(at_ms=int(self.at.timestamp() * 1000), **held)


class EventsBody(In):
    """A batch; all or nothing."""

    events: Annotated[list[EventBody], Field(min_length=1, max_length=MAX_BATCH)]


class IntakeView(Out):
    """What became of a batch."""

    added: int
    known: int
    """Held already, the same."""
    different: list[str]
    """Ids that are held with other contents; what is held stays."""


class CustomerBody(In):
    """Whose events are wanted."""

    phone: Annotated[str, Field(max_length=32)] = ""
    customer_id: Annotated[str, Field(max_length=128)] = ""


class EventView(Out):
    """One event as it is kept."""

    event_id: str
    kind: str
    at: str
    subject: str
    source: str


class DerivedView(Out):
    """A derived tag and the events that make it."""

    tag: str
    probability: float
    evidence: list[str]


class CustomerView(Out):
    """What is known of a customer from elsewhere."""

    events: list[EventView]
    """Newest first, at most 100."""
    more: int
    """Events that are not listed."""
    tags: list[DerivedView]


Kind = Literal["base", "demand", "culture", "derived", "predictive", "person"]


class TagView(Out):
    """One tag of a call."""

    tag: str
    kind: Kind
    probability: float
    evidence: list[str]
    """Segment ids; of derived tags ``event:`` ids, of predictive ones the ``feature:`` names that raised them."""
    model: str
    """The rules or weights, or the person."""
    on_record: bool
    """False: a suggestion below the threshold, or one that was taken off."""


class TagsView(Out):
    """The tags of a call, and its record in shorthand."""

    call_id: str
    tags: list[TagView]
    shorthand: str
    """→ and ★, a line each; empty where the record has neither."""


class NoteBody(In):
    """A note."""

    text: Annotated[str, Field(max_length=2000)]


class NoteItem(Out):
    """One item of a note."""

    kind: Literal["handoff", "lead", "text"]
    text: str
    """In its one form."""
    steps: tuple[tuple[str, str], ...] = ()
    """Of a hand-off: channel (or empty) and what is done there."""
    detail: str = ""
    budget: str | None = None
    """Of a lead: yuan."""
    needs: tuple[str, ...] = ()


class NoteView(Out):
    """A note as structure."""

    items: list[NoteItem]


class VocabularyView(Out):
    """Every tag that can be given."""

    speech: dict[str, Literal["base", "demand", "culture"]]
    derived: list[str]
    """As the rules write them, with {count}, {subject} and {source}."""
    predictive: list[str]


class BinView(Out):
    """Forecasts of one range of probability, a tenth wide."""

    low: float
    cases: int
    happened: int
    mean: float


class ScoresView(Out):
    """What became of the newest forecasts."""

    cases: int
    happened: int
    brier: float | None
    base_brier: float | None
    skill: float | None
    worse: float | None
    spiegelhalter: float | None
    large: float | None
    bins: list[BinView]


class ForecastView(Out):
    """A predictive tag as it stands."""

    name: str
    tag: str
    horizon_days: int
    show_from: float
    state: Literal["watching", "shown", "off"]
    since: str | None
    by: str
    reason: str
    """Why it was switched."""
    open: str
    """What it lacks before it is shown."""
    scores: ScoresView


class SwitchView(Out):
    """One decision."""

    name: str
    state: Literal["watching", "shown", "off"]
    at: str
    by: str
    reason: str
    model: str


class ForecastsView(Out):
    """All predictive tags, and every decision about them, newest first."""

    model: str
    trained_on: str
    tags: list[ForecastView]
    switches: list[SwitchView]


class SwitchBody(In):
    """``watching``: it is shown once it has kept its word again; ``shown``: at once; ``off``: no more."""

    state: Literal["watching", "shown", "off"]
    note: Annotated[str, Field(max_length=1000)] = ""


class HappenedBody(In):
    """What came of a forecast."""

    happened: bool
