"""REST: customer events, the tags of a call, shorthand, and the predictive tags with their scores and switches."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends

from api.auth import needs
from api.body import json_body
from api.calls import Parts
from api.openapi import takes
from api.sight import visible_call
from api.tags_wire import (
    CustomerBody,
    CustomerView,
    DerivedView,
    EventsBody,
    EventView,
    ForecastsView,
    ForecastView,
    HappenedBody,
    IntakeView,
    Kind,
    NoteBody,
    NoteItem,
    NoteView,
    ScoresView,
    SwitchBody,
    SwitchView,
    TagsView,
    TagView,
    VocabularyView,
)
from callcue.core.customer_events import Customer, plain_phone
from callcue.core.errors import BadInput
from callcue.core.events import TagUpdate
from callcue.core.ids import check_id
from callcue.infra.auth import Principal
from callcue.learning.forecasts import TagState
from tagger.event_rules import EVENT_RULES_NAME
from tagger.forecast_model import FORECASTS_NAME
from tagger.rules import RuleSet
from tagger.shorthand import Handoff, Item, Lead, emit, of_record, parse

router = APIRouter(prefix="/v1", tags=["tags"])

Reader = Annotated[Principal, Depends(needs("calls.read"))]
Supervisor = Annotated[Principal, Depends(needs("calls.supervise"))]
Source = Annotated[Principal, Depends(needs("outcomes.write"))]
Judge = Annotated[Principal, Depends(needs("learning.read"))]
Switcher = Annotated[Principal, Depends(needs("learning.write"))]

MOST_LISTED = 100


@router.post("/customers/events", openapi_extra=takes("EventsBody"))
async def post_events(
    _principal: Source, body: Annotated[EventsBody, Depends(json_body(EventsBody))], parts: Parts
) -> IntakeView:
    """What customers did elsewhere. The same event may be sent again. Live calls of these customers get their tags."""
    intake = await parts.customers.take([event.event() for event in body.events])
    return IntakeView(added=len(intake.added), known=intake.known, different=list(intake.different))


@router.post("/customers/lookup", openapi_extra=takes("CustomerBody"))
async def look_up(
    principal: Supervisor, body: Annotated[CustomerBody, Depends(json_body(CustomerBody))], parts: Parts
) -> CustomerView:
    """A customer's events and derived tags. A body, since numbers do not belong into addresses."""
    customer = Customer(phone=plain_phone(body.phone), customer_id=body.customer_id)
    if not customer.known:
        raise BadInput("say whose events are wanted: a phone number or a customer_id")
    events = await parts.customers.events.of(customer)
    view = await parts.book.visibility(principal.role)
    tags = await parts.customers.derive(customer) if view.sees("tags") else []
    return CustomerView(
        events=[
            EventView(event_id=e.event_id, kind=e.kind, at=_iso(e.at_ms), subject=e.subject, source=e.source)
            for e in events[:MOST_LISTED]
        ],
        more=max(0, len(events) - MOST_LISTED),
        tags=[DerivedView(tag=tag.tag, probability=tag.probability, evidence=list(tag.evidence)) for tag in tags],
    )


@router.get("/calls/{call_id}/tags")
async def call_tags(call_id: str, principal: Reader, parts: Parts) -> TagsView:
    """Every tag of a call with its kind, probability and evidence, and the record in shorthand."""
    await visible_call(parts.calls, call_id, principal)
    record = (await parts.book.read(call_id, principal.role)).record  # without what the role may not see
    held = record.value("tags")
    on_record = held if isinstance(held, tuple) else ()
    written = await parts.log.read_type(call_id, "TagUpdate")
    updates = [await parts.book.seen_event(event, principal.role) for event in written]
    given = [u for u in updates if isinstance(u, TagUpdate) and u.field == "tags" and u.value is not None]
    newest = {str(update.value): update for update in given}
    tags = [_tag(name, update, parts.customers.vocabulary, name in on_record) for name, update in newest.items()]
    tags += [
        TagView(tag=name, kind="person", probability=1.0, evidence=[], model=record.fields["tags"].by, on_record=True)
        for name in on_record
        if name not in newest
    ]
    items = of_record(on_record, record.value("facts.amount"), record.value("follow_up"))
    return TagsView(call_id=call_id, tags=tags, shorthand=emit(items))


