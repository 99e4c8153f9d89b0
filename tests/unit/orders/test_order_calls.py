"""The check within a call: a mismatch is written before a promise is made."""

import asyncio
import json

from callcue.calls.records import RecordKeeper
from callcue.core.errors import OrdersUnavailable
from callcue.core.events import Alert, OrderChecked
from callcue.core.orders import Order
from callcue.infra.calls import CallStore
from callcue.infra.database import Database
from callcue.infra.orders import OrderFeed, OrderStore
from callcue.infra.records import RecordStore
from callcue.testing import ManualClock
from tests.unit.orders.samples import ORDER, book, newest_check, said


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
