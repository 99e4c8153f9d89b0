"""Checks what a caller says of an order against the order feed, while the call runs and beside everything else.

A feed that is slow or away costs the check and nothing more: nobody waits for it, and the desk says that it is away.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

import structlog

from callcue.calls.order_check import Best, CheckRules, age_days, mismatches, near_numbers, others, owner
from callcue.calls.patience import append_patiently
from callcue.calls.records import RecordKeeper
from callcue.core.errors import CallCueError, OrdersUnavailable
from callcue.core.events import Alert, FactsUpdated, OrderChecked
from callcue.core.facts import FactCandidate, best, fold
from callcue.core.feelings import AlertPart
from callcue.core.orders import MISMATCH_FIELDS, FeedKnowledge, Order, OrderMismatch, OrderSource
from callcue.core.ports import Clock
from callcue.core.records import TagSuggestion
from callcue.infra.event_log import EventLog

MODEL = "order-feed-1"
_FOUND, _FOUND_WITH_PHONE = 0.93, 0.97
_CHECKED = frozenset({"phone", "order_no", "date", "product", "amount"})
_MOST_HELD = 3
"""Times that a check is made anew because more was said meanwhile, before the next utterance."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDesk:
    """What the checks of all calls share."""

    source: OrderSource
    return_days: int
    """Days after an order within which goods are taken back."""
    knowledge: FeedKnowledge = field(default_factory=FeedKnowledge)
    """As it was when the service began."""
    numbers_of: Callable[[str], Awaitable[Collection[str]]] | None = None
    """The numbers under which a customer id is known; None: ids tell nothing."""


class FactBook:
    """The facts of one call: written as they come, and checked against the orders where there is a feed."""

    def __init__(
        self,
        *,
        call_id: str,
        caller: str | None,
        today: date,
        log: EventLog,
        clock: Clock,
        records: RecordKeeper,
        orders: OrderDesk | None,
        fill_threshold: float,
    ) -> None:
        self._call_id = call_id
        self._caller = phone_of(caller or "")
        self._today = today
        self._log, self._clock, self._records = log, clock, records
        self._orders = orders
        self._threshold = fill_threshold
        self._held: list[FactCandidate] = []
        self._returning: tuple[str, ...] = ()
        self._shown: OrderChecked | None = None
        self._checking: asyncio.Task[None] | None = None
        self._again = False
        self._at_ms = 0

    async def update(self, changed: Sequence[FactCandidate], at_ms: int, returning: tuple[str, ...] = ()) -> None:
        """Write candidates that changed, and check them; returns when they are written. ``returning``: the segments in
        which a return was asked for so far."""
        asked = bool(returning) and not self._returning
        self._returning = returning
        if not changed and not asked:
            return
        if changed:
            await append_patiently(
                self._log, self._clock, FactsUpdated(call_id=self._call_id, at_ms=at_ms, candidates=tuple(changed))
            )
        self._held = fold([self._held, changed])
        self._at_ms = at_ms
        if asked or any(found.kind in _CHECKED for found in changed):
            self.check_again()

    def check_again(self) -> None:
        """Something else is known that a check goes by, such as whose call it is; returns at once."""
        if self._orders is None or not self._held:
            return
        self._again = True
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self._check(self._orders), name=f"orders-{self._call_id}")

    async def finish(self) -> None:
        """Wait for the check that runs."""
        if self._checking is not None:
            await self._checking

    async def _check(self, desk: OrderDesk) -> None:
        for _ in range(_MOST_HELD):
            if not self._again:
                return
            self._again = False
            try:
                await self._check_or_say_why(desk)
            except CallCueError as error:
                _log.warning("orders.check_failed", call_id=self._call_id, code=error.code)

    async def _check_or_say_why(self, desk: OrderDesk) -> None:
        try:
            await self._check_once(desk, best(self._held))
        except OrdersUnavailable as error:
            await self._say(OrderChecked(call_id=self._call_id, at_ms=self._at_ms, unavailable=error.message))

    async def _check_once(self, desk: OrderDesk, said: Best) -> None:
        heard = said.get(("order_no", ""))
        named = heard if heard is not None and heard.state != "incomplete" else None
        numbers = await self._numbers(desk, said)
        order = await desk.source.by_number(named.value) if named is not None else None
        strange = order is not None and owner(order, numbers, said) == "other"
        mine: list[Order] = []
        if order is None or strange:
            for number in numbers:
                mine += await desk.source.by_phone(number)
        near = near_numbers(heard.value, mine) if heard is not None and (order is None or strange) else []
        if heard is None and len(mine) == 1:
            order = mine[0]  # the caller's only order is what the call is about, until another number is said
        if order is None and named is None and not near:
            return
        if strange and named is not None:
            order, found = None, [others(named)]
        elif order is not None:
            rules = CheckRules(today=self._today, return_days=desk.return_days, returning=self._returning)
            found = mismatches(order, said, rules)
        else:
            found = _unknown(heard)
        if order is not None and heard is not None:
            await self._found(heard, order, own=owner(order, numbers, said) == "caller")
        await self._say(
            OrderChecked(
                call_id=self._call_id,
                at_ms=self._at_ms,
                order=order,
                age_days=None if order is None else age_days(order, self._today),
                proposed=tuple(near),
                mismatches=tuple(found),
            )
        )

    async def _numbers(self, desk: OrderDesk, said: Best) -> list[str]:
        """The caller's: of the line, said whole, and those under which the customer's id is known."""
        phone = said.get(("phone", ""))
        whole = phone.value if phone and phone.state != "incomplete" and phone.value.isdigit() else ""
        customer_id = (await self._records.get(self._call_id)).value("cross_channel_id")
        known: Collection[str] = ()
        if desk.numbers_of is not None and isinstance(customer_id, str) and customer_id:
            known = sorted(await desk.numbers_of(customer_id))
        return list(dict.fromkeys(number for number in (self._caller, whole, *known) if number))

    async def _found(self, heard: FactCandidate, order: Order, *, own: bool) -> None:
        """An order number that the feed knows is surely right, the more so when it is the caller's."""
        sure = _FOUND_WITH_PHONE if own else _FOUND
        if heard.probability >= sure:
            return
        confirmed = TagSuggestion(
            field="facts.order_no",
            value=order.order_no,
            probability=sure,
            evidence=tuple(dict.fromkeys(span.segment_id for span in heard.evidence)),
            model=MODEL,
            source="rule",
            fills=sure >= self._threshold,
        )
        await self._records.suggest(self._call_id, [confirmed], self._at_ms)

    async def _say(self, checked: OrderChecked) -> None:
        """Write a check that says something new; a new mismatch is an alert, too."""
        before = self._shown
        if before is not None and _content(before) == _content(checked):
            return
        self._shown = checked
        known = {(m.kind, m.said, m.stored) for m in before.mismatches} if before else set()
        fresh = [m for m in checked.mismatches if (m.kind, m.said, m.stored) not in known]
        alerts = [_alert(self._call_id, self._at_ms, fresh)] if fresh else []
        await append_patiently(self._log, self._clock, checked, *alerts)


