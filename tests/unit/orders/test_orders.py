"""Orders: imported, asked for over HTTP, and held against what was said before a promise is made."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from dataclasses import replace
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from callcue.calls.order_check import CheckRules, mismatches, near_numbers, owner
from callcue.calls.orders import FactBook, OrderDesk, phone_of
from callcue.calls.records import RecordKeeper
from callcue.core.errors import BadInput, OrdersUnavailable
from callcue.core.events import Alert, CallStarted, OrderChecked
from callcue.core.facts import FactCandidate, FactSpan, best
from callcue.core.orders import Order, OrderSource
from callcue.core.settings import OrderSettings
from callcue.infra.breaker import CircuitBreaker
from callcue.infra.bus import InProcessBus
from callcue.infra.calls import CallStore
from callcue.infra.customer_tables import OrderRow
from callcue.infra.database import Database
from callcue.infra.event_log import EventLog
from callcue.infra.order_form import read_orders
from callcue.infra.order_rest import RestOrderConfig, RestOrders
from callcue.infra.orders import BATCH, OrderFeed, OrderStore, shape_of
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


def test_an_order_that_is_older_than_was_said_is_outside_the_return_period() -> None:
    found = mismatches(ORDER, best([said("date", "2026-11-18", "purchase")]), RULES)
    assert [(m.kind, m.said, m.stored) for m in found] == [
        ("return_period", "2026-11-18", "40"),
        ("purchase_date", "2026-11-18", "2026-10-14"),
    ]
    assert found[0].evidence == ("s-date",)


@pytest.mark.parametrize(
    "day", ["2026-10-14", "2026-10-13", "2026-10"], ids=["the same day", "around midnight", "only the month"]
)
def test_what_agrees_is_no_mismatch(day: str) -> None:
    facts = [said("product", "蓝牙耳机"), said("amount", "599.00", "paid"), said("phone", "尾号8814")]
    assert kinds(said("date", day, "purchase"), *facts) == []


def test_other_things_than_in_the_order() -> None:
    assert kinds(said("product", "平板电脑")) == ["product"]
    assert kinds(said("amount", "699", "paid")) == ["amount"]
    assert kinds(said("phone", "13900001111")) == ["phone"]
    assert kinds(said("phone", "1390000", state="incomplete")) == []
    assert kinds(said("date", "2026-10-20", "purchase", 0.45)) == []  # said loosely
    assert kinds(said("date", "2026-11-28", "visit")) == []


def test_the_age_counts_where_a_return_is_asked_for_whatever_date_was_said() -> None:
    asked = CheckRules(today=TODAY, return_days=7, returning=("s-9",))
    (found,) = mismatches(ORDER, {}, asked)
    assert (found.kind, found.said, found.stored, found.evidence) == ("return_period", "", "40", ("s-9",))
    agreed = mismatches(ORDER, best([said("date", "2026-10-14", "purchase")]), asked)
    assert [(m.kind, m.evidence) for m in agreed] == [("return_period", ("s-date", "s-9"))]
    assert mismatches(ORDER, {}, RULES) == [], "an old order is no mismatch where nobody wants to return it"
    young = CheckRules(today=date(2026, 10, 21), return_days=7, returning=("s-9",))
    assert mismatches(ORDER, {}, young) == [], "on the last day it is still open"


@pytest.mark.parametrize(
    ("numbers", "phone", "whose"),
    [
        (["13602578814"], None, "caller"),
        (["8613602578814"], None, "caller"),
        (["13900001111"], None, "other"),
        (["13900001111", "13602578814"], None, "caller"),
        (["13900001111"], said("phone", "13602578814"), "caller"),
        ([], said("phone", "13900001111"), "other"),
        ([], said("phone", "尾号8814"), "caller"),
        ([], said("phone", "尾号0000"), "other"),
        ([], said("phone", "1390000", state="incomplete"), "unknown"),
        ([], None, "unknown"),
        (["8001"], None, "unknown"),
    ],
)
def test_whose_an_order_is(numbers: list[str], phone: FactCandidate | None, whose: str) -> None:
    assert owner(ORDER, numbers, best([phone] if phone else [])) == whose
    nobodys = Order(order_no="1", ordered_on="2026-10-14")
    assert owner(nobodys, numbers, best([phone] if phone else [])) == "unknown"


def test_near_numbers_are_at_most_two_digits_away() -> None:
    others = [ORDER, Order(order_no="20773999", ordered_on="2026-01-01")]
    assert near_numbers("2077386", others) == ["20773186"]
    assert near_numbers("99999999", others) == []


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


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    found = Database(f"sqlite:///{tmp_path / 'orders.sqlite3'}")
    await found.migrate()
    yield found
    await found.close()


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


class Shop(BaseHTTPRequestHandler):
    """A shop's interface on this machine."""

    seen: list[tuple[str, str | None]]
    answer: tuple[int, bytes]

    def do_GET(self) -> None:
        type(self).seen.append((self.path, self.headers.get("Authorization")))
        status, body = type(self).answer
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        return


