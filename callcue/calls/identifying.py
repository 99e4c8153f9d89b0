"""What identifies the customer of a call, as far as it is known: what must not be sent to another program."""

from collections.abc import Iterator

from callcue.core.customers import CustomerProfile
from callcue.core.field_spec import FieldSpec, Value
from callcue.core.record_schema import RecordSchema
from callcue.core.records import CallRecord

_FACTS = "facts."
_SPARED = ("facts.amount", "facts.purchase_date", "facts.product")
"""Facts without which a summary is worth nothing, and which say nobody's name; unless a configuration says so."""


def identifying(caller: str | None, record: CallRecord, schema: RecordSchema, customer: CustomerProfile) -> list[str]:
    """The texts to take out wherever they stand: the number that called, who another system says the customer is, the
    facts, and every field that is marked as personal, retired ones too. A field that no schema has counts as personal.
    """
    found = [caller or "", customer.name, customer.customer_id]
    for name, held in record.fields.items():
        spec = schema.fields.get(name)
        if _is_personal(name, spec):
            found += _texts(held.value)
    return list(dict.fromkeys(text for text in found if text))


def _is_personal(name: str, spec: FieldSpec | None) -> bool:
    if spec is None or spec.personal:
        return True
    return name.startswith(_FACTS) and name not in _SPARED


def _texts(value: Value) -> Iterator[str]:
    """Each of several values by itself. A yes or no identifies nobody."""
    for one in value if isinstance(value, tuple) else (value,):
        if one is not None and not isinstance(one, bool):
            yield str(one)