def phone_of(number: str) -> str:
    """A caller's number as orders have it: digits, without +86 and trunk zeros before a mobile."""
    digits = "".join(char for char in number if char.isascii() and char.isdigit())
    for prefix in ("0086", "86", "0"):
        rest = digits.removeprefix(prefix)
        if rest != digits and len(rest) == 11 and rest.startswith("1"):
            return rest
    return digits


def _unknown(heard: FactCandidate | None) -> list[OrderMismatch]:
    if heard is None or heard.state == "incomplete":
        return []
    evidence = tuple(dict.fromkeys(span.segment_id for span in heard.evidence))
    return [OrderMismatch(kind="order_no", said=heard.value, stored="", evidence=evidence)]


def _content(checked: OrderChecked) -> tuple[object, ...]:
    return checked.order, checked.age_days, checked.proposed, checked.mismatches, checked.unavailable


_WORDS: dict[str, Callable[[OrderMismatch], str]] = {
    "order_no": lambda m: "there is no order of the number that was said",
    "other_customer": lambda m: (
        "the order belongs to someone else, by the numbers known: tell nothing of it, ask which number made it"
    ),
    "purchase_date": lambda m: f"the caller says bought on {m.said}, the order is of {m.stored}",
    "return_period": lambda m: f"the order is {m.stored} days old: outside the return period, promise no return",
    "product": lambda m: "the product that was said is not in the order",
    "amount": lambda m: f"the caller says {m.said} was paid, the order has {m.stored}",
    "phone": lambda m: "the order belongs to another phone number",
}


_WEIGHTY = frozenset({"return_period", "phone", "order_no", "other_customer"})


def _alert(call_id: str, at_ms: int, found: Iterable[OrderMismatch]) -> Alert:
    found = list(found)
    parts = tuple(AlertPart(field=MISMATCH_FIELDS[m.kind], text=_WORDS[m.kind](m), evidence=m.evidence) for m in found)
    return Alert(
        call_id=call_id,
        at_ms=at_ms,
        kind="order_mismatch",
        reason="; ".join(part.text for part in parts),
        evidence=tuple(dict.fromkeys(segment for m in found for segment in m.evidence)),
        parts=parts,
        severity="warning" if any(m.kind in _WEIGHTY for m in found) else "info",
    )