@pytest.fixture
def shop() -> Iterator[tuple[type[Shop], str]]:
    class Here(Shop):
        seen: list[tuple[str, str | None]] = []  # noqa: RUF012 - one shop a test
        answer = (200, b"{}")

    server = ThreadingHTTPServer(("127.0.0.1", 0), Here)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Here, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def rest(address: str, clock: ManualClock) -> RestOrders:
    config = RestOrderConfig(
        number_url=address + "/orders/{order_no}",
        phone_url=address + "/orders?phone={phone}",
        authorization="Bearer s3cret",
        timeout_s=5.0,
    )
    return RestOrders(config, CircuitBreaker(clock, failures=2, pause_s=30.0))


async def test_orders_over_http(shop: tuple[type[Shop], str]) -> None:
    server, address = shop
    source = rest(address, ManualClock())
    row = {
        "order_no": "2077-3186",
        "ordered_on": "2026-10-14T09:00:00",
        "amount": 599,
        "products": ["耳机"],
        "extra": 1,
    }
    server.answer = (200, json.dumps(row).encode())
    found = await source.by_number("20773186")
    assert found == Order(order_no="20773186", ordered_on="2026-10-14", amount="599", products=("耳机",))
    server.answer = (200, json.dumps({"orders": [row]}).encode())
    assert [order.order_no for order in await source.by_phone("136 0")] == ["20773186"]
    assert server.seen == [("/orders/20773186", "Bearer s3cret"), ("/orders?phone=136%200", "Bearer s3cret")]
    server.answer = (404, b"")
    assert await source.by_number("1") is None


@pytest.mark.parametrize(
    "answer",
    [(500, b""), (302, b""), (200, b"not json"), (200, b"[1]"), (200, b'{"order_no": "1234567"}')],
    ids=["500", "redirect", "no json", "no orders", "no date"],
)
async def test_a_bad_answer_is_unavailable_and_opens_the_breaker(
    shop: tuple[type[Shop], str], answer: tuple[int, bytes]
) -> None:
    server, address = shop
    clock = ManualClock()
    source = rest(address, clock)
    server.answer = answer
    asked = 0
    for _ in range(4):
        with pytest.raises(OrdersUnavailable):
            await source.by_number("1234567")
    if answer[0] != 200:
        asked = len(server.seen)
        assert asked == 2, "an open breaker asks nobody"
        server.answer = (404, b"")
        await clock.advance(31)
        assert await source.by_number("1234567") is None
    assert all(path != "/elsewhere" for path, _ in server.seen)


async def test_a_shop_that_does_not_answer_is_given_up(shop: tuple[type[Shop], str]) -> None:
    server, address = shop
    answer = threading.Event()

    class Slow(server):  # type: ignore[misc, valid-type]
        def do_GET(self) -> None:
            answer.wait(30)

    config = RestOrderConfig(number_url=address + "/{order_no}", phone_url=None, authorization=None, timeout_s=0.05)
    original = server.do_GET
    server.do_GET = Slow.do_GET  # type: ignore[method-assign]
    try:
        with pytest.raises(OrdersUnavailable):
            await RestOrders(config, CircuitBreaker(ManualClock(), failures=2, pause_s=30.0)).by_number("1234567")
    finally:
        answer.set()
        server.do_GET = original  # type: ignore[method-assign]


