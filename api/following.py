"""What a desktop asked to follow, and where it left off: the query of ``/v1/desktop``."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from starlette.datastructures import QueryParams

from api.sight import visible_agent, visible_call
from callcue.calls.feed import Owned
from callcue.core.errors import BadInput, Conflict, NotFound
from callcue.core.ids import check_id
from callcue.infra.auth import Principal
from callcue.infra.calls import CallFilter, CallRow, CallStore
from callcue.infra.projections import epoch_ms

MAX_POSITIONS = 500
"""Calls that ``after`` may name."""
MAX_SEQ = 2**53
NAMES = ("call_id", "agent_id", "after")


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """One call (``call_id``), an agent's calls (``agent_id``), or all live calls (neither)."""

    call_id: str | None = None
    agent_id: str | None = None
    after: Mapping[str, int] = field(default_factory=dict)
    """Call id -> seq of the last durable event seen; calls that are not named begin at their first event."""
    earliest_ms: int | None = None
    """When the earliest call of ``after`` began, in epoch milliseconds; None where there is none."""

    def accepts(self, call: Owned) -> bool:
        """Whether a call that is not named joins."""
        return self.call_id is None and self.agent_id in (None, call.agent_id)

    @property
    def missed(self) -> CallFilter | None:
        """The calls that the desktop may have missed, also those that ended meanwhile."""
        if self.call_id is not None or self.earliest_ms is None:
            return None
        return CallFilter(agent_id=self.agent_id, started_from_ms=self.earliest_ms)


def parse_following(query: QueryParams) -> Following:
    """Raises BadInput that names the parameter."""
    unknown = [name for name in query if name not in NAMES]
    if unknown or len(query.multi_items()) != len(query):
        raise BadInput(f"the desktop socket takes {', '.join(NAMES)}, each at most once")
    call_id, agent_id, after = (query.get(name) for name in NAMES)
    if call_id is not None and agent_id is not None:
        raise BadInput("follow one call (call_id) or an agent's calls (agent_id), not both")
    if call_id is not None:
        check_id(call_id, "call_id")
        return Following(call_id=call_id, after={call_id: _seq(after or "0")})
    if agent_id is not None:
        check_id(agent_id, "agent_id")
    return Following(agent_id=agent_id, after=_positions(after or ""))


def _positions(text: str) -> dict[str, int]:
    """``call1:17,call2:4``; the seq is what follows the last colon, as ids may hold colons."""
    parts = text.split(",") if text else []
    if len(parts) > MAX_POSITIONS:
        raise BadInput(f"after may name at most {MAX_POSITIONS} calls")
    found = {}
    for part in parts:
        call_id, colon, seq = part.rpartition(":")
        if not colon:
            raise BadInput("after must be CALL_ID:SEQ, several separated by commas, where no call_id is given")
        found[check_id(call_id, "call_id in after")] = _seq(seq)
    return found


def _seq(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 16 and int(text) <= MAX_SEQ):
        raise BadInput("after must be the seq of the last event seen: a whole number, 0 or more")
    return int(text)


async def allowed(wanted: Following, principal: Principal, calls: CallStore) -> Following:
    """What was asked for, within what the principal may see. Raises NotFound, NotAllowed, and Conflict where the
    desktop saw more than there is.

    Positions of calls that do not exist (any more) or are not among those followed are left out, so that one
    forgotten call does not keep a desktop from coming back.
    """
    if wanted.call_id is not None:
        _check_reached(await visible_call(calls, wanted.call_id, principal), wanted.after[wanted.call_id])
        return wanted
    agent_id = visible_agent(wanted.agent_id, principal)
    after: dict[str, int] = {}
    starts: list[int] = []
    for call_id, seq in wanted.after.items():
        try:
            row = await calls.get(call_id)
        except NotFound:
            continue
        if agent_id in (None, row.agent_id):
            _check_reached(row, seq)
            after[call_id] = seq
            starts.append(epoch_ms(row.started_at))
    return replace(wanted, agent_id=agent_id, after=after, earliest_ms=min(starts, default=None))


def _check_reached(row: CallRow, seq: int) -> None:
    """An event that was announced is written, so a desktop cannot have seen what this log does not hold."""
    if seq > row.last_seq:
        raise Conflict(
            f"after names an event of call {row.call_id!r} that is not here: its newest is {row.last_seq}. The desktop "
            "followed another log, such as the one before a backup was restored. Forget what it shows and connect "
            "again without after"
        )
