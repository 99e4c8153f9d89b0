"""REST: knowledge cards and their search."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from api.auth import needs
from api.body import content_type, demand_json, json_body, parse_free_json, read_body
from api.calls import Parts
from api.editing import saved_view
from api.editing_wire import WarningView
from api.etag import demanded_version, tag
from api.openapi import takes
from api.problems import FieldProblem, InvalidFields, WrongContentType
from api.sight import visible_call
from api.wire import (
    CardChangeView,
    CardPage,
    CardSaved,
    CardsQuery,
    CardView,
    ExportQuery,
    HitView,
    ImportFormat,
    ImportProblem,
    ImportQuery,
    ImportReport,
    SearchBody,
    SearchResult,
    VersionQuery,
)
from callcue.core.cards import Audience, Card, CardHit, CardQuery
from callcue.core.errors import BadInput
from callcue.core.ids import check_id
from callcue.infra.auth import Principal
from kb_index.formats import ImportResult, card_to_json, parse_card, read_cards, write_cards
from kb_index.html_cards import read_html

router = APIRouter(prefix="/v1", tags=["cards"])

Reader = Annotated[Principal, Depends(needs("cards.read"))]
Exporter = Annotated[Principal, Depends(needs("cards.export"))]
Editor = Annotated[Principal, Depends(needs("cards.write"))]

_PAGE = 500
_TYPES: dict[str, ImportFormat] = {
    "application/jsonl": "jsonl",
    "application/x-ndjson": "jsonl",
    "text/csv": "csv",
    "text/html": "html",
}


@router.get("/cards")
async def list_cards(_principal: Reader, parts: Parts, query: Annotated[CardsQuery, Query()]) -> CardPage:
    """Cards in their newest versions, by id."""
    store = parts.knowledge.store
    cards = await store.list(
        query.status,
        query.lang,
        owner=query.owner,
        expiring_days=query.expiring_days,
        limit=query.limit,
        after=query.after,
    )
    return CardPage(cards=[_view(card) for card in cards], next=cards[-1].id if len(cards) == query.limit else None)


@router.get("/cards/export", response_class=Response)
async def export_cards(_principal: Exporter, parts: Parts, query: Annotated[ExportQuery, Query()]) -> Response:
    """All cards as a file that can be imported again."""
    cards: list[Card] = []
    page: Sequence[Card] = await parts.knowledge.store.list(query.status, limit=_PAGE)
    while page:
        cards.extend(page)
        page = await parts.knowledge.store.list(query.status, limit=_PAGE, after=page[-1].id)
    data = await asyncio.to_thread(write_cards, cards, query.format)
    media = "text/csv; charset=utf-8" if query.format == "csv" else "application/jsonl"
    headers = {"Content-Disposition": f'attachment; filename="cards.{query.format}"'}
    return Response(data, media_type=media, headers=headers)


@router.post("/cards/import")
async def import_cards(
    principal: Editor, request: Request, parts: Parts, query: Annotated[ImportQuery, Query()]
) -> ImportReport:
    """Import a JSONL or CSV file or a page, all of it or, when a card has a problem, nothing."""
    form = _format(request, query)
    data = await read_body(request, parts.settings.server.max_import_bytes)
    found = await asyncio.to_thread(_read, data, form, query.name)
    if found.problems and not query.dry_run:
        raise InvalidFields(FieldProblem(problem.where, problem.message) for problem in found.problems)
    editor = parts.editing.editor
    cards, onto = await editor.onto_stored(found.cards) if form == "html" else (list(found.cards), {})
    plan = await editor.store.plan(cards)
    if not query.dry_run:
        note = query.name if form == "html" else ""
        await editor.import_cards(cards, by=principal.name, note=note, onto=onto)
    warnings = await parts.editing.review.of(cards)  # after the import the index knows the vectors already
    refused = [ImportProblem(where=f"card {card_id!r}", message=why) for card_id, why in plan.refused]
    return ImportReport(
        dry_run=query.dry_run,
        added=list(plan.added),
        changed=[change.card_id for change in plan.changed],
        changes=[CardChangeView.model_validate(change) for change in plan.changed],
        unchanged=len(plan.unchanged),
        problems=[*(ImportProblem.model_validate(problem) for problem in found.problems), *refused],
        warnings=[WarningView.model_validate(warning) for warning in warnings],
    )


def _read(data: bytes, form: ImportFormat, name: str) -> ImportResult:
    return read_html(data, name) if form == "html" else read_cards(data, form)


def _format(request: Request, query: ImportQuery) -> ImportFormat:
    media = content_type(request)
    form = query.format or _TYPES.get(media)
    if form is None:
        raise WrongContentType(f"send the cards as one of {', '.join(_TYPES)}, or name the format in the address")
    return form


@router.get("/cards/{card_id}")
async def get_card(
    card_id: str, _principal: Reader, parts: Parts, query: Annotated[VersionQuery, Query()], response: Response
) -> CardView:
    """One card, in its newest or in a named version, which is the ETag."""
    card = await parts.knowledge.store.get(check_id(card_id, "card id"), query.version)
    tag(response, card.version)
    return _view(card)


@router.put("/cards/{card_id}", openapi_extra=takes("Card"))
async def put_card(card_id: str, principal: Editor, request: Request, response: Response, parts: Parts) -> CardSaved:
    """Save a card in the import form. If-Match names the version that the edit was made from; without it the card has
    to be new. A new version is made only when something differs."""
    demand_json(request)
    check_id(card_id, "card id")
    body = parse_free_json(await read_body(request, parts.settings.server.max_frame_bytes), "body")
    card = parse_card(body, "body")
    if card.id != card_id:
        raise BadInput("the id in the body is not the id in the address")
    base = demanded_version(request, "card")
    saved = await parts.editing.editor.save(card, by=principal.name, expected=base)
    return await saved_view(saved, parts, response)


@router.post("/search", openapi_extra=takes("SearchBody"))
async def search(
    principal: Reader, body: Annotated[SearchBody, Depends(json_body(SearchBody))], parts: Parts
) -> SearchResult:
    """Look for cards as the live assistant does, with every score. What agents search for is kept for half a year: it
    becomes proposals of sample questions."""
    if body.call_id is not None:
        await visible_call(parts.calls, body.call_id, principal)
    hits = await parts.knowledge.search(_query(body))
    return SearchResult(
        hits=[_hit(hit) for hit in hits],
        generation=parts.knowledge.generation,
        search_id=await _note_search(principal, body, parts),
    )


def _query(body: SearchBody) -> CardQuery:
    return CardQuery(
        text=body.text,
        top_k=body.top_k,
        lang=body.lang,
        category=None if body.category is None else tuple(body.category),
        audience=None if body.audience is None else Audience(**body.audience.model_dump()),
        valid_at=body.valid_at,
    )


async def _note_search(principal: Principal, body: SearchBody, parts: Parts) -> str | None:
    """Keep an agent's search; the searches of other programs and of editors say nothing about customers."""
    if not principal.may("cards.ack") or not body.text.strip():
        return None
    call_ms = None if body.call_id is None else await parts.log.last_at_ms(body.call_id)
    return await parts.editing.searches.record(
        body.text.strip(), agent=principal.name, call_id=body.call_id, call_ms=call_ms
    )


def _view(card: Card) -> CardView:
    return CardView(version=card.version, card=card_to_json(card))


def _hit(hit: CardHit) -> HitView:
    return HitView(
        card_id=hit.card.id,
        version=hit.card.version,
        title=hit.card.title,
        score=hit.score,
        dense=hit.dense,
        lexical=hit.lexical,
        fused=hit.fused,
        matched=hit.matched,
        feedback=hit.feedback,
        card=card_to_json(hit.card),
    )
