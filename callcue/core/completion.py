"""The completion clock: when a call's record is done, and how much time is left for it.

From the end of the call on a record is *open* until its required fields have values and somebody has confirmed it;
once its time is over it is *overdue*. Confirmed after its time it is *late*, else *done*. All of this follows from
stored times, so that a restart changes nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from callcue.core.field_spec import FieldSource, Value
from callcue.core.records import CallRecord, FieldValue

CompletionState = Literal["live", "open", "overdue", "done", "late"]
BY_CALL = "call"
"""Who is named as the author of what is read off the call itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTimes:
    """What the record needs to know of its call."""

    call_id: str
    agent_id: str | None
    caller: str | None
    """The number as the switch gave it."""
    started_at: str
    """ISO 8601 with offset."""
    ended_at: str | None
    """ISO 8601 with offset; None while the call runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """Where a record stands."""

    state: CompletionState
    missing: tuple[str, ...]
    """Required fields without a value."""
    hidden_missing: int = 0
    """How many more there are that whoever asks may not see."""
    due_at: str | None
    """ISO 8601, UTC; None while the call runs."""
    left_s: float | None
    """Seconds until then, negative beyond it; None while the call runs and for records that are confirmed."""
    confirmed_at: str | None = None
    confirmed_by: str | None = None
    confirmed_version: int | None = None


def state_of(ended_ms: int | None, confirmed_ms: int | None, now_ms: int, within_ms: int) -> CompletionState:
    """The state at ``now_ms``; all of them epoch milliseconds."""
    if ended_ms is None:
        return "live"
    if confirmed_ms is None:
        return "open" if now_ms <= ended_ms + within_ms else "overdue"
    return "done" if confirmed_ms <= ended_ms + within_ms else "late"


def computed_fields(record: CallRecord, call: CallTimes) -> dict[str, FieldValue]:
    """What is worked out for a record: times, the response of the other channel, and the number that called.

    ``response_min`` is what passed from the hand-over to the store, or where no time of it is set from the end of the
    call, to the store's answer: minutes, to a tenth. There is none where the answer lies before.
    """
    found: dict[str, FieldValue] = {"started_at": _computed(call.started_at)}
    if call.ended_at is not None:
        found["ended_at"] = _computed(call.ended_at)
    begun, answered = record.value("handed_off_at") or call.ended_at, record.value("store_replied_at")
    if isinstance(begun, str) and isinstance(answered, str):
        seconds = (datetime.fromisoformat(answered) - datetime.fromisoformat(begun)).total_seconds()
        if seconds >= 0:
            found["response_min"] = _computed(round(seconds / 60, 1))
    if call.caller and "facts.phone" not in record.fields:
        found["facts.phone"] = _computed(call.caller)
    return found


def _computed(value: Value) -> FieldValue:
    source: FieldSource = "computed"
    return FieldValue(value=value, probability=1.0, source=source, by=BY_CALL)
