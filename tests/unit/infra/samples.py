"""Events to write: one of each type, and a call to put them into."""

from callcue.core.cards import PushReason
from callcue.core.customers import CustomerProfile
from callcue.core.events import (
    Alert,
    AnyEvent,
    CallEnded,
    CallStarted,
    CardAck,
    CardPush,
    CustomerKnown,
    FactsUpdated,
    FinalTranscript,
    FlowUpdated,
    IndexBuilt,
    KbChanged,
    OrderChecked,
    PartialTranscript,
    RecordConfirmed,
    RecordUpdated,
    SentimentHeard,
    SentimentSummary,
    SummaryWritten,
    TagUpdate,
    VoiceSummary,
)
from callcue.core.facts import FactCandidate, FactSpan
from callcue.core.feelings import Feeling, SpeakerFeelings
from callcue.core.flows import AnswerEvidence, FlowMover
from callcue.core.ids import KB_STREAM
from callcue.core.orders import Order, OrderMismatch
from callcue.core.records import FieldChange, FieldValue, Value
from callcue.core.speech import ChannelVoice, TextSpan, VoiceCues, Word
from callcue.core.summaries import Quote, SummaryPart, SummarySentence


def started(
    call_id: str = "c1",
    *,
    agent_id: str | None = "a1",
    caller: str | None = "13800138000",
    started_at: str = "2026-11-23T10:00:00+08:00",
) -> CallStarted:
    return CallStarted(
        call_id=call_id,
        at_ms=0,
        channels=("caller", "agent"),
        agent_id=agent_id,
        caller=caller,
        language="zh",
        source="native",
        sample_rate=8000,
        encoding="pcmu",
        started_at=started_at,
    )


def final(call_id: str = "c1", nth: int = 1, text: str = "我要开发票") -> FinalTranscript:
    return FinalTranscript(
        call_id=call_id,
        at_ms=nth * 1000,
        channel="caller",
        segment_id=f"caller-{nth}",
        revision=3,
        start_ms=nth * 1000 - 800,
        end_ms=nth * 1000,
        raw_text=text,
        text=text,
        spans=(TextSpan(start=0, end=1, raw_start=0, raw_end=1, kind="script"),),
        words=(Word(text="我", start_ms=200, end_ms=300, probability=0.5),),
        confidence=0.75,
        language="zh",
        engine="whisper-base/int8",
        voice=cues(),
    )


def cues() -> VoiceCues:
    return VoiceCues(
        voiced_ms=700,
        loudness_dbfs=-24.5,
        loudness_high_dbfs=-18.0,
        pitch_hz=182.5,
        pitch_low_hz=150.0,
        pitch_high_hz=230.0,
        rate=4.29,
    )


def voices(call_id: str = "c1", at_ms: int = 9000) -> VoiceSummary:
    caller = ChannelVoice(channel="caller", talk_ms=1200, interruptions=1, language="zh", voice=cues())
    agent = ChannelVoice(channel="agent", talk_ms=0, interruptions=0, language=None, voice=VoiceCues(voiced_ms=0))
    return VoiceSummary(
        call_id=call_id,
        at_ms=at_ms,
        channels=(caller, agent),
        silence_ms=7800,
        longest_silence_ms=5000,
        longest_silence_at_ms=1000,
        overlap_ms=0,
    )


def partial(call_id: str = "c1", revision: int = 1, segment_id: str = "caller-1") -> PartialTranscript:
    return PartialTranscript(
        call_id=call_id,
        at_ms=500,
        channel="caller",
        segment_id=segment_id,
        revision=revision,
        start_ms=200,
        stable="我",
        unstable="要",
    )


def change(field: str, value: Value, *, old: Value = None) -> FieldChange:
    return FieldChange(
        field=field, old=old, new=FieldValue(value=value, probability=1.0, source="person", by="li", evidence=("s1",))
    )


def updated(call_id: str = "c1", version: int = 1, *changes: FieldChange) -> RecordUpdated:
    return RecordUpdated(call_id=call_id, at_ms=2000, version=version, changes=changes or (change("priority", 1),))


def ended(call_id: str = "c1") -> CallEnded:
    return CallEnded(call_id=call_id, at_ms=9000, reason="hangup", duration_ms=9000)


def confirmed(call_id: str = "c1", version: int = 1) -> RecordConfirmed:
    return RecordConfirmed(call_id=call_id, at_ms=9000, version=version, by="li")


def ack(call_id: str = "c1") -> CardAck:
    return CardAck(call_id=call_id, at_ms=9000, card_id="kb-1", push_seq=2, action="used", by="li")


