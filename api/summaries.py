"""REST: what a call comes to, so far, for a colleague who takes over, or at its end."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from api.auth import needs
from api.base import In, Out
from api.body import json_body
from api.calls import Parts, Reader
from api.openapi import takes
from api.services import Services
from api.sight import visible_call
from callcue.core.errors import NotFound
from callcue.core.events import FinalTranscript, SummaryWritten
from callcue.core.ids import check_id
from callcue.core.speech import Channel
from callcue.core.summaries import Method, Missing, Moment, Part, written_out
from callcue.infra.auth import Principal

router = APIRouter(prefix="/v1/calls", tags=["calls"])

Asker = Annotated[Principal, Depends(needs("records.edit"))]


class SummaryQuery(In):
    """Which summary."""

    moment: Moment | None = None
    """The newest of this kind; absent: the newest of all."""
    version: Annotated[int, Field(ge=1, le=2**53)] | None = None


class SummaryBody(In):
    """What kind of summary to make."""

    moment: Moment = "running"
    to: Annotated[str, Field(max_length=128)] | None = None
    """With ``transfer``: the agent who takes over, and who may then read the summary of a call that is not its own."""


class QuoteView(Out):
    """A stretch of a segment's text."""

    segment_id: str
    start: int
    end: int


class SentenceView(Out):
    """A sentence and what it rests on."""

    text: str
    segments: tuple[str, ...]
    """The segment that says it first."""
    quotes: tuple[QuoteView, ...]
    """Put together they are ``text``; empty where a language model wrote it and for steps of a flow."""
    by: Channel | None
    due: str | None
    """ISO 8601: until when, where a calendar can tell."""
    due_words: str
    card_id: str | None
    unsure: bool
    """The recogniser doubted the words; nothing surer says what the part is about."""


class PartView(Out):
    """One heading."""

    part: Part
    sentences: tuple[SentenceView, ...]
    missing: Missing
    """Why it is empty."""
    value: str
    """Of ``mood``: the record's sentiment."""


class SaidView(Out):
    """A segment that a sentence rests on."""

    segment_id: str
    channel: Channel
    start_ms: int
    text: str


class EditedView(Out):
    """What a person has written into the record instead."""

    text: str | None
    by: str


class SummaryView(Out):
    """A summary as written."""

    call_id: str
    seq: int
    at_ms: int
    version: int
    """Counts the call's summaries from 1."""
    moment: Moment
    method: Method
    model: str
    by: str
    to: str | None
    note: str
    """Why it is not what was asked for; empty: nothing happened."""
    dropped: dict[str, int]
    """Sentences of a language model that its segments did not bear out, by why."""
    parts: tuple[PartView, ...]
    text: str
    """All of it, a line per part."""
    segments: tuple[SaidView, ...]
    """What the sentences rest on, in the order in which it was said."""
    edited: EditedView | None
    """What holds: the record's summary, where a person set it."""


@router.get("/{call_id}/summary")
async def get_summary(
    call_id: str, principal: Reader, parts: Parts, query: Annotated[SummaryQuery, Query()], response: Response
) -> SummaryView:
    """The newest summary that was made. The agent that a transfer names may read that transfer's."""
    response.headers["Cache-Control"] = "no-store"
    found = await _seen(call_id, principal, parts)
    found = [one for one in found if query.moment in (None, one.moment) and query.version in (None, one.version)]
    if not found:
        raise NotFound("this call has no such summary yet; POST to the same address makes one")
    return await _view(found[-1], principal, parts)


@router.post("/{call_id}/summary", status_code=201, openapi_extra=takes("SummaryBody"))
async def post_summary(
    call_id: str,
    principal: Asker,
    body: Annotated[SummaryBody, Depends(json_body(SummaryBody))],
    parts: Parts,
) -> SummaryView:
    """Sum the call up as far as it was heard. It is kept, and told to the desktops that follow the call."""
    await visible_call(parts.calls, call_id, principal)
    to = None if body.to is None or body.moment != "transfer" else check_id(body.to, "to")
    return await _view(await parts.manager.sum_up(call_id, body.moment, by=principal.name, to=to), principal, parts)


async def _seen(call_id: str, principal: Principal, parts: Services) -> list[SummaryWritten]:
    """The summaries that the principal may read. Raises NotFound in the words for a call that does not exist."""
    try:
        await visible_call(parts.calls, call_id, principal)
    except NotFound:
        handed = [one for one in await _all(check_id(call_id, "call_id"), parts) if one.to == principal.name]
        if not handed:
            raise
        return handed
    return await _all(call_id, parts)


async def _all(call_id: str, parts: Services) -> list[SummaryWritten]:
    return [one for one in await parts.log.read_type(call_id, "SummaryWritten") if isinstance(one, SummaryWritten)]


async def _view(written: SummaryWritten, principal: Principal, parts: Services) -> SummaryView:
    found = await parts.book.seen_event(written, principal.role)
    assert isinstance(found, SummaryWritten)  # noqa: S101 - narrows the type; only its parts may be gone
    finals = {
        final.segment_id: final
        for final in await parts.log.read_type(found.call_id, "FinalTranscript")
        if isinstance(final, FinalTranscript)
    }
    wanted = {one for part in found.parts for sentence in part.sentences for one in sentence.segments}
    said = sorted((finals[one] for one in wanted if one in finals), key=lambda final: (final.start_ms, final.seq))
    view = await parts.book.visibility(principal.role)
    held = view.values((await parts.records.get(found.call_id)).fields).get("summary")
    edited = held is not None and held.source == "person"
    return SummaryView(
        call_id=found.call_id,
        seq=found.seq,
        at_ms=found.at_ms,
        version=found.version,
        moment=found.moment,
        method=found.method,
        model=found.model,
        by=found.by,
        to=found.to,
        note=found.note,
        dropped=dict(found.dropped),
        parts=tuple(PartView.model_validate(part) for part in found.parts),
        text=written_out(found.parts, _language(said)),
        segments=tuple(SaidView.model_validate(final) for final in said),
        edited=EditedView(text=None if held.value is None else str(held.value), by=held.by)
        if held and edited
        else None,
    )


def _language(said: list[FinalTranscript]) -> Literal["zh", "en"]:
    return "en" if said and all(final.language == "en" for final in said) else "zh"
