"""Orders of a shop, what was said of them, and a call that holds the one against the other."""

from collections.abc import Awaitable, Callable, Collection
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from callcue.calls.order_check import CheckRules, mismatches
from callcue.calls.orders import FactBook, OrderDesk
from callcue.calls.records import RecordKeeper
from callcue.core.events import CallStarted, OrderChecked
from callcue.core.facts import FactCandidate, FactSpan, best
from callcue.core.orders import Order, OrderSource
from callcue.infra.bus import InProcessBus
from callcue.infra.calls import CallStore
from callcue.infra.customer_tables import OrderRow
from callcue.infra.database import Database
from callcue.infra.event_log import EventLog
from callcue.infra.records import RecordStore
from callcue.testing import ManualClock

TODAY = date(2026, 11, 23)
RULES = CheckRules(today=TODAY, return_days=7)
ORDER = Order(
    order_no="20773186",
    ordered_on="2026-10-14",
    phone="13602578814",
    products=("星瀚蓝牙耳机 Pro",),
    amount="599",
    status="已签收",
)
CSV = "订单号,下单日期,手机号,商品,金额\n20773186,2026-10-14,136-0257-8814,星瀚蓝牙耳机 Pro,599.00\n"


def said(kind: str, value: str, role: str = "", probability: float = 0.9, state: str = "heard") -> FactCandidate:
    return FactCandidate(
        kind=kind,  # type: ignore[arg-type]
        value=value,
        role=role,
        probability=probability,
        state=state,  # type: ignore[arg-type]
        evidence=(FactSpan(segment_id=f"s-{kind}", start=0, end=4),),
    )


def kinds(*facts: FactCandidate) -> list[str]:
    return [found.kind for found in mismatches(ORDER, best(facts), RULES)]


async def book(
    database: Database,
    source: OrderSource,
    caller: str | None,
    *,
    call_id: str = "c1",
    numbers_of: Callable[[str], Awaitable[Collection[str]]] | None = None,
) -> tuple[FactBook, EventLog]:
    log = EventLog(database, InProcessBus(), ManualClock())
    await log.append(
        CallStarted(
            call_id=call_id,
            at_ms=0,
            channels=("caller", "agent"),
            agent_id="a",
            caller=caller,
            language="zh",
            source="test",
            sample_rate=8000,
            encoding="pcm_s16le",
            started_at="2026-11-23T10:00:00+08:00",
        )
    )
    records = RecordKeeper(log=log, store=RecordStore(database), calls=CallStore(database), clock=ManualClock())
    made = FactBook(
        call_id=call_id,
        caller=caller,
        today=TODAY,
        log=log,
        clock=ManualClock(),
        records=records,
        orders=OrderDesk(source=source, return_days=7, numbers_of=numbers_of),
        fill_threshold=0.6,
    )
    return made, log


async def newest_check(log: EventLog) -> OrderChecked:
    checked = await log.newest("c1", "OrderChecked")
    assert isinstance(checked, OrderChecked)
    return checked


async def held_orders(database: Database) -> int:
    async def work(session: AsyncSession) -> int:
        return await session.scalar(select(func.count()).select_from(OrderRow)) or 0

    return await database.read("count", work)
