"""A forgotten customer stands in no table any more, whoever spoke of the number and wherever the id was written."""

from dataclasses import replace

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from callcue.core.customer_events import Customer, CustomerEvent
from callcue.core.customers import CustomerProfile
from callcue.core.events import CustomerKnown
from callcue.core.field_spec import FieldSpec
from callcue.core.record_schema import FieldConfig
from callcue.infra.customer_events import CustomerEventStore
from callcue.infra.database import Database
from callcue.infra.event_log import EventLog
from callcue.infra.forgetting import Forgetting
from callcue.infra.schemas import SchemaStore
from callcue.infra.tables import CardSearchRow, TopicRow
from tests.unit.infra import samples
from tests.unit.infra.conftest import run_sql
from tests.unit.infra.every_table import CUSTOMER, PHONE, content, fill

OTHER_PHONE = "13900001111"
_NOT_A_CALLS = ("PartialTranscript", "KbChanged", "IndexBuilt", "CallEnded", "RecordConfirmed")


async def where(db: Database, *texts: str) -> list[str]:
    """The tables that hold one of the texts, in any form that a value has."""
    found = await content(db)
    return [name for name, rows in found.items() if any(text in repr(row) for row in rows for text in texts)]


async def spoken_of(db: Database, log: EventLog) -> None:
    """Calls in which the customer stands in every place that there is for it."""
    profile = CustomerProfile(name="林", customer_id=CUSTOMER)
    await log.append(
        samples.started("mine", caller=f"+86{PHONE}"),
        samples.final("mine", text=f"我的号码是{PHONE}"),
        samples.updated("mine", 1, samples.change("facts.phone", PHONE), samples.change("cross_channel_id", CUSTOMER)),
        samples.ended("mine"),
    )
    await log.append(
        samples.started("by-id", caller=None),
        CustomerKnown(call_id="by-id", at_ms=0, profile=profile, by="crm"),
        samples.ended("by-id"),
    )
    await log.append(
        samples.started("foreign", caller=OTHER_PHONE),
        samples.final("foreign", text=f"我朋友的电话是{PHONE}，不是1{PHONE}"),
        samples.updated(
            "foreign", 1, samples.change("notes", f"客户 {CUSTOMER} 的朋友"), samples.change("tags", (PHONE, "退款"))
        ),
        samples.ended("foreign"),
    )

    async def rows(session: AsyncSession) -> None:
        await session.execute(update(TopicRow).values(note=f"来自 {CUSTOMER}"))
        await session.execute(update(CardSearchRow).values(query=f"订单 {PHONE}", call_id=None))

    await db.write("speak of the customer", rows)


@pytest.mark.parametrize("customer", [Customer(phone=PHONE), Customer(customer_id=CUSTOMER)], ids=["number", "id"])
async def test_nothing_is_left_in_any_table(db: Database, log: EventLog, customer: Customer) -> None:
    await fill(db, log)
    await spoken_of(db, log)
    await run_sql(db, "UPDATE calls SET ended_at = '2026-11-23T02:00:00+00:00' WHERE call_id = 'c3'")
    assert len(await where(db, PHONE, CUSTOMER)) >= 8
    gone = await Forgetting(db).forget(customer, calls=True)
    assert (gone.events, gone.orders, gone.kept_calls) == (1, 1, 0)
    assert gone.calls == 5  # c1 to c3, mine, by-id
    assert await where(db, PHONE.removeprefix("1"), CUSTOMER) == ["events"], "a longer number that holds it is another"
    assert await where(db, f"1{PHONE}") == ["events"]
    calls = [row["call_id"] for row in (await content(db))["calls"]]
    assert calls == ["foreign"]


async def test_others_keep_what_is_theirs_and_texts_their_length(db: Database, log: EventLog) -> None:
    await fill(db, log)
    await spoken_of(db, log)
    other = CustomerEvent(event_id="e9", kind="order", at_ms=1, phone=OTHER_PHONE, customer_id="kunde-47111")
    await CustomerEventStore(db).add([other])
    before = (await log.read("foreign"))[1]
    await Forgetting(db).forget(Customer(phone=PHONE), calls=True)
    after = (await log.read("foreign"))[1]
    assert after == replace(before, text=f"我朋友的电话是{'#' * 11}，不是1{PHONE}", raw_text=after.raw_text)  # type: ignore[call-arg, attr-defined]
    assert len(after.text) == len(before.text)  # type: ignore[attr-defined]
    assert await CustomerEventStore(db).of(Customer(phone=OTHER_PHONE)) == [other]
    records = {row["call_id"]: row["fields"] for row in (await content(db))["records"]}
    assert records["foreign"]["notes"]["value"] == f"客户 {'#' * len(CUSTOMER)} 的朋友"
    assert records["foreign"]["tags"]["value"] == ["#" * 11, "退款"]


