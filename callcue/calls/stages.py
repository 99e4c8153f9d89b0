"""What every call needs, made once by the composition root and shared by all calls."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from asr.scheduler import DecodeScheduler
from asr.streaming import ChannelRecogniser, StreamConfig, TranscriptUpdate
from callcue.calls.customer_desk import CustomerDesk
from callcue.calls.filling import Filling
from callcue.calls.knowledge import KnowledgeBase
from callcue.calls.orders import OrderDesk
from callcue.calls.record_filler import Origin, RecordFiller
from callcue.calls.records import RecordKeeper
from callcue.calls.start import StartCall
from callcue.calls.summary_writing import SummaryWriter
from callcue.core.ports import Clock, Embedder, TagModel, VoiceActivity
from callcue.core.speech import Channel
from callcue.core.taxonomy import Taxonomy, default_taxonomy
from callcue.infra.event_log import EventLog
from callcue.infra.metrics import Metrics
from callcue.infra.questions import QuestionStore
from nlu.assist import AssistConfig
from nlu.normalise import Normaliser
from tagger.record_rules import RecordRules
from tagger.rules import RuleSet, shipped_rules


@dataclass(frozen=True, slots=True, kw_only=True)
class CallConfig:
    """Limits and thresholds of a call."""

    stream: StreamConfig
    assist: AssistConfig
    fill_threshold: float
    """Probability from which a finding of the tagger fills its field."""
    resume_grace_s: float
    expiry_s: float
    """Seconds of call time that a pushed card stays useful."""
    max_calls: int
    max_lag_s: float
    """Seconds that a final may wait for its text before new calls are refused."""
    summary_at_end: bool = True
    trace_days: float = 30.0
    """How far back the record tells what the customer did elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """The shared parts of every call's pipeline."""

    log: EventLog
    scheduler: DecodeScheduler
    voice_activity: Callable[[], VoiceActivity]
    """Makes one detector per channel."""
    engine_name: str
    normaliser: Normaliser
    knowledge: KnowledgeBase
    records: RecordKeeper
    issue: TagModel
    sentiment: TagModel
    clock: Clock
    metrics: Metrics
    config: CallConfig
    questions: QuestionStore | None = None
    """Where needs that brought no card are kept; None: nowhere."""
    rules: RuleSet | None = None
    """The tags that utterances show; None: those that come with CallCue."""
    customers: CustomerDesk | None = None
    """Tags out of what customers did elsewhere; None: there are none."""
    embedder: Embedder | None = None
    """Compares what a customer says with the answers of a flow; None: by words alone."""
    orders: OrderDesk | None = None
    """The shop's orders; None: facts are not checked."""
    summary_writer: SummaryWriter | None = None
    """Asks a language model for summaries; None: they are in the call's own words."""
    taxonomy: Taxonomy = field(default_factory=default_taxonomy)
    """What calls can be about."""
    subtype: TagModel | None = None
    """Tells sub-types of issues; None: types alone."""

    record_rules: RecordRules = field(default_factory=RecordRules)
    """What the configuration says of lines, channels and coordinators."""

    def filling(self, call_id: str, request: StartCall, started_at: datetime) -> Filling:
        """What fills the fields of a call's record that nobody types."""
        filler = RecordFiller(
            started_at=started_at,
            origin=Origin(dialled=request.dialled, channel=request.origin),
            rules=self.record_rules,
            vocabulary=self.rules or shipped_rules(),
            trace_days=self.config.trace_days,
            fill_threshold=self.config.fill_threshold,
        )
        return Filling(call_id=call_id, filler=filler, records=self.records, clock=self.clock)

    def recogniser(
        self, channel: Channel, request: StartCall, emit: Callable[[TranscriptUpdate], Awaitable[None]]
    ) -> ChannelRecogniser:
        """A recogniser for one channel of a call."""
        return ChannelRecogniser(
            channel=channel,
            sample_rate=request.sample_rate,
            language=request.language_of(channel),
            scheduler=self.scheduler,
            vad=self.voice_activity(),
            config=self.config.stream,
            emit=emit,
        )
