"""Orders out of a file: read whole or refused by line, kept once, and in pieces that let calls write."""

import asyncio
from dataclasses import replace

import pytest

from callcue.core.errors import BadInput
from callcue.core.events import Alert
from callcue.core.orders import Order
from callcue.infra.bus import InProcessBus
from callcue.infra.database import Database
from callcue.infra.event_log import EventLog
from callcue.infra.order_form import read_orders
from callcue.infra.orders import BATCH, OrderFeed, OrderStore, shape_of
from callcue.testing import ManualClock
from tests.unit.orders.samples import CSV, ORDER, book, held_orders


def test_csv_is_read_whole_or_refused_by_line() -> None:
    orders, problems = read_orders(CSV.encode("utf-8-sig"))
    assert problems == []
    assert orders == [Order(order_no="20773186", ordered_on="2026-10-14", phone="13602578814",
        products=("星瀚蓝牙耳机 Pro",), amount="599")]  # fmt: skip
    _, problems = read_orders(
        b"order_no,ordered_on,amount\n1234567,2026-13-01,1\nAB,2026-01-01,1\n7654321,2026-01-01,x"
    )
    assert [(p.line, p.message.split(" ")[0]) for p in problems] == [(2, "ordered_on"), (3, "order_no"), (4, "amount")]
    _, problems = read_orders(b"order_no,ordered_on\n1234567,2026-01-01\n1234567,2026-01-02")
    assert "line 2" in problems[0].message


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "lacks order_no"),
        (b"order_no\n1", "lacks ordered_on"),
        (b"order_no,ordered_on,colour\n", "colour"),
        (b"order_no,ordered_on,order_no\n", "twice"),
        (b"\xff\xfe", "UTF-8"),
    ],
)
def test_a_file_that_is_no_order_file_says_why(data: bytes, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        read_orders(data)


async def test_a_dry_run_writes_nothing_and_an_import_is_repeatable(database: Database) -> None:
    store = OrderStore(database)
    plan = await store.import_orders([ORDER], dry_run=True)
    assert (plan.added, plan.changed, plan.unchanged) == (("20773186",), (), 0)
    assert await store.by_number("20773186") is None
    await store.import_orders([ORDER])
    assert await store.by_number("20773186") == ORDER
    assert list(await store.by_phone("13602578814")) == [ORDER]
    again = await store.import_orders([ORDER, Order(order_no="99999999", ordered_on="2026-01-01")])
    assert (again.added, again.unchanged) == (("99999999",), 1)


def test_the_shape_of_order_numbers_is_learnt_where_they_have_one() -> None:
    assert shape_of([f"{n:08d}" for n in range(50)]).lengths == {8}
    assert shape_of([f"SF{n:06d}" for n in range(50)]).prefixes == {"SF"}
    assert not shape_of(["1234", "12345678"]).lengths


async def test_an_import_lets_calls_write_in_between_and_is_repeated_after_a_kill(database: Database) -> None:
    store, log = OrderStore(database), EventLog(database, InProcessBus(), ManualClock())
    await book(database, OrderFeed(store), None)
    wanted = [Order(order_no=f"{n:08d}", ordered_on="2026-11-20", phone="13602578814") for n in range(4000)]
    importing = asyncio.create_task(store.import_orders(wanted))
    while await store.by_number("00000000") is None:
        pass
    written = await log.append(Alert(call_id="c1", at_ms=1, kind="k", reason="r", evidence=(), severity="info"))
    assert written
    assert not importing.done(), "the event did not wait for the whole import"
    importing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await importing
    await database.write("wait for the batch that was begun", lambda session: session.flush())
    held = await held_orders(database)
    assert 0 < held < len(wanted)
    assert held % BATCH == 0
    again = await store.import_orders(wanted)
    assert (len(again.added), len(again.changed), again.unchanged) == (len(wanted) - held, 0, held)
    changed = await store.import_orders([replace(order, amount="5") for order in wanted[:700]])
    assert (len(changed.added), len(changed.changed)) == (0, 700)
    found = await store.by_number("00000699")
    assert found is not None
    assert found.amount == "5"


@pytest.mark.parametrize("amount", ["1e99999999", "1e5", "-5", "nan", "1.23456", "9" * 13, "٣"])
def test_an_amount_is_digits(amount: str) -> None:
    _, problems = read_orders(f"order_no,ordered_on,amount\n7654321,2026-01-01,{amount}".encode())
    assert [problem.message.split(" ")[0] for problem in problems] == ["amount"]
