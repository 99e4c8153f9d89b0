"""Does the order say what the caller says? Pure comparison; looking orders up is ``callcue.calls.orders``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from callcue.core.facts import FactCandidate, FactKind
from callcue.core.orders import Order, OrderMismatch

MOST_PROPOSED = 3
_NEAR = 2
"""Digits by which a number that was heard may differ from one that is proposed."""
_DAYS_APART = 1
"""Days by which a date may differ: an order shortly before midnight is of 'yesterday' and of today."""
_DAYS_ABOUT = 10
"""The same for a date that was said loosely."""
_EXACT = 0.6
_MONTH = len("2026-11")

Best = Mapping[tuple[FactKind, str], FactCandidate]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRules:
    """What a mismatch is."""

    today: date
    """The call's day."""
    return_days: int
    """Days after the order's date within which goods are taken back."""


def mismatches(order: Order, said: Best, rules: CheckRules) -> list[OrderMismatch]:
    """What was said and ``order`` says otherwise, the weightiest first."""
    found: list[OrderMismatch] = []
    bought = said.get(("date", "purchase"))
    if bought is not None:
        found += _date(order, bought, rules)
    phone = said.get(("phone", ""))
    if phone is not None and order.phone and phone.state != "incomplete" and not _same_phone(phone.value, order.phone):
        found.append(_mismatch("phone", phone, "…" + order.phone[-4:]))
    product = said.get(("product", ""))
    if product is not None and order.products and not any(_alike(product.value, name) for name in order.products):
        found.append(_mismatch("product", product, "、".join(order.products[:3])))
    paid = said.get(("amount", "paid"))
    if paid is not None and order.amount and _decimal(paid.value) != _decimal(order.amount):
        found.append(_mismatch("amount", paid, order.amount))
    return found


def near_numbers(heard: str, orders: Sequence[Order]) -> list[str]:
    """The order numbers among ``orders`` that ``heard`` may have been, the nearest first; at most two digits apart."""
    apart = sorted((edits(heard, order.order_no), order.order_no) for order in orders)
    return [number for distance, number in apart if 0 < distance <= _NEAR][:MOST_PROPOSED]


def edits(one: str, other: str) -> int:
    """Levenshtein distance."""
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, right in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (left != right))
    return row[-1]


def _date(order: Order, bought: FactCandidate, rules: CheckRules) -> list[OrderMismatch]:
    ordered, found = date.fromisoformat(order.ordered_on), list[OrderMismatch]()
    said_day = bought.value if len(bought.value) > _MONTH else None
    if said_day is None:
        apart = bought.value[:_MONTH] != order.ordered_on[:_MONTH]
        said = date.fromisoformat(f"{bought.value}-01")
    else:
        said = date.fromisoformat(said_day)
        apart = abs((said - ordered).days) > (_DAYS_APART if bought.probability >= _EXACT else _DAYS_ABOUT)
    if not apart:
        return found
    age = (rules.today - ordered).days
    if age > rules.return_days >= (rules.today - said).days:
        found.append(_mismatch("return_period", bought, str(age)))
    found.append(_mismatch("purchase_date", bought, order.ordered_on))
    return found


def _same_phone(said: str, stored: str) -> bool:
    return stored.endswith(said.removeprefix("尾号")) if said.startswith("尾号") else stored == said


def _alike(said: str, stored: str) -> bool:
    """One name in the other, its characters in their order, or the same last word: 蓝牙耳机 and 真无线蓝牙降噪耳机."""
    left, right = said.casefold().replace(" ", ""), stored.casefold().replace(" ", "")
    if left in right or right in left:
        return True
    rest = iter(right)
    if all(char in rest for char in left):
        return True
    return (left.isascii() and left.split(" ")[-1] in right) or left[-2:] in right


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _mismatch(kind: str, said: FactCandidate, stored: str) -> OrderMismatch:
    evidence = tuple(dict.fromkeys(span.segment_id for span in said.evidence))
    return OrderMismatch(kind=kind, said=said.value, stored=stored, evidence=evidence)  # type: ignore[arg-type]
