"""REST: knowledge cards and their search."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from api.auth import needs
from api.body import content_type, demand_json, json_body, parse_free_json, read_body
from api.calls import Parts
from api.openapi import takes
from api.problems import FieldProblem, InvalidFields, WrongContentType
from api.wire import (
    CardPage,
    CardSaved,
    CardsQuery,
    CardView,
    ExportQuery,
    HitView,
    ImportProblem,
    ImportQuery,
    ImportReport,
    SearchBody,
    SearchResult,
    VersionQuery,
)
from callcue.core.cards import Card, CardHit, CardQuery
from callcue.core.errors import BadInput
from callcue.core.ids import check_id
from callcue.infra.auth import Principal
from callcue.infra.cards import SaveResult
from kb_index.formats import CardFormat, card_to_json, parse_card, read_cards, write_cards

router = APIRouter(prefix="/v1", tags=["cards"])

Reader = Annotated[Principal, Depends(needs("cards.read"))]
Exporter = Annotated[Principal, Depends(needs("cards.export"))]
Editor = Annotated[Principal, Depends(needs("cards.write"))]

_PAGE = 500
_TYPES: dict[str, CardFormat] = {
    "application/jsonl": "jsonl",
    "application/x-ndjson": "jsonl",
    "text/csv": "csv",
}


@router.get("/cards")
async def list_cards(_principal: Reader, parts: Parts, query: Annotated[CardsQuery, Query()]) -> CardPage:
    """Cards in their newest versions, by id."""
    store = parts.knowledge.store
    cards = await store.list(query.status, query.lang, limit=query.limit, after=query.after)
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
    """Import a JSONL or CSV file, all of it or, when a card has a problem, nothing."""
    form = _format(request, query)
    data = await read_body(request, parts.settings.server.max_import_bytes)
    found = await asyncio.to_thread(read_cards, data, form)
    if query.dry_run:
        would = await parts.knowledge.store.compare(found.cards)
        problems = [ImportProblem.model_validate(problem) for problem in found.problems]
        return _report(would, problems)
    if found.problems:
        raise InvalidFields(FieldProblem(problem.where, problem.message) for problem in found.problems)
    return _report(await parts.knowledge.save(found.cards, by=principal.name))


def _report(result: SaveResult, tried: list[ImportProblem] | None = None) -> ImportReport:
    """What an import did or, with the problems of its file, what it would do."""
    return ImportReport(
        dry_run=tried is not None,
        added=list(result.added),
        changed=list(result.changed),
        unchanged=len(result.unchanged),
        problems=tried or [],
    )


def _format(request: Request, query: ImportQuery) -> CardFormat:
    media = content_type(request)
    form = query.format or _TYPES.get(media)
    if form is None:
        raise WrongContentType(f"send the cards as one of {', '.join(_TYPES)}, or name the format in the address")
    return form


@router.get("/cards/{card_id}")
async def get_card(card_id: str, _principal: Reader, parts: Parts, query: Annotated[VersionQuery, Query()]) -> CardView:
    """One card, in its newest or in a named version."""
    return _view(await parts.knowledge.store.get(check_id(card_id, "card id"), query.version))


@router.put("/cards/{card_id}", openapi_extra=takes("Card"))
async def put_card(card_id: str, principal: Editor, request: Request, parts: Parts) -> CardSaved:
    """Save a card in the import form. A new version is made only when something differs."""
    demand_json(request)
    check_id(card_id, "card id")
    body = parse_free_json(await read_body(request, parts.settings.server.max_frame_bytes), "body")
    card = parse_card(body, "body")
    if card.id != card_id:
        raise BadInput("the id in the body is not the id in the address")
    saved = await parts.knowledge.save([card], by=principal.name)
    outcome = "added" if saved.added else "changed" if saved.changed else "unchanged"
    stored = await parts.knowledge.store.get(card_id)
    return CardSaved(id=card_id, version=stored.version, outcome=outcome)


@router.post("/search", openapi_extra=takes("SearchBody"))
async def search(
    _principal: Reader, body: Annotated[SearchBody, Depends(json_body(SearchBody))], parts: Parts
) -> SearchResult:
    """Look for cards as the live assistant does, with every score."""
    category = None if body.category is None else tuple(body.category)
    query = CardQuery(text=body.text, top_k=body.top_k, lang=body.lang, category=category)
    hits = await parts.knowledge.search(query)
    return SearchResult(hits=[_hit(hit) for hit in hits], generation=parts.knowledge.generation)


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
