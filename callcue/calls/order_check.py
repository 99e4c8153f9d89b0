"""Does the order say what the caller says? Pure comparison; looking orders up is ``callcue.calls.orders``."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Literal

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
_WHOLE_NUMBER = 7
"""Digits of a telephone number; fewer are an extension or a short code and say nothing of the customer."""
_MONTH = len("2026-11")

Best = Mapping[tuple[FactKind, str], FactCandidate]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRules:
    """What a mismatch is."""

    today: date
    """The call's day."""
    return_days: int
    """Days after the order's date within which goods are taken back."""
    returning: tuple[str, ...] = ()
    """Segments in which a return is asked for; empty: it is not."""


Owner = Literal["caller", "other", "unknown"]


def owner(order: Order, numbers: Iterable[str], said: Best) -> Owner:
    """Whose the order is. ``numbers``: those of the caller, by the line and by what is known of the customer.

    Somebody else's it is only where there is a number to go by and none agrees. A number that the caller says counts
    like one that is known: who knows both order and number has said what shops ask for.
    """
    known = [number for number in numbers if len(number) >= _WHOLE_NUMBER]
    phone = said.get(("phone", ""))
    if phone is not None and phone.state != "incomplete":
        known.append(phone.value)
    if not order.phone or not known:
        return "unknown"
    return "caller" if any(_same_phone(number, order.phone) for number in known) else "other"


def age_days(order: Order, today: date) -> int:
    """Days since the order."""
    return (today - date.fromisoformat(order.ordered_on)).days


def others(heard: FactCandidate) -> OrderMismatch:
    """The order that was named is somebody else's: nothing of it is told."""
    return _mismatch("other_customer", heard, "")


def mismatches(order: Order, said: Best, rules: CheckRules) -> list[OrderMismatch]:
    """What was said and ``order`` says otherwise, the weightiest first."""
    bought = said.get(("date", "purchase"))
    found = _return_period(order, bought, rules)
    if bought is not None and _apart(order, bought):
        found.append(_mismatch("purchase_date", bought, order.ordered_on))
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


def _return_period(order: Order, bought: FactCandidate | None, rules: CheckRules) -> list[OrderMismatch]:
    """The order's age is the feed's, whatever was said. It matters where a return is asked for, and where the day that
    was said would still allow one."""
    age = age_days(order, rules.today)
    if age <= rules.return_days:
        return []
    claimed = bought is not None and _apart(order, bought) and (rules.today - _day(bought)).days <= rules.return_days
    if not claimed and not rules.returning:
        return []
    evidence = list(rules.returning)
    if bought is not None:
        evidence = [*(span.segment_id for span in bought.evidence), *evidence]
    said, shown = bought.value if bought is not None else "", tuple(dict.fromkeys(evidence))
    return [OrderMismatch(kind="return_period", said=said, stored=str(age), evidence=shown)]


def _apart(order: Order, bought: FactCandidate) -> bool:
    if len(bought.value) <= _MONTH:
        return bought.value[:_MONTH] != order.ordered_on[:_MONTH]
    days = abs((_day(bought) - date.fromisoformat(order.ordered_on)).days)
    return days > (_DAYS_APART if bought.probability >= _EXACT else _DAYS_ABOUT)


def _day(bought: FactCandidate) -> date:
    """The day that was said; of a month its first."""
    return date.fromisoformat(bought.value if len(bought.value) > _MONTH else f"{bought.value}-01")


def _same_phone(said: str, stored: str) -> bool:
    """Trunk zeros and a country's code may stand before either."""
    if said.startswith("尾号"):
        return stored.endswith(said.removeprefix("尾号"))
    short, long = sorted((said.lstrip("0"), stored.lstrip("0")), key=len)
    return short == long or (len(short) >= _WHOLE_NUMBER and long.endswith(short))


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