def test_addresses_are_checked_when_the_settings_are_read() -> None:
    with pytest.raises(ValueError, match="order_no"):
        OrderSettings(number_url="https://shop.example/orders")
    with pytest.raises(ValueError, match="http"):
        OrderSettings(number_url="file:///etc/{order_no}")


@pytest.mark.parametrize(
    ("number", "plain"),
    [("+86 136 0257 8814", "13602578814"), ("013602578814", "13602578814"), ("02162345678", "02162345678")],
)
def test_numbers_of_the_switch_are_written_as_the_orders(number: str, plain: str) -> None:
    assert phone_of(number) == plain


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


async def test_a_mismatch_is_written_with_its_evidence_before_the_call_ends(database: Database) -> None:
    store = OrderStore(database)
    await store.import_orders([ORDER])
    facts, log = await book(database, OrderFeed(store), None)
    await facts.update([said("order_no", "20773186", probability=0.62)], 1000)
    await facts.finish()
    await facts.update([said("date", "2026-11-18", "purchase")], 2000)
    await facts.finish()
    checked = await log.newest("c1", "OrderChecked")
    assert isinstance(checked, OrderChecked)
    assert [m.kind for m in checked.mismatches] == ["return_period", "purchase_date"]
    alert = await log.newest("c1", "Alert")
    assert isinstance(alert, Alert)
    assert (alert.kind, alert.severity, alert.evidence) == ("order_mismatch", "warning", ("s-date",))
    record = await RecordStore(database).get("c1")
    assert record.value("facts.order_no") == "20773186"
    assert record.fields["facts.order_no"].probability > 0.9
    alerts = await log.read_type("c1", "Alert")
    await facts.update([said("date", "2026-11-18", "purchase", 0.95)], 3000)
    await facts.finish()
    assert await log.read_type("c1", "Alert") == alerts, "the same mismatch is announced once"


async def newest_check(log: EventLog) -> OrderChecked:
    checked = await log.newest("c1", "OrderChecked")
    assert isinstance(checked, OrderChecked)
    return checked


async def test_somebody_elses_order_is_said_to_be_so_and_nothing_of_it_is_told(database: Database) -> None:
    store = OrderStore(database)
    mine = Order(order_no="20773189", ordered_on="2026-11-20", phone="13900001111")
    await store.import_orders([ORDER, mine])
    facts, log = await book(database, OrderFeed(store), "13900001111")
    await facts.update([said("order_no", "20773186", probability=0.62), said("amount", "1", "paid")], 1000)
    await facts.finish()
    checked = await newest_check(log)
    assert [(m.kind, m.said, m.stored) for m in checked.mismatches] == [("other_customer", "20773186", "")]
    assert (checked.order, checked.age_days) == (None, None)
    assert checked.proposed == ("20773189",), "the caller's own, a digit away"
    alert = await log.newest("c1", "Alert")
    assert isinstance(alert, Alert)
    assert alert.severity == "warning"
    told = json.dumps([event.__class__.__name__ + repr(event) for event in await log.read("c1") if event.seq > 2])
    for secret in ("13602578814", "8814", "2026-10-14", "599", "蓝牙耳机"):
        assert secret not in told
    assert (await RecordStore(database).get("c1")).value("facts.order_no") is None, "and the feed does not vouch for it"
    await facts.update([said("phone", "13602578814")], 2000)
    await facts.finish()
    checked = await newest_check(log)
    assert checked.order == ORDER, "who says the number that it was made with is told"
    assert "other_customer" not in [m.kind for m in checked.mismatches]


async def test_a_customer_id_says_whose_numbers_are_whose(database: Database) -> None:
    store = OrderStore(database)
    await store.import_orders([ORDER])
    known = {"k7": ["13602578814"], "k8": ["13900001111"]}

    async def numbers_of(customer_id: str) -> list[str]:
        return known.get(customer_id, [])

    for place, (customer_id, kinds_found) in enumerate([("k7", []), ("k8", ["other_customer"]), ("k9", [])]):
        facts, log = await book(database, OrderFeed(store), None, call_id=f"c{place}", numbers_of=numbers_of)
        keeper = RecordKeeper(log=log, store=RecordStore(database), calls=CallStore(database), clock=ManualClock())
        await keeper.edit(f"c{place}", {"cross_channel_id": customer_id}, by="lin")
        await facts.update([said("order_no", "20773186")], 1000)
        await facts.finish()
        checked = await log.newest(f"c{place}", "OrderChecked")
        assert isinstance(checked, OrderChecked)
        assert [m.kind for m in checked.mismatches] == kinds_found


