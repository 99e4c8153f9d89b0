"""REST: how both sides of a call feel, utterance by utterance and over the call, and what supervisors were told."""

from typing import Literal

from fastapi import APIRouter

from api.base import Out
from api.calls import Parts, Reader
from api.sight import visible_call
from callcue.calls.visibility import WITHHELD
from callcue.core.events import Alert, SentimentHeard
from callcue.core.feelings import Course, Severity
from callcue.core.speech import Channel
from tagger.feelings import summarise

router = APIRouter(prefix="/v1/calls", tags=["calls"])


class FeelingView(Out):
    """How one utterance was meant."""

    channel: Channel
    segment_id: str
    label: Literal["正面", "中性", "负面"]
    probability: float
    """Of ``label``, 0..1."""
    score: float
    """Probability of 正面 less that of 负面: -1..1."""
    arousal: float | None
    """0: as this speaker spoke before in the call; 1: clearly louder, higher and faster; null: not measured."""
    trend: float
    """The speaker's scores so far, the latest most: -1..1."""


class SpeakerFeelingsView(Out):
    """One speaker over the call so far."""

    channel: Channel
    utterances: int
    """Those with content."""
    positive: int
    negative: int
    begins: float
    """Mean score of the first third of the utterances."""
    ends: float
    """Mean score of the last third."""
    course: Course
    """``unknown``: too little was said to tell."""


class SentimentView(Out):
    """How a call felt."""

    call_id: str
    utterances: tuple[FeelingView, ...]
    """In the order in which they were understood."""
    speakers: tuple[SpeakerFeelingsView, ...]


class AlertView(Out):
    """What supervisors were told."""

    seq: int
    at_ms: int
    """Call time."""
    kind: str
    reason: str
    evidence: tuple[str, ...]
    """Segment ids."""
    severity: Severity


class AlertsView(Out):
    """The alerts of a call."""

    call_id: str
    alerts: tuple[AlertView, ...]


@router.get("/{call_id}/sentiment")
async def get_sentiment(call_id: str, principal: Reader, parts: Parts) -> SentimentView:
    """Sentiment of every utterance and each speaker's trend; also while the call runs. Nothing for a role that may not
    see the record's sentiment."""
    await visible_call(parts.calls, call_id, principal)
    view = await parts.book.visibility(principal.role)
    events = [view.event(event) for event in await parts.log.read_type(call_id, "SentimentHeard")]
    feelings = [event.feeling for event in events if isinstance(event, SentimentHeard) and event.feeling is not None]
    return SentimentView(
        call_id=call_id,
        utterances=tuple(FeelingView.model_validate(feeling) for feeling in feelings),
        speakers=tuple(SpeakerFeelingsView.model_validate(speaker) for speaker in summarise(feelings)),
    )


@router.get("/{call_id}/alerts")
async def get_alerts(call_id: str, principal: Reader, parts: Parts) -> AlertsView:
    """The alerts of a call, oldest first, without those about a field that the role may not see."""
    await visible_call(parts.calls, call_id, principal)
    view = await parts.book.visibility(principal.role)
    alerts = [view.event(event) for event in await parts.log.read_type(call_id, "Alert")]
    shown = [alert for alert in alerts if isinstance(alert, Alert) and alert.kind != WITHHELD]
    return AlertsView(call_id=call_id, alerts=tuple(AlertView.model_validate(alert) for alert in shown))