def push(call_id: str = "c1") -> CardPush:
    reason = PushReason(
        kind="trigger",
        matched="开发票",
        query="我要开发票",
        segment_id="caller-1",
        channel="caller",
        start=2,
        end=5,
        match="exact",
    )
    return CardPush(
        call_id=call_id,
        at_ms=1000,
        card_id="kb-1",
        card_version=2,
        title="发票申请流程",
        rank=1,
        score=1.0,
        reason=reason,
        expires_at_ms=61_000,
        slots={"order_no": "2077", "phone": None},
    )


def flow_moved(call_id: str = "c1", *, source: FlowMover = "speech") -> FlowUpdated:
    evidence = AnswerEvidence(segment_id="caller-1", start=0, end=2, heard="亮了", clue="text")
    return FlowUpdated(
        call_id=call_id,
        at_ms=1000,
        card_id="kb-flow",
        card_version=2,
        action="answered",
        step="s1",
        answer="亮",
        to="s2",
        source=source,
        by="caller" if source == "speech" else "li",
        confidence=0.85,
        evidence=evidence if source == "speech" else None,
    )


def customer(call_id: str = "c1") -> CustomerKnown:
    profile = CustomerProfile(name="林女士", birthday="--02-29", segment=("VIP",), risk=("投诉3次以上",))
    return CustomerKnown(call_id=call_id, at_ms=0, profile=profile, by="crm")


def tag(call_id: str = "c1") -> TagUpdate:
    return TagUpdate(
        call_id=call_id,
        at_ms=1000,
        field="issue_type",
        value="账单",
        probability=0.8,
        evidence=("caller-1",),
        model="m/1",
        source="model",
        fills=True,
    )


def alert(call_id: str = "c1", at_ms: int = 1) -> Alert:
    return Alert(call_id=call_id, at_ms=at_ms, kind="escalation", reason="r", evidence=("s1",), severity="warning")


def facts() -> FactsUpdated:
    spans = (FactSpan(segment_id="caller-1", start=4, end=12),)
    found = FactCandidate(kind="order_no", value="20773186", role="", probability=0.62, state="heard", evidence=spans)
    return FactsUpdated(call_id="c1", at_ms=1, candidates=(found,))


def order_checked() -> OrderChecked:
    order = Order(order_no="20773186", ordered_on="2026-10-14", products=("耳机",), amount="599")
    found = OrderMismatch(kind="return_period", said="2026-11-18", stored="40", evidence=("caller-1",))
    return OrderChecked(call_id="c1", at_ms=1, order=order, mismatches=(found,))


def summed_up(call_id: str = "c1", version: int = 1, *, by: str = "li", to: str | None = None) -> SummaryWritten:
    sentence = SummarySentence(
        text="我要开发票",
        segments=("caller-1",),
        quotes=(Quote(segment_id="caller-1", start=0, end=5),),
        by="caller",
        due="2026-11-24",
        due_words="明天",
    )
    return SummaryWritten(
        call_id=call_id,
        at_ms=9000,
        version=version,
        moment="transfer" if to else "running",
        parts=(SummaryPart(part="wanted", sentences=(sentence,)), SummaryPart(part="next", missing="not_said")),
        method="endpoint",
        model="m",
        by=by,
        to=to,
        note="",
        dropped={"number": 1},
    )


def felt(call_id: str = "c1", nth: int = 1, score: float = -0.8) -> SentimentHeard:
    feeling = Feeling(
        channel="caller",
        segment_id=f"caller-{nth}",
        label="负面" if score < 0 else "正面",
        probability=0.85,
        score=score,
        arousal=0.4,
        trend=score / 2,
    )
    return SentimentHeard(call_id=call_id, at_ms=nth * 1000, feeling=feeling)


def moods(call_id: str = "c1") -> SentimentSummary:
    speaker = SpeakerFeelings(
        channel="caller", utterances=6, positive=0, negative=4, begins=-0.1, ends=-0.8, course="fell"
    )
    return SentimentSummary(call_id=call_id, at_ms=9000, speakers=(speaker,))


def kb_changed() -> KbChanged:
    return KbChanged(call_id=KB_STREAM, at_ms=0, card_ids=("kb-1",), total=1, by="li")


def index_built() -> IndexBuilt:
    return IndexBuilt(call_id=KB_STREAM, at_ms=0, generation=1, cards=60, took_ms=900)


def one_of_each() -> list[AnyEvent]:
    return [
        started(),
        partial(),
        final(),
        push(),
        ack(),
        flow_moved(),
        customer(),
        tag(),
        updated("c1", 1, change("tags", ("退款", "投诉")), change("facts.amount", 12.5, old=12), change("x", True)),
        summed_up(),
        alert(),
        facts(),
        order_checked(),
        voices(),
        felt(),
        moods(),
        ended(),
        confirmed(),
        kb_changed(),
        index_built(),
    ]
