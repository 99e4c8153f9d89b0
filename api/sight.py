"""Which calls a principal may see: all of them with ``calls.supervise``, else those of the agent that it is."""

import contextlib

from callcue.core.errors import NotAllowed, NotFound
from callcue.core.ids import check_id
from callcue.infra.auth import Principal
from callcue.infra.calls import CallRow, CallStore


def sees(principal: Principal, agent_id: str | None) -> bool:
    """Whether a call of this agent may be seen."""
    return principal.may("calls.supervise") or agent_id == principal.name


async def visible_call(calls: CallStore, call_id: str, principal: Principal) -> CallRow:
    """The call. Raises NotFound, with the same words for a call that does not exist and one of another agent."""
    row = None
    with contextlib.suppress(NotFound):
        row = await calls.get(check_id(call_id, "call_id"))
    if row is None or not sees(principal, row.agent_id):
        raise NotFound(f"there is no call {call_id!r} that you may see")
    return row


def visible_agent(agent_id: str | None, principal: Principal) -> str | None:
    """The agent to limit a listing to: what was asked for, or for an agent itself. Raises NotAllowed."""
    if principal.may("calls.supervise"):
        return agent_id
    if agent_id not in (None, principal.name):
        raise NotAllowed(f"the role {principal.role} sees the calls of {principal.name!r} only")
    return principal.name
