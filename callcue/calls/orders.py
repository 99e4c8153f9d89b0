"""Checks what a caller says of an order against the order feed, while the call runs and beside everything else.

A feed that is slow or away costs the check and nothing more: nobody waits for it, and the desk says that it is away.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

import structlog

from callcue.calls.order_check import Best, CheckRules, mismatches, near_numbers
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
        self._shown: OrderChecked | None = None
        self._checking: asyncio.Task[None] | None = None
        self._again = False
        self._at_ms = 0

    async def update(self, changed: Sequence[FactCandidate], at_ms: int) -> None:
        """Write candidates that changed, and check them; returns when they are written."""
        if not changed:
            return
        await append_patiently(
            self._log, self._clock, FactsUpdated(call_id=self._call_id, at_ms=at_ms, candidates=tuple(changed))
        )
        self._held = fold([self._held, changed])
        self._at_ms = at_ms
        if self._orders is None or not any(found.kind in _CHECKED for found in changed):
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
        heard, phone = said.get(("order_no", "")), said.get(("phone", ""))
        order = await desk.source.by_number(heard.value) if heard and heard.state != "incomplete" else None
        mine: list[Order] = []
        if order is None:
            whole = phone.value if phone and phone.state != "incomplete" and phone.value.isdigit() else ""
            for number in dict.fromkeys(filter(None, (self._caller, whole))):
                mine += await desk.source.by_phone(number)
        near = near_numbers(heard.value, mine) if heard and order is None else []
        if heard is None and len(mine) == 1:
            order = mine[0]  # the caller's only order is what the call is about, until another number is said
        if order is None and (heard is None or heard.state == "incomplete") and not near:
            return
        rules = CheckRules(today=self._today, return_days=desk.return_days)
        found = mismatches(order, said, rules) if order else _unknown(heard)
        if order is not None and heard is not None:
            await self._found(heard, order, own=order.phone in {self._caller, phone.value if phone else ""} - {""})
        await self._say(
            OrderChecked(
                call_id=self._call_id,
                at_ms=self._at_ms,
                order=order,
                proposed=tuple(near),
                mismatches=tuple(found),
            )
        )

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
    return checked.order, checked.proposed, checked.mismatches, checked.unavailable


_WORDS: dict[str, Callable[[OrderMismatch], str]] = {
    "order_no": lambda m: "there is no order of the number that was said",
    "purchase_date": lambda m: f"the caller says bought on {m.said}, the order is of {m.stored}",
    "return_period": lambda m: f"the order is {m.stored} days old: outside the return period, promise no return",
    "product": lambda m: "the product that was said is not in the order",
    "amount": lambda m: f"the caller says {m.said} was paid, the order has {m.stored}",
    "phone": lambda m: "the order belongs to another phone number",
}


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
        severity="warning" if any(m.kind in ("return_period", "phone", "order_no") for m in found) else "info",
    )
