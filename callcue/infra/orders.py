"""Orders that were imported, in the database."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from callcue.core.clock import SystemClock
from callcue.core.facts import NumberShape
from callcue.core.orders import FeedKnowledge, Order, OrderSource
from callcue.core.ports import Clock
from callcue.infra.customer_tables import OrderRow
from callcue.infra.database import Database

BATCH = 500
"""Orders that are written in one transaction: some 20 ms."""
_SAMPLE = 5000
_MOST_PRODUCTS = 500
_USUAL = 0.02
"""A length that fewer orders have is a slip in the data, not a form."""
MOST_ORDERS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPlan:
    """What an import does."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: int

    def and_then(self, other: "OrderPlan") -> "OrderPlan":
        """Both, one after the other."""
        return OrderPlan(
            added=(*self.added, *other.added),
            changed=(*self.changed, *other.changed),
            unchanged=self.unchanged + other.unchanged,
        )


class OrderStore:
    """Imports and looks up orders. An OrderSource."""

    def __init__(self, db: Database, clock: Clock | None = None) -> None:
        self._db = db
        self._clock = clock or SystemClock()

    async def import_orders(self, orders: Iterable[Order], *, dry_run: bool = False, pause_s: float = 0.0) -> OrderPlan:
        """Add and change orders; none is removed. With ``dry_run`` only say what would be done.

        Every ``BATCH`` of them is a transaction of its own, so that live calls write in between. An import that is cut
        off has kept whole batches; repeated, it counts these as unchanged and does the rest. ``pause_s``: seconds
        between two batches, for writers of other processes, who do not queue here.
        """
        wanted = list({order.order_no: order for order in orders}.values())
        now = self._clock.now().isoformat()
        plan = OrderPlan(added=(), changed=(), unchanged=0)
        for start in range(0, len(wanted), BATCH):
            if start and pause_s:
                await self._clock.sleep(pause_s)
            work = partial(_import, wanted[start : start + BATCH], None if dry_run else now)
            done = await (self._db.read("compare orders", work) if dry_run else self._db.write("import orders", work))
            plan = plan.and_then(done)
        return plan

    async def by_number(self, order_no: str) -> Order | None:
        """The order of this number; None where there is none."""

        async def work(session: AsyncSession) -> OrderRow | None:
            return await session.get(OrderRow, order_no)

        row = await self._db.read("look up an order", work)
        return None if row is None else _order(row)

    async def by_phone(self, phone: str) -> Sequence[Order]:
        """A customer's orders, newest first, at most 50."""
        query = select(OrderRow).where(OrderRow.phone == phone).order_by(OrderRow.ordered_on.desc()).limit(MOST_ORDERS)

        async def work(session: AsyncSession) -> list[OrderRow]:
            return list(await session.scalars(query))

        return [_order(row) for row in await self._db.read("look up a customer's orders", work)]

    async def knowledge(self) -> FeedKnowledge:
        """Lengths and prefixes of the newest orders' numbers, and what is sold."""
        query = select(OrderRow.order_no, OrderRow.products).order_by(OrderRow.ordered_on.desc()).limit(_SAMPLE)

        async def work(session: AsyncSession) -> list[tuple[str, list[str]]]:
            return [(number, products) for number, products in (await session.execute(query)).all()]

        rows = await self._db.read("learn how orders look", work)
        names = Counter(name for _, products in rows for name in products)
        return FeedKnowledge(
            shape=shape_of([number for number, _ in rows]),
            products=tuple(name for name, _ in names.most_common(_MOST_PRODUCTS)),
        )


def shape_of(numbers: Sequence[str]) -> NumberShape:
    """What order numbers have in common; nothing for fewer than 20 of them, or where they vary."""
    if len(numbers) < 20:
        return NumberShape()
    lengths = Counter(map(len, numbers))
    usual = frozenset(length for length, count in lengths.items() if count >= _USUAL * len(numbers))
    letters = Counter(number[: len(number) - len(number.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))] for number in numbers)
    prefixes = frozenset(found for found in letters if found)
    lettered = "" not in letters and len(prefixes) <= 10
    return NumberShape(
        lengths=usual if len(usual) <= 4 else frozenset(), prefixes=prefixes if lettered else frozenset()
    )


async def _import(orders: Sequence[Order], now: str | None, session: AsyncSession) -> OrderPlan:
    """One batch; ``now`` None: only look."""
    query = select(OrderRow).where(OrderRow.order_no.in_([order.order_no for order in orders]))
    held = {row.order_no: _order(row) for row in await session.scalars(query)}
    added = [order for order in orders if order.order_no not in held]
    changed = [order for order in orders if order.order_no in held and held[order.order_no] != order]
    if now is not None and added:
        await session.execute(insert(OrderRow), [_row(order, now) for order in added])
    if now is not None and changed:
        await session.execute(update(OrderRow), [_row(order, now) for order in changed])  # by their primary key
    return OrderPlan(
        added=tuple(order.order_no for order in added),
        changed=tuple(order.order_no for order in changed),
        unchanged=len(orders) - len(added) - len(changed),
    )


def _row(order: Order, now: str) -> dict[str, object]:
    return {
        "order_no": order.order_no,
        "phone": order.phone,
        "ordered_on": order.ordered_on,
        "products": list(order.products),
        "amount": order.amount,
        "status": order.status,
        "imported_at": now,
    }


def _order(row: OrderRow) -> Order:
    return Order(
        order_no=row.order_no,
        phone=row.phone,
        ordered_on=row.ordered_on,
        products=tuple(row.products),
        amount=row.amount,
        status=row.status,
    )


class OrderFeed:
    """Several sources as one: the imported orders first, then whoever else is to be asked."""

    def __init__(self, *sources: OrderSource) -> None:
        self._sources = sources

    async def by_number(self, order_no: str) -> Order | None:
        """From the first source that knows it. Raises OrdersUnavailable where one that had to be asked is away."""
        for source in self._sources:
            order = await source.by_number(order_no)
            if order is not None:
                return order
        return None

    async def by_phone(self, phone: str) -> Sequence[Order]:
        """Of all sources, newest first, each order once."""
        found: dict[str, Order] = {}
        for source in self._sources:
            for order in await source.by_phone(phone):
                found.setdefault(order.order_no, order)
        return sorted(found.values(), key=lambda order: order.ordered_on, reverse=True)[:MOST_ORDERS]

    async def knowledge(self) -> FeedKnowledge:
        """Of the first source, which has all its orders at hand."""
        return await self._sources[0].knowledge()