async def test_calls_stay_unless_they_are_asked_for(db: Database, log: EventLog) -> None:
    await fill(db, log)
    gone = await Forgetting(db).forget(Customer(phone=PHONE))
    assert (gone.events, gone.forecasts, gone.orders, gone.calls, gone.kept_calls, gone.masked) == (1, 1, 1, 0, 3, 0)
    held = await content(db)
    assert held["customer_events"] == held["forecasts"] == held["orders"] == []
    assert [row["call_id"] for row in held["calls"]] == ["c1", "c2", "c3"]


async def test_a_call_that_runs_is_told_and_goes_the_next_time(db: Database, log: EventLog) -> None:
    await fill(db, log)
    gone = await Forgetting(db).forget(Customer(phone=PHONE), calls=True)
    assert (gone.calls, gone.kept_calls) == (2, 1)
    await log.append(samples.ended("c3"))
    again = await Forgetting(db).forget(Customer(phone=PHONE), calls=True)
    assert (again.calls, again.kept_calls) == (1, 0)
    assert await where(db, PHONE) == []


async def test_a_short_id_goes_only_where_it_is_the_whole_value(db: Database, log: EventLog) -> None:
    await log.append(samples.started("c1", caller=OTHER_PHONE), samples.final(text="k7 充电器"))
    await log.append(
        samples.updated("c1", 1, samples.change("cross_channel_id", "k7"), samples.change("notes", "型号 k7")),
        samples.updated("c1", 2, samples.change("cross_channel_id", "k8", old="k7")),
        samples.ended("c1"),
    )
    gone = await Forgetting(db).forget(Customer(customer_id="k7"), calls=True)
    assert (gone.calls, gone.kept_calls) == (0, 0), "the call turned out to be another customer's"
    record = (await content(db))["records"][0]["fields"]
    assert (record["notes"]["value"], record["cross_channel_id"]["value"]) == ("型号 k7", "k8")
    first = (await log.read("c1"))[2]
    assert first.changes[0].new.value == "##"  # type: ignore[attr-defined]


async def test_nobody_is_nobody(db: Database, log: EventLog) -> None:
    await fill(db, log)
    before = await content(db)
    gone = await Forgetting(db).forget(Customer(), calls=True)
    assert (gone.events, gone.calls, gone.masked) == (0, 0, 0)
    assert await content(db) == before


def told(call_id: str, customer_id: str, name: str = "林") -> CustomerKnown:
    profile = CustomerProfile(name=name, customer_id=customer_id, birthday="1990-02-03", segment=("VIP",))
    return CustomerKnown(call_id=call_id, at_ms=0, profile=profile, by="crm")


async def test_the_call_of_another_customer_stays_whoever_was_told_first(db: Database, log: EventLog) -> None:
    """By the newest that was told, and before that by the record."""
    wrong, right = "kunde-1000", "kunde-2000"
    await log.append(
        samples.started("by-profile", caller=OTHER_PHONE),
        told("by-profile", wrong),
        told("by-profile", right, "王"),
        samples.ended("by-profile"),
    )
    await log.append(
        samples.started("by-record", caller=OTHER_PHONE),
        told("by-record", wrong),
        samples.updated("by-record", 1, samples.change("cross_channel_id", right, old=wrong)),
        samples.ended("by-record"),
    )
    gone = await Forgetting(db).forget(Customer(customer_id=wrong), calls=True)
    assert (gone.calls, gone.kept_calls) == (0, 0)
    assert await where(db, wrong, "林") == [], "what was told of the wrong one goes from it"
    profiles = [event.profile for event in await log.read("by-profile") if isinstance(event, CustomerKnown)]
    assert profiles == [CustomerProfile(customer_id="#" * len(wrong)), told("", right, "王").profile]
    gone = await Forgetting(db).forget(Customer(customer_id=right), calls=True)
    assert gone.calls == 2


@pytest.mark.parametrize(
    "customer_id",
    ["person", "caller", "agent", "native", "hangup", "599", "599000", "CallStarted", "facts.amount", "li"],
)
async def test_an_id_that_reads_like_something_else_breaks_nothing(
    db: Database, log: EventLog, customer_id: str
) -> None:
    await log.append(
        *(replace(event, call_id="c1", seq=0) for event in samples.one_of_each() if event.type not in _NOT_A_CALLS)
    )
    await log.append(
        samples.updated("c1", 2, samples.change("facts.amount", "599000"), samples.change("x.sum", "599000")),
        samples.ended("c1"),
    )
    config = FieldConfig(fields=(FieldSpec(name="x.sum", label="额", label_en="Sum", group="custom", kind="amount"),))
    await SchemaStore(db).save(config, by="li")
    before, rows = await log.read("c1"), await content(db)
    gone = await Forgetting(db).forget(Customer(customer_id=customer_id), calls=True)
    assert gone.calls == 0
    assert await log.read("c1") == before
    assert await content(db) == rows
