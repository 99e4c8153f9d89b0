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
    FinalTranscript,
    FlowUpdated,
    IndexBuilt,
    KbChanged,
    PartialTranscript,
    RecordConfirmed,
    RecordUpdated,
    TagUpdate,
    VoiceSummary,
)
from callcue.core.flows import AnswerEvidence, FlowMover
from callcue.core.ids import KB_STREAM
from callcue.core.records import FieldChange, FieldValue, Value
from callcue.core.speech import ChannelVoice, TextSpan, VoiceCues, Word


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
        alert(),
        voices(),
        ended(),
        confirmed(),
        kb_changed(),
        index_built(),
    ]
