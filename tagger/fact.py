"""One fact as one utterance says it, and the names of the record's fields for facts."""

from dataclasses import dataclass

from callcue.core.facts import FactKind, FactState

PHONE, ORDER, AMOUNT, DATE = "facts.phone", "facts.order_no", "facts.amount", "facts.purchase_date"
PRODUCT, ADDRESS, NAME, STAFF = "facts.product", "facts.address", "facts.name", "facts.staff"

KINDS: dict[str, FactKind] = {
    PHONE: "phone",
    ORDER: "order_no",
    AMOUNT: "amount",
    DATE: "date",
    PRODUCT: "product",
    ADDRESS: "address",
    NAME: "name",
    STAFF: "staff",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One fact and where it was said."""

    field: str
    """The record's field, or the empty string for one that fills none (a visit's date)."""
    value: str
    start: int
    end: int
    """Offsets into the text."""
    probability: float = 0.9
    """Assumed, not measured, except for digits that were recognised: how often a reading of this kind is right."""
    weight: int = 1
    """Between facts of one field on a call, the heavier wins: a disputed sum over a price, a caller over an agent."""
    kind: FactKind | None = None
    """None: the kind of ``field``."""
    role: str = ""
    """See ``callcue.core.facts.FactCandidate``."""
    state: FactState = "heard"
    hearings: tuple[str, ...] = ()
    """Of a number: every way to read what was heard; to be completed by a second hearing."""

    @property
    def what(self) -> FactKind:
        """Its kind."""
        return self.kind or KINDS[self.field]
