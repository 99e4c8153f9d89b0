"""The service status follows what people write of a store's answer, also after the call."""

from collections.abc import Sequence

from callcue.core.records import SERVICE_STATES, CallRecord, FieldChange, FieldValue

PROGRESS_NAME = "progress/1"
"""As written beside the states that follow from other fields."""
_STATUS, _REPLIED, _INSPECTION = "service_status", "store_replied_at", "needs_offline_inspection"
_AWAITS, _, _CLOSED = SERVICE_STATES
_CLOSED_SURE = 0.9
"""Assumed: a store that has answered and a result that is written down seldom need more."""


def followed(record: CallRecord, changes: Sequence[FieldChange]) -> tuple[FieldChange, ...]:
    """A person's changes, and what they mean for a status that no person chose.

    A case that waits for a store is closed when the store's answer and its result are both there, and open again when
    one of them is taken out. When a person says that nothing has to be inspected, a status that only said so is gone.
    """
    held = record.fields.get(_STATUS)
    if any(change.field == _STATUS for change in changes) or held is None or held.source == "person":
        return tuple(changes)
    after = record.apply(changes, record.version)
    answered = bool(after.value(_REPLIED) and after.value("store_result"))
    touched = {change.field for change in changes}
    if held.value == _AWAITS and answered:
        new = FieldValue(value=_CLOSED, probability=_CLOSED_SURE, source="rule", by=PROGRESS_NAME)
    elif held.value == _CLOSED and held.by == PROGRESS_NAME and not answered:
        new = FieldValue(value=_AWAITS, probability=_CLOSED_SURE, source="rule", by=PROGRESS_NAME)
    elif held.value == _AWAITS and _INSPECTION in touched and after.value(_INSPECTION) is False:
        return (*changes, FieldChange(field=_STATUS, old=held.value, new=None))
    else:
        return tuple(changes)
    return (*changes, FieldChange(field=_STATUS, old=held.value, new=new))
