"""Derived tags come when a call begins and grow while it runs; predictive ones at its end, if they are shown."""

from dataclasses import replace
from datetime import timedelta

import pytest

from callcue.calls.customer_desk import CustomerDesk, facts_of
from callcue.calls.manager import CallManager
from callcue.calls.records import RecordKeeper
from callcue.core.clock import SystemClock
from callcue.core.customer_events import CustomerEvent
from callcue.core.customers import CustomerProfile
from callcue.core.errors import BadInput
from callcue.core.events import CallEnded, TagUpdate
from callcue.core.records import CallRecord, TagSuggestion
from tests.unit.api.edge import customer_desk
from tests.unit.calls.conftest import Store, started
from tests.unit.calls.pipeline import WIRE, Pipeline, request
from tests.unit.infra.samples import moods

PHONE = "13800138000"


def view(number: int, *, phone: str = PHONE, customer_id: str = "") -> CustomerEvent:
    at = SystemClock().now() - timedelta(hours=number + 1)
    return CustomerEvent(
        event_id=f"e{number}",
        kind="page_view",
        at_ms=int(at.timestamp() * 1000),
        phone=phone,
        customer_id=customer_id,
        subject="无线耳机",
        source="小程序",
    )


class Office:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.records = RecordKeeper(log=store.log, store=store.records, calls=store.calls, clock=SystemClock())
        self.desk: CustomerDesk = customer_desk(store.database, self.records, store.log)

    async def begin(self, call_id: str, caller: str | None = PHONE, customer_id: str = "") -> None:
        await self.store.log.append(started(call_id))
        await self.desk.began(call_id, caller, customer_id)

    async def tags(self, call_id: str) -> object:
        return (await self.records.get(call_id)).value("tags")

    async def updates(self, call_id: str) -> list[TagUpdate]:
        return [u for u in await self.store.log.read_type(call_id, "TagUpdate") if isinstance(u, TagUpdate)]


@pytest.fixture
def office(store: Store) -> Office:
    return Office(store)


async def test_what_the_caller_did_before_is_on_the_record_as_the_call_begins(office: Office) -> None:
    await office.desk.take([view(n) for n in range(3)])
    await office.begin("c1", f"+86 {PHONE}")
    assert await office.tags("c1") == ("小程序浏览3次无线耳机",)
    (update,) = await office.updates("c1")
    assert update.evidence == ("event:e0", "event:e1", "event:e2")
    assert (update.model, update.source) == ("events/1", "rule")


async def test_an_event_during_the_call_brings_a_tag_and_replaces_the_count(office: Office) -> None:
    await office.desk.take([view(n) for n in range(2)])
    await office.begin("c1")
    assert await office.tags("c1") is None
    await office.desk.take([view(2)])
    assert await office.tags("c1") == ("小程序浏览3次无线耳机",)
    await office.desk.take([view(3)])
    assert await office.tags("c1") == ("小程序浏览4次无线耳机",)
    await office.desk.take([view(3)])
    assert len(await office.updates("c1")) == 2, "the same event again changes nothing"


async def test_other_customers_and_other_calls_are_left_alone(office: Office) -> None:
    await office.begin("c1")
    await office.begin("c2", "13900139000")
    await office.desk.take([view(n) for n in range(3)])
    assert await office.tags("c2") is None
    await office.desk.ended("c1", 0)
    await office.store.log.append(CallEnded(call_id="c1", at_ms=0, reason="hangup", duration_ms=0))
    await office.desk.take([view(3)])
    assert await office.tags("c1") == ("小程序浏览3次无线耳机",)


async def test_a_customer_id_finds_what_the_number_does_not(office: Office) -> None:
    await office.desk.take([view(n, phone="", customer_id="k7") for n in range(3)])
    await office.begin("c1")
    assert await office.tags("c1") is None
    await office.desk.began("c1", None, "k7")
    assert await office.tags("c1") == ("小程序浏览3次无线耳机",)


