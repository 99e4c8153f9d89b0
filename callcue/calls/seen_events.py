"""Events as a role sees them: what it may not see of the record is not in the events that carry it either.

An event keeps its number, so that nobody takes it for lost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from callcue.core.events import AnyEvent, FactsUpdated, OrderChecked, RecordUpdated, SummaryWritten, TagUpdate
from callcue.core.facts import FactKind
from callcue.core.orders import MismatchKind
from callcue.core.record_schema import RecordSchema
from callcue.core.records import FieldChange
from callcue.core.roles import Role

SHOWING = (RecordUpdated, TagUpdate, FactsUpdated, OrderChecked, SummaryWritten)
"""The events that carry values of the record's fields."""
FACT_FIELDS: Mapping[FactKind, str] = MappingProxyType(
    {
        "phone": "facts.phone",
        "order_no": "facts.order_no",
        "amount": "facts.amount",
        "date": "facts.purchase_date",
        "product": "facts.product",
        "address": "facts.address",
        "name": "facts.name",
        "staff": "facts.staff",
    }
)
"""Whose rights a candidate has: those of the field that its kind can fill."""
_MISMATCH_FIELDS: Mapping[MismatchKind, str] = MappingProxyType(
    {
        "order_no": "facts.order_no",
        "other_customer": "facts.order_no",
        "purchase_date": "facts.purchase_date",
        "return_period": "facts.purchase_date",
        "product": "facts.product",
        "amount": "facts.amount",
        "phone": "facts.phone",
    }
)


def seen(event: AnyEvent, schema: RecordSchema, role: Role) -> AnyEvent:
    """The event without what the role may not see."""
    match event:
        case RecordUpdated():
            return replace(event, changes=visible_changes(event.changes, schema, role))
        case TagUpdate() if not schema.may_see(event.field, role):
            return replace(event, value=None, probability=0.0, evidence=(), fills=False)
        case FactsUpdated():
            shown = (found for found in event.candidates if schema.may_see(FACT_FIELDS[found.kind], role))
            return replace(event, candidates=tuple(shown))
        case SummaryWritten() if not schema.may_see("summary", role):
            return replace(event, parts=())
        case OrderChecked():
            return _seen_check(event, schema, role)
        case _:
            return event


def visible_changes(changes: Sequence[FieldChange], schema: RecordSchema, role: Role) -> tuple[FieldChange, ...]:
    """Those of fields that the role may see."""
    return tuple(change for change in changes if schema.may_see(change.field, role))


def _seen_check(event: OrderChecked, schema: RecordSchema, role: Role) -> OrderChecked:
    """Mismatches by their fields; the order itself only where every one of its fields may be seen."""
    shown = tuple(found for found in event.mismatches if schema.may_see(_MISMATCH_FIELDS[found.kind], role))
    if all(schema.may_see(name, role) for name in _MISMATCH_FIELDS.values()):
        return event
    numbers = schema.may_see("facts.order_no", role)
    return replace(event, order=None, age_days=None, proposed=event.proposed if numbers else (), mismatches=shown)
