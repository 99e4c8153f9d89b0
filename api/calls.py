"""REST: calls, their events, transcripts and acknowledgements."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from api.auth import needs
from api.body import json_body
from api.openapi import takes
from api.services import Services
from api.sight import visible_agent, visible_call
from api.voice import ChannelVoiceView, VoiceView
from api.wire import (
    AckBody,
    AckView,
    CallPage,
    CallsQuery,
    CallView,
    EventPage,
    EventsQuery,
    SegmentView,
    TranscriptView,
)
from callcue.calls.visibility import Visibility
from callcue.core.errors import NotFound
from callcue.core.events import AnyEvent, FinalTranscript, VoiceSummary
from callcue.infra.auth import Principal
from callcue.infra.calls import CallFilter, CallRow
from callcue.infra.codec import encode
from callcue.infra.event_log import EventLog

router = APIRouter(prefix="/v1/calls", tags=["calls"])

Reader = Annotated[Principal, Depends(needs("calls.read"))]
RecordEditor = Annotated[Principal, Depends(needs("records.edit"))]
Acker = Annotated[Principal, Depends(needs("cards.ack"))]

_PAGE = 1000


def services_of(request: Request) -> Services:
    """The services of the app that serves this request."""
    services: Services = request.app.state.services
    return services


Parts = Annotated[Services, Depends(services_of)]


@router.get("")
async def list_calls(principal: Reader, parts: Parts, query: Annotated[CallsQuery, Query()]) -> CallPage:
    """Calls, newest first; an agent gets its own."""
    wanted = CallFilter(
        agent_id=visible_agent(query.agent_id, principal),
        live=query.live,
        started_from_ms=None if query.since is None else int(query.since.timestamp() * 1000),
    )
    rows = await parts.calls.list(wanted, limit=query.limit, before=query.cursor)
    view = await parts.book.visibility(principal.role)
    return CallPage(
        calls=[_call(row, view) for row in rows],
        next=rows[-1].call_id if len(rows) == query.limit else None,
    )


@router.get("/{call_id}")
async def get_call(call_id: str, principal: Reader, parts: Parts) -> CallView:
    """One call."""
    row = await visible_call(parts.calls, call_id, principal)
    return _call(row, await parts.book.visibility(principal.role))


def _call(row: CallRow, view: Visibility) -> CallView:
    return CallView.model_validate(replace(row, caller=view.caller(row.caller)))


@router.get("/{call_id}/events")
async def get_events(
    call_id: str, principal: Reader, parts: Parts, query: Annotated[EventsQuery, Query()]
) -> EventPage:
    """The durable events after a number."""
    await visible_call(parts.calls, call_id, principal)
    events = await parts.log.read(call_id, after=query.after, limit=query.limit)
    return EventPage(
        events=[encode(await parts.book.seen_event(event, principal.role)) for event in events],
        next=events[-1].seq if len(events) == query.limit else None,
    )


@router.get("/{call_id}/transcript")
async def get_transcript(call_id: str, principal: Reader, parts: Parts) -> TranscriptView:
    """The final transcripts, both sides in the order in which they begin."""
    await visible_call(parts.calls, call_id, principal)
    finals: dict[str, FinalTranscript] = {}
    async for event in _all_events(parts.log, call_id):
        if isinstance(event, FinalTranscript):
            finals[event.segment_id] = event
    said = sorted((final for final in finals.values() if final.text), key=lambda final: (final.start_ms, final.seq))
    return TranscriptView(call_id=call_id, segments=[SegmentView.model_validate(final) for final in said])


async def _all_events(log: EventLog, call_id: str) -> AsyncIterator[AnyEvent]:
    after = 0
    while page := await log.read(call_id, after=after, limit=_PAGE):
        for event in page:
            yield event
        after = page[-1].seq


@router.get("/{call_id}/voice")
async def get_voice(call_id: str, principal: Reader, parts: Parts) -> VoiceView:
    """How both sides spoke: talk, silence, overlap, interruptions, loudness, pitch, rate. For calls that have ended."""
    await visible_call(parts.calls, call_id, principal)
    found = await parts.log.newest(call_id, "VoiceSummary")
    if not isinstance(found, VoiceSummary):
        raise NotFound(
            "this call has no voice summary: it is written when a call ends, and not when the service stopped during it"
        )
    return VoiceView(
        call_id=call_id,
        duration_ms=found.at_ms,
        channels=tuple(ChannelVoiceView.model_validate(channel) for channel in found.channels),
        silence_ms=found.silence_ms,
        longest_silence_ms=found.longest_silence_ms,
        longest_silence_at_ms=found.longest_silence_at_ms,
        overlap_ms=found.overlap_ms,
    )


@router.post("/{call_id}/acks", status_code=201, openapi_extra=takes("AckBody"))
async def post_ack(
    call_id: str, principal: Acker, body: Annotated[AckBody, Depends(json_body(AckBody))], parts: Parts
) -> AckView:
    """Say what the agent did with a card that was pushed."""
    await visible_call(parts.calls, call_id, principal)
    ack = await parts.manager.acknowledge(
        call_id=call_id, push_seq=body.push_seq, action=body.action, by=principal.name, note=body.note
    )
    return AckView.model_validate(ack)