@router.get("/tags")
async def vocabulary(_principal: Reader, parts: Parts) -> VocabularyView:
    """Every tag that can be given here."""
    desk = parts.customers
    return VocabularyView(
        speech=dict(sorted(desk.vocabulary.vocabulary.items())),
        derived=[rule.tag for rule in desk.rules],
        predictive=[tag.tag for tag in desk.forecaster.model.tags],
    )


@router.post("/tags/shorthand", openapi_extra=takes("NoteBody"))
async def read_note(_principal: Reader, body: Annotated[NoteBody, Depends(json_body(NoteBody))]) -> NoteView:
    """→ and ★ of a note as structure."""
    return NoteView(items=[_item(item) for item in parse(body.text)])


@router.get("/forecasts")
async def list_forecasts(_principal: Judge, parts: Parts) -> ForecastsView:
    """Predictive tags: which are shown, which were switched off and why, and how they kept their word."""
    made = parts.customers.forecaster
    made.forget()
    return ForecastsView(
        model=made.model.name,
        trained_on=made.model.trained_on,
        tags=[_forecast(state) for state in await made.states()],
        switches=[
            SwitchView(name=s.name, state=s.state, at=_iso(s.at_ms), by=s.by, reason=s.reason, model=s.model)
            for s in sorted(await made.forecasts.switches(), key=lambda s: -s.at_ms)
        ],
    )


@router.post("/forecasts/{name}/switch", openapi_extra=takes("SwitchBody"))
async def switch_forecast(
    name: str, principal: Switcher, body: Annotated[SwitchBody, Depends(json_body(SwitchBody))], parts: Parts
) -> ForecastView:
    """Switch a predictive tag on again, or off."""
    made = parts.customers.forecaster
    await made.switch(name, body.state, by=principal.name, reason=body.note)
    return next(_forecast(state) for state in await made.states() if state.tag.name == name)


@router.put("/calls/{call_id}/forecasts/{name}/outcome", status_code=204, openapi_extra=takes("HappenedBody"))
async def put_happened(
    call_id: str,
    name: str,
    principal: Source,
    body: Annotated[HappenedBody, Depends(json_body(HappenedBody))],
    parts: Parts,
) -> None:
    """Say whether what was foretold came true, where no event shows it."""
    call_id = check_id(call_id, "call_id")
    await parts.customers.forecaster.tell(call_id, name, body.happened, by=principal.name)


def _tag(name: str, update: TagUpdate, rules: RuleSet, on_record: bool) -> TagView:
    kind: Kind
    if update.model == EVENT_RULES_NAME:
        kind = "derived"
    elif update.model.startswith(FORECASTS_NAME):
        kind = "predictive"
    else:
        kind = rules.vocabulary.get(name, "base")
    return TagView(
        tag=name,
        kind=kind,
        probability=update.probability,
        evidence=list(update.evidence),
        model=update.model,
        on_record=on_record,
    )


def _item(item: Item) -> NoteItem:
    text = emit([item])
    if isinstance(item, Handoff):
        steps = tuple((step.channel, step.action) for step in item.steps)
        return NoteItem(kind="handoff", text=text, steps=steps, detail=item.detail)
    if isinstance(item, Lead):
        budget = None if item.budget is None else format(item.budget, "f")
        return NoteItem(kind="lead", text=text, budget=budget, needs=item.needs)
    return NoteItem(kind="text", text=text)


def _forecast(state: TagState) -> ForecastView:
    return ForecastView(
        name=state.tag.name,
        tag=state.tag.tag,
        horizon_days=state.tag.horizon_days,
        show_from=state.tag.show_from,
        state=state.state,
        since=None if state.since_ms is None else _iso(state.since_ms),
        by=state.by,
        reason=state.reason,
        open=state.open,
        scores=ScoresView.model_validate(state.scores),
    )


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")
