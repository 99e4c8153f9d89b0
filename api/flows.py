"""REST: where a call's flows stand, steps of them, and who the customer is."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from api.auth import needs
from api.base import In, Out
from api.body import json_body
from api.calls import Acker, Parts, Reader
from api.frames import CustomerFields
from api.openapi import takes
from api.sight import visible_call
from callcue.calls.flows import StepAction, StepRequest
from callcue.core.customers import CustomerProfile
from callcue.core.errors import NotFound
from callcue.core.events import CustomerKnown
from callcue.core.flows import AnswerEvidence
from callcue.core.ids import check_id
from callcue.infra.auth import Principal
from nlu.flow_state import CallFlows

router = APIRouter(prefix="/v1/calls", tags=["calls"])

CustomerWriter = Annotated[Principal, Depends(needs("customers.write"))]


class StepBody(In):
    """What the agent does with a flow, as in the desktop's ``flow_step``."""

    action: StepAction = "answer"
    step: Annotated[str, Field(max_length=64)] | None = None
    answer: Annotated[str, Field(max_length=100)] = ""


class TakenView(Out):
    """A step that was answered."""

    step: str
    answer: str
    """Empty where a step without answers was ticked off."""
    to: str
    source: str
    """``speech``: the customer was heard to say so; ``person``: somebody chose it."""
    by: str
    evidence: AnswerEvidence | None
    seq: int


class ProposedView(Out):
    """What the customer may have meant; nothing has moved."""

    answer: str
    to: str
    confidence: float
    evidence: AnswerEvidence | None


class FlowView(Out):
    """Where one flow stands."""

    card_id: str
    card_version: int
    current: str
    """The step to be answered; ``end`` when the flow is over."""
    active: bool
    """It is the one that follows what the customer says."""
    held: bool
    """Somebody went back to the current step: only a person leaves it again."""
    path: tuple[TakenView, ...]
    proposed: ProposedView | None


class FlowsView(Out):
    """The flows of a call, in the order in which they were begun."""

    call_id: str
    flows: list[FlowView]


@router.get("/{call_id}/flows")
async def get_flows(call_id: str, principal: Reader, parts: Parts) -> FlowsView:
    """Where the call's flows stand."""
    await visible_call(parts.calls, call_id, principal)
    return _view(call_id, await parts.manager.flows.flows(call_id))


@router.post("/{call_id}/flows/{card_id}/steps", status_code=201, openapi_extra=takes("StepBody"))
async def post_step(
    call_id: str,
    card_id: str,
    principal: Acker,
    body: Annotated[StepBody, Depends(json_body(StepBody))],
    parts: Parts,
) -> FlowView:
    """Answer a step, go back, or take the flow up again."""
    await visible_call(parts.calls, call_id, principal)
    request = StepRequest(
        call_id=call_id,
        card_id=card_id,
        action=body.action,
        by=principal.name,
        step=body.step,
        answer=body.answer,
    )
    await parts.manager.flow_step(request)
    flows = _view(call_id, await parts.manager.flows.flows(call_id)).flows
    return next(flow for flow in flows if flow.card_id == card_id)


@router.put("/{call_id}/customer", openapi_extra=takes("CustomerFields"))
async def put_customer(
    call_id: str,
    principal: CustomerWriter,
    body: Annotated[CustomerFields, Depends(json_body(CustomerFields))],
    parts: Parts,
) -> CustomerFields:
    """Say who calls; replaces what was known. A call must be live. Cards for such a customer are shown, each once."""
    if principal.may("calls.read"):
        await visible_call(parts.calls, call_id, principal)
    else:  # a customer system: it may tell of every call and read none
        await parts.calls.get(check_id(call_id, "call_id"))
    told = await parts.manager.know_customer(call_id, body.profile(), by=principal.name)
    return _customer(told)  # what this very principal has said


@router.get("/{call_id}/customer")
async def get_customer(call_id: str, principal: Reader, parts: Parts) -> CustomerFields:
    """Who calls, as it was last told."""
    await visible_call(parts.calls, call_id, principal)
    found = await parts.log.newest(call_id, "CustomerKnown")
    if not isinstance(found, CustomerKnown):
        raise NotFound("nobody has said who the customer of this call is")
    return _customer((await parts.book.visibility(principal.role)).customer(found.profile))


def _customer(profile: CustomerProfile) -> CustomerFields:
    return CustomerFields.model_validate(profile, from_attributes=True)


def _view(call_id: str, flows: CallFlows) -> FlowsView:
    active = flows.active
    views = [
        FlowView(
            card_id=run.card_id,
            card_version=run.card_version,
            current=run.current,
            active=run is active,
            held=run.held,
            path=tuple(TakenView.model_validate(taken) for taken in run.path),
            proposed=None if run.proposed is None else ProposedView.model_validate(run.proposed),
        )
        for run in flows.runs.values()
    ]
    return FlowsView(call_id=call_id, flows=views)