async def test_what_a_person_set_stays(office: Office) -> None:
    await office.begin("c1")
    await office.records.edit("c1", {"tags": ("我自己的",)}, by="lin")
    await office.desk.take([view(n) for n in range(3)])
    assert await office.tags("c1") == ("我自己的",)
    assert len(await office.updates("c1")) == 1


async def test_a_wrong_event_of_a_batch_keeps_all_of_it_out(office: Office) -> None:
    with pytest.raises(BadInput, match="is no kind"):
        await office.desk.take([view(0), replace(view(1), kind="PAGE")])
    assert (await office.desk.take([view(0)])).known == 0


async def test_forecasts_are_kept_and_shown_only_when_they_may_be(office: Office) -> None:
    await office.begin("c1")
    await office.desk.ended("c1", 0)
    assert len(await office.desk.forecaster.forecasts.of_call("c1")) == 4
    assert await office.tags("c1") is None
    model = office.desk.forecaster.model
    office.desk.forecaster.model = replace(model, tags=tuple(replace(tag, show_from=0.01) for tag in model.tags))
    await office.desk.forecaster.switch("visit_7d", "shown", by="sue")
    await office.begin("c2")
    await office.desk.ended("c2", 0)
    assert await office.tags("c2") == ("7天内高概率到店体验",)
    (update,) = await office.updates("c2")
    assert update.model.startswith("forecasts/")
    assert 0.0 < update.probability < 0.5


def test_facts_are_read_from_the_record_and_the_course_of_the_sentiment() -> None:
    record, agent = CallRecord(call_id="c"), replace(moods().speakers[0], channel="agent")
    assert facts_of(record, moods()).worsened
    steady = replace(moods().speakers[0], course="steady")
    assert not facts_of(record, replace(moods(), speakers=(steady, agent))).worsened, "the agent's mood is another"
    assert not facts_of(record, None).worsened


async def test_the_course_of_the_mood_goes_into_the_forecasts(office: Office) -> None:
    for call_id, spoken in (("c1", moods("c1")), ("c2", None)):
        await office.begin(call_id)
        if spoken is not None:
            await office.store.log.append(spoken)
        await office.desk.ended(call_id, 0)
    made = {call_id: await office.desk.forecaster.forecasts.of_call(call_id) for call_id in ("c1", "c2")}
    assert {one.features["worsened"] for one in made["c1"]} == {1.0}
    assert {one.features["worsened"] for one in made["c2"]} == {0.0}


async def wrong_then_right(office: Office) -> None:
    """k7 looked at earphones, k8 at nothing."""
    await office.desk.take([view(n, phone="", customer_id="k7") for n in range(3)])
    await office.begin("c1", None, "k7")
    assert await office.tags("c1") == ("小程序浏览3次无线耳机",)


async def test_the_tags_of_a_wrong_customer_leave_the_record(office: Office) -> None:
    await wrong_then_right(office)
    await office.records.suggest("c1", [spoken_tag("发票")], 0)
    await office.desk.corrected("c1", "k8", 5)
    record = await office.records.get("c1")
    assert record.value("tags") == ("发票",)
    assert (record.fields["tags"].evidence, record.fields["tags"].by) == (("s1",), "rules/1")
    assert len(await office.updates("c1")) == 2, "what was found stays in the log"
    await office.desk.corrected("c1", "k7", 6)
    assert await office.tags("c1") == ("发票", "小程序浏览3次无线耳机"), "and comes back when it was right after all"
    await office.desk.corrected("c1", "", 7)
    assert await office.tags("c1") == ("发票",)


async def test_a_tag_that_was_said_too_stays_and_so_does_what_a_person_set(office: Office) -> None:
    await wrong_then_right(office)
    await office.records.suggest("c1", [spoken_tag("小程序浏览3次无线耳机")], 0)
    await office.desk.corrected("c1", "k8", 5)
    assert await office.tags("c1") == ("小程序浏览3次无线耳机",)
    await office.begin("c2", None, "k7")
    await office.records.edit("c2", {"tags": ("小程序浏览3次无线耳机",)}, by="lin")
    await office.desk.corrected("c2", "k8", 5)
    assert await office.tags("c2") == ("小程序浏览3次无线耳机",)