async def test_the_check_is_made_anew_when_the_customer_becomes_known(database: Database) -> None:
    store = OrderStore(database)
    await store.import_orders([ORDER])

    async def numbers_of(_customer_id: str) -> list[str]:
        return ["13900001111"]

    facts, log = await book(database, OrderFeed(store), None, numbers_of=numbers_of)
    facts.check_again()
    await facts.finish()
    assert await log.newest("c1", "OrderChecked") is None, "nothing was said that could be checked"
    await facts.update([said("order_no", "20773186")], 1000)
    await facts.finish()
    assert (await newest_check(log)).order == ORDER
    keeper = RecordKeeper(log=log, store=RecordStore(database), calls=CallStore(database), clock=ManualClock())
    await keeper.edit("c1", {"cross_channel_id": "k8"}, by="lin")
    facts.check_again()
    await facts.finish()
    checked = await newest_check(log)
    assert (checked.order, [m.kind for m in checked.mismatches]) == (None, ["other_customer"])


async def test_a_wish_to_return_is_checked_when_the_order_is_known_already(database: Database) -> None:
    store = OrderStore(database)
    await store.import_orders([ORDER])
    facts, log = await book(database, OrderFeed(store), "13602578814")
    await facts.update([said("order_no", "20773186")], 1000)
    await facts.finish()
    checked = await newest_check(log)
    assert (checked.age_days, checked.mismatches) == (40, ())
    await facts.update([], 2000, ("s-9",))
    await facts.finish()
    assert [(m.kind, m.stored, m.evidence) for m in (await newest_check(log)).mismatches] == [
        ("return_period", "40", ("s-9",))
    ]
    written = await log.read("c1")
    await facts.update([], 3000, ("s-9",))
    await facts.finish()
    assert await log.read("c1") == written, "the same wish is checked once"


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


async def held_orders(database: Database) -> int:
    async def work(session: AsyncSession) -> int:
        return await session.scalar(select(func.count()).select_from(OrderRow)) or 0

    return await database.read("count", work)


async def test_an_order_number_that_lost_a_digit_is_proposed_from_the_callers_orders(database: Database) -> None:
    store = OrderStore(database)
    await store.import_orders([ORDER])
    facts, log = await book(database, OrderFeed(store), "+8613602578814")
    await facts.update([said("order_no", "2077386", state="incomplete", probability=0.3)], 1000)
    await facts.finish()
    checked = await log.newest("c1", "OrderChecked")
    assert isinstance(checked, OrderChecked)
    assert checked.proposed == ("20773186",)
    assert checked.mismatches == ()


class Away:
    """A feed that is away."""

    async def by_number(self, order_no: str) -> Order | None:
        raise OrdersUnavailable(f"away {len(order_no)}")

    by_phone = knowledge = by_number


async def test_a_feed_that_is_away_costs_the_check_alone(database: Database) -> None:
    facts, log = await book(database, Away(), None)  # type: ignore[arg-type]
    await facts.update([said("order_no", "20773186")], 1000)
    await asyncio.wait_for(facts.finish(), 5)
    checked = await log.newest("c1", "OrderChecked")
    assert isinstance(checked, OrderChecked)
    assert checked.unavailable
    assert len(await log.read_type("c1", "FactsUpdated")) == 1


@pytest.mark.parametrize("amount", ["1e99999999", "1e5", "-5", "nan", "1.23456", "9" * 13, "٣"])
def test_an_amount_is_digits(amount: str) -> None:
    _, problems = read_orders(f"order_no,ordered_on,amount\n7654321,2026-01-01,{amount}".encode())
    assert [problem.message.split(" ")[0] for problem in problems] == ["amount"]
