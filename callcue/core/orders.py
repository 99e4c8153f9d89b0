"""Orders as a shop knows them, and what of a call does not agree with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, Protocol

from callcue.core.facts import NumberShape

MismatchKind = Literal["order_no", "other_customer", "purchase_date", "return_period", "product", "amount", "phone"]
"""``order_no``: there is no such order. ``purchase_date``: another day. ``return_period``: by the order's date it
is over. ``product``: not in the order. ``amount``: another total. ``phone``: another number than the one that was said.
``other_customer``: the order is somebody else's, of whom nothing is told."""
MISMATCH_FIELDS: Mapping[MismatchKind, str] = MappingProxyType(
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
"""The record's field that a mismatch tells of: who may not see the one is not told of the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order of the feed."""

    order_no: str
    """Letters and digits only, letters in capitals."""
    ordered_on: str
    """``YYYY-MM-DD``, the shop's day."""
    phone: str = ""
    """Digits only, without the country's code; empty: unknown."""
    products: tuple[str, ...] = ()
    amount: str = ""
    """Plain decimal, the order's total in the shop's currency; empty: unknown."""
    status: str = ""
    """As the shop says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderMismatch:
    """One thing that was said and that the order does not say."""

    kind: MismatchKind
    said: str
    """Empty where nothing was said of it: a return was asked for, and the order is too old."""
    stored: str
    """What the feed has; of ``return_period`` the order's age in days; empty where it has nothing, or may not tell."""
    evidence: tuple[str, ...]
    """Segment ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedKnowledge:
    """What all orders of a feed have in common."""

    shape: NumberShape = field(default_factory=NumberShape)
    products: tuple[str, ...] = ()
    """Names of what is sold, the most frequent first."""


class OrderSource(Protocol):
    """Looks orders up."""

    async def by_number(self, order_no: str) -> Order | None:
        """The order of this number. Raises OrdersUnavailable."""

    async def by_phone(self, phone: str) -> Sequence[Order]:
        """A customer's orders, newest first, at most 50. Raises OrdersUnavailable."""

    async def knowledge(self) -> FeedKnowledge:
        """How its numbers look and what is sold; empty where that is not known."""
