"""Everything that happens in a call, as frozen data.

Every event carries ``call_id``, ``seq`` and ``at_ms``. Durable events are numbered per call from 1 without gaps by the
event log when they are written, which is before anybody is told; until then ``seq`` is 0. A lossy event carries the
``seq`` of the newest durable event before it and never takes a number of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar, Literal

from callcue.core.cards import PushReason
from callcue.core.customers import CustomerProfile
from callcue.core.facts import FactCandidate
from callcue.core.feelings import AlertPart, Feeling, Severity, SpeakerFeelings
from callcue.core.flows import AnswerEvidence, FlowAction, FlowMover
from callcue.core.orders import Order, OrderMismatch
from callcue.core.records import FieldChange, FieldSource, Value
from callcue.core.speech import (
    Channel,
    ChannelVoice,
    Encoding,
    Language,
    LanguageChoice,
    TextSpan,
    Utterance,
    VoiceCues,
    Word,
)
from callcue.core.summaries import Method, Moment, SummaryPart

AckAction = Literal["used", "dismissed", "pinned", "wrong"]
"""What an agent does with a card on the screen."""


class Delivery(Enum):
    """What may happen to an event of a type under load."""

    LOSSY = "lossy"
    """May be dropped; the newest wins."""
    DURABLE = "durable"
    """Written before it is announced; never dropped."""
    IN_PROCESS = "in_process"
    """Never on the bus, never logged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFrame:
    """Audio of one channel, decoded from the wire."""

    delivery: ClassVar[Delivery] = Delivery.IN_PROCESS
    pcm: bytes
    """s16le, mono."""
    sample_rate: int
    """Hz."""
    channel: Channel
    at_ms: int
    """Call time of the first sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What all events on the bus carry."""

    delivery: ClassVar[Delivery] = Delivery.DURABLE
    call_id: str
    seq: int = 0
    at_ms: int
    """Call time: milliseconds of audio since the call began, not wall clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStarted(Event):
    """A call was accepted."""

    type: Literal["CallStarted"] = "CallStarted"
    channels: tuple[Channel, ...]
    agent_id: str | None
    caller: str | None
    """The caller's number as the switch gave it."""
    language: LanguageChoice
    source: str
    """The intake: ``native``, ``file``, ..."""
    sample_rate: int
    encoding: Encoding
    started_at: str
    """ISO 8601 with offset, wall clock."""
    languages: tuple[LanguageChoice, ...] = ()
    """Of each of ``channels``, in their order; empty: all have ``language``."""
    dialled: str | None = None
    """The number or line that was called, as the switch gave it."""
    origin: str | None = None
    """The channel that brought the call, as the intake named it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded(Event):
    """A call is over; nothing but people's edits comes after it."""

    type: Literal["CallEnded"] = "CallEnded"
    reason: Literal["hangup", "interrupted", "disconnected", "error", "shutdown"]
    duration_ms: int
    """Milliseconds of audio received."""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialTranscript(Event):
    """What is being said, so far. ``stable`` only grows within a segment; ``unstable`` may change."""

    delivery: ClassVar[Delivery] = Delivery.LOSSY
    type: Literal["PartialTranscript"] = "PartialTranscript"
    channel: Channel
    segment_id: str
    revision: int
    """Counts from 1 within the segment."""
    start_ms: int
    """Call time at which the segment's speech began."""
    stable: str
    unstable: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalTranscript(Event):
    """What was said in one segment; replaces its partials."""

    type: Literal["FinalTranscript"] = "FinalTranscript"
    channel: Channel
    segment_id: str
    revision: int
    start_ms: int
    end_ms: int
    """Call time of the end of speech in the segment."""
    raw_text: str
    text: str
    """Normalised: simplified characters, digits from spoken numbers."""
    spans: tuple[TextSpan, ...]
    words: tuple[Word, ...]
    confidence: float
    """0..1."""
    language: Language
    engine: str
    """Model name and precision."""
    voice: VoiceCues | None = None
    """How it was said; None: not measured."""

    def utterance(self, alternatives: tuple[str, ...] = ()) -> Utterance:
        """What the stages after recognition work on; ``alternatives`` are not kept in the log."""
        return Utterance(
            call_id=self.call_id,
            channel=self.channel,
            segment_id=self.segment_id,
            start_ms=self.start_ms,
            end_ms=self.end_ms,
            raw_text=self.raw_text,
            text=self.text,
            language=self.language,
            confidence=self.confidence,
            alternatives=alternatives,
            voice=self.voice,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceSummary(Event):
    """How both sides spoke; written once, when everything that was heard is transcribed, before CallEnded."""

    type: Literal["VoiceSummary"] = "VoiceSummary"
    channels: tuple[ChannelVoice, ...]
    silence_ms: int
    """Milliseconds in which nobody spoke (dead air), from the first sample to the last."""
    longest_silence_ms: int
    """The longest of these silences."""
    longest_silence_at_ms: int
    """Call time at which it begins."""
    overlap_ms: int | None
    """Milliseconds in which both spoke. None: the call has one channel, so nobody can tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardPush(Event):
    """A card goes on the agent's screen."""

    type: Literal["CardPush"] = "CardPush"
    card_id: str
    card_version: int
    title: str
    rank: int
    """1 is the first of the cards that this utterance brought."""
    score: float
    """0..1, calibrated; 1.0 for an exact trigger."""
    reason: PushReason
    expires_at_ms: int
    """Call time after which a desktop may take the card down."""
    slots: Mapping[str, str | None] = field(default_factory=dict)
    """What stands for the blanks of a script card, as far as this call knows it; null: a blank."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardAck(Event):
    """What the agent did with a pushed card."""

    type: Literal["CardAck"] = "CardAck"
    card_id: str
    push_seq: int
    """``seq`` of the CardPush."""
    action: AckAction
    by: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowUpdated(Event):
    """A flow card moved, or may have to. A call's flows are the fold over these events."""

    type: Literal["FlowUpdated"] = "FlowUpdated"
    card_id: str
    card_version: int
    """The version that the flow was begun with; it stays with it for the whole call."""
    action: FlowAction
    step: str
    """The step that was current. Of ``went_back``: the step that was left."""
    answer: str = ""
    """The answer chosen or suggested; empty where a step without answers was ticked off, and for other actions."""
    to: str
    """The step that is current after it, or ``end``; of ``suggested`` the one that the answer would lead to."""
    source: FlowMover
    by: str
    """Who sat at the desk; ``caller`` where the customer's words moved it."""
    confidence: float = 1.0
    """0..1; 1.0 for a person. Not a calibrated probability."""
    evidence: AnswerEvidence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerKnown(Event):
    """Who the customer is, from outside; replaces what was known before."""

    type: Literal["CustomerKnown"] = "CustomerKnown"
    profile: CustomerProfile
    by: str
    """The intake, or the name of the token that told it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TagUpdate(Event):
    """The tagger, or a rule over what is known of the call, found something."""

    type: Literal["TagUpdate"] = "TagUpdate"
    field: str
    value: Value
    """One value; of a field that holds several, one more or (a list) all of them. Null or empty: what was said of the
    field before does not hold any more."""
    probability: float
    """Calibrated, 0..1."""
    evidence: tuple[str, ...]
    """Segment ids."""
    model: str
    source: FieldSource
    fills: bool
    """False: a suggestion below the field's threshold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordUpdated(Event):
    """The call record has a new version."""

    type: Literal["RecordUpdated"] = "RecordUpdated"
    version: int
    changes: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryWritten(Event):
    """The call was summed up: on request while it runs, for a colleague who takes over, or at its end."""

    type: Literal["SummaryWritten"] = "SummaryWritten"
    version: int
    """Counts the call's summaries from 1."""
    moment: Moment
    parts: tuple[SummaryPart, ...]
    method: Method
    model: str
    """Name and version of what made it."""
    by: str
    """Who asked for it; ``callcue`` for the one at the end."""
    to: str | None = None
    """Of a transfer: the agent who takes over and may read this summary; None: nobody was named."""
    note: str = ""
    """Why it is not what was asked for; empty: nothing happened."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Sentences of a language model that were not shown, by why not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentimentHeard(Event):
    """How one utterance was meant, and the speaker's trend with it."""

    type: Literal["SentimentHeard"] = "SentimentHeard"
    feeling: Feeling | None
    """None: whoever reads the event may not see the record's sentiment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentimentSummary(Event):
    """Whether the speakers' mood rose or fell; written once, when the record is complete, before CallEnded."""

    type: Literal["SentimentSummary"] = "SentimentSummary"
    speakers: tuple[SpeakerFeelings, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordConfirmed(Event):
    """Somebody looked at the record after the call and says that it is right. Its clock stops."""

    type: Literal["RecordConfirmed"] = "RecordConfirmed"
    version: int
    """The version of the record that was confirmed."""
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert(Event):
    """Something that a supervisor should look at."""

    type: Literal["Alert"] = "Alert"
    kind: str
    """``withheld``: whoever reads the event may not see what it is about."""
    reason: str
    evidence: tuple[str, ...]
    severity: Severity
    parts: tuple[AlertPart, ...] = ()
    """What ``reason`` is made of, where it tells values of the record's fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactsUpdated(Event):
    """Candidates for facts that are new or changed. A call's facts are the fold over these events."""

    type: Literal["FactsUpdated"] = "FactsUpdated"
    candidates: tuple[FactCandidate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChecked(Event):
    """What was said, held against the order feed; replaces what the check before it said."""

    type: Literal["OrderChecked"] = "OrderChecked"
    order: Order | None = None
    """The order that the call is about; None: not found, or somebody else's."""
    age_days: int | None = None
    """Days from the order's date to the call's; None where there is no order."""
    proposed: tuple[str, ...] = ()
    """Numbers of the caller's orders that the number that was heard may have been, the nearest first."""
    mismatches: tuple[OrderMismatch, ...] = ()
    """The weightiest first; empty: everything agrees."""
    unavailable: str = ""
    """Why the feed could not be asked; empty: it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KbChanged(Event):
    """Cards were added, changed or retired. ``call_id`` is ``ids.KB_STREAM``, ``at_ms`` 0."""

    type: Literal["KbChanged"] = "KbChanged"
    card_ids: tuple[str, ...]
    """At most 100; ``total`` says how many there were."""
    total: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexBuilt(Event):
    """A new generation of the card index serves searches."""

    type: Literal["IndexBuilt"] = "IndexBuilt"
    generation: int
    cards: int
    took_ms: int


AnyEvent = (
    CallStarted
    | CallEnded
    | PartialTranscript
    | FinalTranscript
    | VoiceSummary
    | CardPush
    | CardAck
    | FlowUpdated
    | CustomerKnown
    | TagUpdate
    | RecordUpdated
    | SummaryWritten
    | SentimentHeard
    | SentimentSummary
    | RecordConfirmed
    | Alert
    | FactsUpdated
    | OrderChecked
    | KbChanged
    | IndexBuilt
)