async def test_another_id_told_by_the_intake_corrects_as_well(office: Office) -> None:
    await wrong_then_right(office)
    await office.desk.began("c1", None, "k8", 5)
    assert await office.tags("c1") is None


async def test_a_correction_after_the_call_takes_tags_and_forecasts_back(office: Office) -> None:
    await office.desk.take([view(9)])  # the caller's own, and none that makes a tag
    await wrong_then_right(office)
    model = office.desk.forecaster.model
    office.desk.forecaster.model = replace(model, tags=tuple(replace(tag, show_from=0.0) for tag in model.tags))
    await office.desk.forecaster.switch("visit_7d", "shown", by="sue")
    await office.desk.ended("c1", 9)
    assert await office.tags("c1") == ("小程序浏览3次无线耳机", "7天内高概率到店体验")
    await office.store.log.append(CallEnded(call_id="c1", at_ms=9, reason="hangup", duration_ms=9))
    await office.desk.corrected_after("c1", PHONE, "k7", 9)
    assert len(await office.desk.forecaster.forecasts.of_call("c1")) == 3, "the same customer: nothing is wrong"
    await office.desk.corrected_after("c1", PHONE, "k8", 9)
    assert await office.tags("c1") is None
    assert await office.desk.forecaster.forecasts.of_call("c1") == []


def spoken_tag(value: str) -> TagSuggestion:
    return TagSuggestion(
        field="tags", value=value, probability=0.8, evidence=("s1",), model="rules/1", source="rule", fills=True
    )


async def test_a_whole_call_has_its_derived_tags_and_its_forecasts(
    store: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pipeline = Pipeline(store, tmp_path_factory.mktemp("call"))
    desk = customer_desk(store.database, pipeline.records, store.log)
    stages = replace(pipeline.manager._stages, customers=desk)
    pipeline.manager = CallManager(stages=stages, calls=store.calls)
    await desk.take([view(n) for n in range(3)])
    await pipeline.start()
    link = await pipeline.manager.start(replace(request("c1"), caller=PHONE))
    await pipeline.manager.know_customer("c1", CustomerProfile(name="林", customer_id="k7"), by="crm")
    await link.audio(WIRE)
    await link.hangup()
    tags = (await pipeline.records.get("c1")).value("tags")
    assert isinstance(tags, tuple)
    assert {"小程序浏览3次无线耳机", "发票"} <= set(tags)
    made = await desk.forecaster.forecasts.of_call("c1")
    assert {(one.phone, one.customer_id) for one in made} == {(PHONE, "k7")}
    held = (await pipeline.records.get("c1")).fields["cross_channel_id"]
    assert (held.value, held.source) == ("k7", "rule")
    await pipeline.close()


async def test_an_id_that_a_person_wrote_brings_the_customers_tags_while_the_call_runs(
    store: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pipeline = Pipeline(store, tmp_path_factory.mktemp("call"))
    desk = customer_desk(store.database, pipeline.records, store.log)
    pipeline.manager = CallManager(stages=replace(pipeline.manager._stages, customers=desk), calls=store.calls)
    await desk.take([replace(view(n), phone="", customer_id="k7") for n in range(3)])
    await pipeline.start()
    link = await pipeline.manager.start(request("c1"))
    await pipeline.records.edit("c1", {"cross_channel_id": "k7"}, by="lin")
    await pipeline.manager.link_customer("c1", "k7")
    assert (await pipeline.records.get("c1")).value("tags") == ("小程序浏览3次无线耳机",)
    assert (await pipeline.records.get("c1")).fields["cross_channel_id"].source == "person"
    await link.hangup()
    await pipeline.manager.link_customer("c1", "k8")
    assert desk._live == {}
    await pipeline.close()
