"""Customer events: each id once, nothing rewritten, numbers and ids tied together, calls of a number."""

from dataclasses import replace

import pytest

from callcue.core.customer_events import Customer, CustomerEvent, checked_event, plain_phone
from callcue.core.errors import BadInput
from callcue.infra.customer_events import CustomerEventStore
from callcue.infra.database import Database
from callcue.infra.event_log import EventLog
from callcue.infra.forgetting import Forgetting
from callcue.testing import ManualClock
from tests.unit.api.fakes import started

VIEW = CustomerEvent(event_id="e1", kind="page_view", at_ms=1_700_000_000_000, phone="13800138000", subject="耳机")


@pytest.fixture
def store(db: Database) -> CustomerEventStore:
    return CustomerEventStore(db, ManualClock())


async def test_the_same_event_twice_is_one(store: CustomerEventStore) -> None:
    assert len((await store.add([VIEW, VIEW])).added) == 1
    again = await store.add([VIEW, replace(VIEW, event_id="e2")])
    assert ([event.event_id for event in again.added], again.known, again.different) == (["e2"], 1, ())
    assert len(await store.of(Customer(phone="13800138000"))) == 2


async def test_an_id_with_other_contents_is_told_and_not_rewritten(store: CustomerEventStore) -> None:
    await store.add([VIEW])
    intake = await store.add([replace(VIEW, subject="手表")])
    assert (intake.added, intake.known, intake.different) == ((), 0, ("e1",))
    assert (await store.of(Customer(phone="13800138000")))[0].subject == "耳机"


async def test_a_batch_that_contradicts_itself_is_refused_whole(store: CustomerEventStore) -> None:
    with pytest.raises(BadInput, match="twice in this batch"):
        await store.add([replace(VIEW, event_id="e0"), VIEW, replace(VIEW, kind="order")])
    assert await store.of(Customer(phone="13800138000")) == []


async def test_a_dry_run_keeps_nothing(store: CustomerEventStore) -> None:
    assert len((await store.add([VIEW], dry_run=True)).added) == 1
    assert await store.of(Customer(phone="13800138000")) == []


async def test_an_event_with_both_ties_number_and_id_together(store: CustomerEventStore) -> None:
    await store.add(
        [
            VIEW,
            replace(VIEW, event_id="e2", phone="", customer_id="k7", kind="order"),
            replace(VIEW, event_id="e3", phone="", customer_id="k8", kind="visit"),
        ]
    )
    assert [event.event_id for event in await store.of(Customer(phone="13800138000"))] == ["e1"]
    await store.add([replace(VIEW, event_id="e4", customer_id="k7", at_ms=VIEW.at_ms + 1)])
    for customer in (Customer(phone="13800138000"), Customer(customer_id="k7")):
        assert {event.event_id for event in await store.of(customer)} == {"e1", "e2", "e4"}
    assert await store.of(Customer()) == []


async def test_a_customer_is_forgotten_under_every_number_and_id(db: Database, store: CustomerEventStore) -> None:
    tied = replace(VIEW, event_id="e2", customer_id="k7")
    await store.add([VIEW, tied, replace(VIEW, event_id="e3", phone="13900139000")])
    assert (await Forgetting(db).forget(Customer(customer_id="k7"))).events == 2
    assert (await Forgetting(db).forget(Customer())).events == 0
    assert len(await store.of(Customer(phone="13900139000"))) == 1


async def test_times_bound_what_is_read(store: CustomerEventStore) -> None:
    await store.add([replace(VIEW, event_id=f"e{n}", at_ms=VIEW.at_ms + n) for n in range(5)])
    found = await store.of(Customer(phone="13800138000"), since_ms=VIEW.at_ms + 1, until_ms=VIEW.at_ms + 3)
    assert [event.event_id for event in found] == ["e3", "e2", "e1"]
    assert await store.latest(["page_view", "order"]) == VIEW.at_ms + 4
    assert await store.latest(["order"]) is None


@pytest.mark.parametrize("written", ["13800138000", "+8613800138000", "8613800138000"])
async def test_earlier_calls_are_found_however_the_switch_writes_the_number(
    store: CustomerEventStore, log: EventLog, written: str
) -> None:
    await log.append(replace(started("c1"), caller=written))
    await log.append(replace(started("c2"), caller="13900139000"))
    found = await store.calls_of(plain_phone(written), since_ms=0, until_ms=2**50)
    assert [call.call_id for call in found] == ["c1"]
    assert await store.calls_of(plain_phone(written), since_ms=0, until_ms=2**50, but="c1") == []


@pytest.mark.parametrize(
    ("number", "plain"),
    [
        ("+86 138-0013-8000", "13800138000"),
        ("86 13800138000", "13800138000"),
        ("(021) 6234 5678", "02162345678"),
        ("anonymous", ""),
        ("", ""),
        ("++", ""),
        ("１３８００１３８０００", ""),
    ],
)
def test_numbers_are_compared_in_one_form(number: str, plain: str) -> None:
    assert plain_phone(number) == plain


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"event_id": "no blanks"}, "event_id"),
        ({"kind": "Page View"}, "is no kind"),
        ({"phone": ""}, "nobody's"),
        ({"phone": "call me"}, "no telephone number"),
        ({"customer_id": "张三"}, "customer_id"),
        ({"subject": "x" * 121}, "subject has 121"),
        ({"source": "a\nb"}, "cannot be shown"),
        ({"at_ms": 99_999_999_999_999}, "in the future"),
        ({"at_ms": -1}, "before 1970"),
    ],
)
def test_a_wrong_event_says_what_is_wrong(change: dict[str, object], problem: str) -> None:
    with pytest.raises(BadInput) as caught:
        checked_event(replace(VIEW, **change), ManualClock().now())  # type: ignore[arg-type]
    assert problem in caught.value.message
