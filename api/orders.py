"""REST: a call's facts, what the order feed says of them, and the import of orders."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from api.auth import needs
from api.base import In, Out
from api.body import content_type, read_body
from api.calls import Parts, Reader
from api.problems import FieldProblem, InvalidFields, WrongContentType
from api.sight import visible_call
from callcue.core.events import FactsUpdated, OrderChecked
from callcue.core.facts import FactKind, FactState, fold
from callcue.core.orders import MismatchKind
from callcue.infra.auth import Principal
from callcue.infra.order_form import MOST_SHOWN, read_orders

router = APIRouter(prefix="/v1", tags=["calls"])

Importer = Annotated[Principal, Depends(needs("orders.write"))]


class FactSpanView(Out):
    """Where a fact was said."""

    segment_id: str
    start: int
    """Offset into the segment's text, characters."""
    end: int


class FactView(Out):
    """One candidate."""

    kind: FactKind
    value: str
    role: str
    probability: float
    state: FactState
    evidence: tuple[FactSpanView, ...]


class FactsView(Out):
    """The candidates that stand, by kind and role, the likeliest first."""

    call_id: str
    facts: list[FactView]


class OrderView(Out):
    """One order of the feed."""

    order_no: str
    ordered_on: str
    """``YYYY-MM-DD``."""
    phone: str
    products: tuple[str, ...]
    amount: str
    status: str


class MismatchView(Out):
    """One thing that was said and that the order does not say."""

    kind: MismatchKind
    said: str
    stored: str
    """Of ``return_period`` the order's age in days."""
    evidence: tuple[str, ...]
    """Segment ids."""


class OrderCheckView(Out):
    """The newest check of a call."""

    call_id: str
    checked: bool
    """False: nothing has been checked, as no order was named or there is no order feed."""
    order: OrderView | None = None
    """None: not found, or somebody else's."""
    age_days: int | None = None
    """Days from the order's date to the call's; null where there is no order."""
    proposed: tuple[str, ...] = ()
    """Order numbers of the caller that the number that was heard may have been."""
    mismatches: tuple[MismatchView, ...] = ()
    unavailable: str = ""
    """Why the feed could not be asked; empty: it was."""


class OrderImportQuery(In):
    """How to import."""

    dry_run: bool = False


class OrderImportReport(Out):
    """What an import did, or would do."""

    dry_run: bool
    added: int
    changed: int
    unchanged: int


@router.get("/calls/{call_id}/facts")
async def get_facts(call_id: str, principal: Reader, parts: Parts, response: Response) -> FactsView:
    """What was said, as candidates with their roles, states and places in the text."""
    await visible_call(parts.calls, call_id, principal)
    response.headers["Cache-Control"] = "no-store"
    written = await parts.log.read_type(call_id, "FactsUpdated")
    updates = [await parts.book.seen_event(event, principal.role) for event in written]
    standing = fold(event.candidates for event in updates if isinstance(event, FactsUpdated))
    return FactsView(call_id=call_id, facts=[FactView.model_validate(found) for found in standing])


@router.get("/calls/{call_id}/order-check")
async def get_order_check(call_id: str, principal: Reader, parts: Parts, response: Response) -> OrderCheckView:
    """What the order feed says of what was said."""
    await visible_call(parts.calls, call_id, principal)
    response.headers["Cache-Control"] = "no-store"
    newest = await parts.log.newest(call_id, "OrderChecked")
    found = None if newest is None else await parts.book.seen_event(newest, principal.role)
    if not isinstance(found, OrderChecked):
        return OrderCheckView(call_id=call_id, checked=False)
    return OrderCheckView(
        call_id=call_id,
        checked=not found.unavailable,
        order=None if found.order is None else OrderView.model_validate(found.order),
        age_days=found.age_days,
        proposed=found.proposed,
        mismatches=tuple(MismatchView.model_validate(mismatch) for mismatch in found.mismatches),
        unavailable=found.unavailable,
    )


@router.post("/orders/import", openapi_extra={"requestBody": {"required": True, "content": {"text/csv": {}}}})
async def import_orders(
    _principal: Importer, request: Request, parts: Parts, query: Annotated[OrderImportQuery, Query()]
) -> OrderImportReport:
    """Add and change orders from CSV. A file with a mistake is refused whole; a request that is cut off is repeated.
    ``dry_run`` only says what would be done."""
    if content_type(request) != "text/csv":
        raise WrongContentType("send the orders as text/csv")
    data = await read_body(request, parts.settings.server.max_import_bytes)
    orders, problems = await asyncio.to_thread(read_orders, data)
    if problems:
        shown = [FieldProblem(f"line {problem.line}", problem.message) for problem in problems[:MOST_SHOWN]]
        raise InvalidFields(shown)
    plan = await parts.orders.import_orders(orders, dry_run=query.dry_run)
    return OrderImportReport(
        dry_run=query.dry_run, added=len(plan.added), changed=len(plan.changed), unchanged=plan.unchanged
    )
