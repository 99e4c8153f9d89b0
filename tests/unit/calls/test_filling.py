"""Fields that fill themselves: from the line, the customer's events, what was said, and a hand-over."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from callcue.calls.manager import CallManager
from callcue.calls.record_filler import RecordFiller
from callcue.calls.records import RecordKeeper
from callcue.core.cards import Card
from callcue.core.clock import SystemClock
from callcue.core.customer_events import CustomerEvent
from callcue.core.customers import CustomerProfile
from callcue.core.errors import BadInput
from callcue.core.events import TagUpdate
from callcue.core.ports import Clock
from callcue.core.records import CallRecord, TagSuggestion, Value
from callcue.core.speech import Channel, Utterance
from tagger.record_rules import RecordRules, parse_record_rules
from tests.unit.api.edge import customer_desk
from tests.unit.calls.conftest import Store, started
from tests.unit.calls.pipeline import WIRE, Pipeline, request

RULES = parse_record_rules(
    {
        "category": "{channel}/{issue_type}",
        "line": [{"dialled": "400 7188 668", "channel": "抖音咨询转电话"}],
        "coordinator": [
            {"name": "周店长", "staff_no": "S0213", "channel": "门店", "agent": "store-zhou"},
            {"name": "吴店长", "agent": "store-wu"},
        ],
    }
)


def whole(field: str, value: Value, probability: float = 0.9) -> TagSuggestion:
    return TagSuggestion(
        field=field, value=value, probability=probability, evidence=("s1",), model="fill/1", source="rule"
    )


def visit(number: int, phone: str, store: str, days: float) -> CustomerEvent:
    at = SystemClock().now() - timedelta(days=days)
    return CustomerEvent(
        event_id=f"{phone}-{number}", kind="visit", at_ms=int(at.timestamp() * 1000), phone=phone, subject=store
    )


@pytest.fixture
async def pipeline(store: Store, tmp_path: Path) -> AsyncIterator[Pipeline]:
    made = Pipeline(store, tmp_path)
    await made.start()
    yield made
    await made.close()


@pytest.fixture
async def keeper(store: Store) -> RecordKeeper:
    await store.log.append(started("c1"))
    return RecordKeeper(log=store.log, store=store.records, calls=store.calls, clock=SystemClock())


class SteppedClock(SystemClock):
    """The system's, but for the time of the day."""

    def __init__(self) -> None:
        self.now_at = super().now()

    def now(self) -> datetime:
        return self.now_at


async def manager_of(
    pipeline: Pipeline, store: Store, rules: RecordRules = RULES, *, clock: Clock | None = None
) -> tuple[CallManager, RecordKeeper]:
    records = RecordKeeper(log=store.log, store=store.records, calls=store.calls, clock=SystemClock())
    desk = customer_desk(store.database, records, store.log)
    stages = replace(pipeline.manager._stages, records=records, customers=desk, record_rules=rules)
    stages = stages if clock is None else replace(stages, clock=clock)
    return CallManager(stages=stages, calls=store.calls), records


async def test_a_tuple_is_all_of_the_field_and_nothing_takes_it_back(keeper: RecordKeeper, store: Store) -> None:
    await keeper.suggest("c1", [whole("action_channels", ("短信", "门店"))], 1000)
    await keeper.suggest("c1", [whole("action_channels", ("门店", "短信"))], 2000)
    assert (await keeper.get("c1")).value("action_channels") == ("门店", "短信"), "in the order of the newest finding"
    await keeper.suggest("c1", [whole("action_channels", ())], 3000)
    assert "action_channels" not in (await keeper.get("c1")).fields
    held = [event for event in await store.log.read("c1", after=0) if isinstance(event, TagUpdate)]
    assert held[-1].value == ()


async def test_a_persons_value_is_neither_replaced_nor_taken_back(keeper: RecordKeeper) -> None:
    await keeper.suggest("c1", [whole("next_actions", ("坐席：跟进",))], 1000)
    await keeper.edit("c1", {"next_actions": ("坐席：寄样品",)}, by="lin")
    await keeper.suggest("c1", [whole("next_actions", ("坐席：催",)), whole("next_actions", ())], 2000)
    held = (await keeper.get("c1")).fields["next_actions"]
    assert (held.value, held.source) == (("坐席：寄样品",), "person")


async def test_a_store_that_answered_closes_the_case_and_opens_it_again(keeper: RecordKeeper) -> None:
    await keeper.suggest("c1", [whole("service_status", "待门店响应")], 1000)
    replied = "2026-11-23T10:40:00+08:00"
    await keeper.edit("c1", {"store_replied_at": replied}, by="lin")
    assert (await keeper.get("c1")).value("service_status") == "待门店响应", "an answer without a result closes nothing"
    await keeper.edit("c1", {"store_result": "已换新"}, by="lin")
    held = (await keeper.get("c1")).fields["service_status"]
    assert (held.value, held.source, held.by) == ("跨渠道闭环", "rule", "progress/1")
    await keeper.edit("c1", {"store_result": None}, by="lin")
    assert (await keeper.get("c1")).value("service_status") == "待门店响应"
    await keeper.edit("c1", {"service_status": "线上已处理"}, by="lin")
    await keeper.edit("c1", {"store_result": "已换新"}, by="lin")
    assert (await keeper.get("c1")).value("service_status") == "线上已处理", "a person's choice stays"


async def test_a_status_goes_with_the_inspection_that_it_rests_on(keeper: RecordKeeper) -> None:
    await keeper.suggest("c1", [whole("service_status", "待门店响应")], 1000)
    await keeper.edit("c1", {"needs_offline_inspection": False}, by="lin")
    assert "service_status" not in (await keeper.get("c1")).fields


async def test_the_line_tells_channel_and_category(pipeline: Pipeline, store: Store) -> None:
    manager, records = await manager_of(pipeline, store)
    link = await manager.start(replace(request("k1"), dialled="4007188668"))
    record = await records.get("k1")
    assert (record.value("channel"), record.value("category")) == ("抖音咨询转电话", ("抖音咨询转电话",))
    assert (record.fields["channel"].source, record.fields["channel"].by) == ("rule", "fill/1")
    await records.edit("k1", {"issue_type": "账单"}, by="lin")
    await link.audio(WIRE)
    await link.hangup()
    category = (await records.get("k1")).value("category")
    assert category == ("抖音咨询转电话", "账单"), "a level that became known is added"


async def test_what_the_intake_says_goes_before_the_line(pipeline: Pipeline, store: Store) -> None:
    manager, records = await manager_of(pipeline, store)
    link = await manager.start(replace(request("k2"), dialled="4007188668", origin="线下门店引流来电"))
    held = (await records.get("k2")).fields["channel"]
    assert (held.value, held.by, held.probability) == ("线下门店引流来电", "intake", 1.0)
    await link.hangup()
    with pytest.raises(BadInput, match="origin is a text"):
        await manager.start(replace(request("k3"), origin="a\x00b"))


async def test_without_a_configuration_nothing_is_made_up(pipeline: Pipeline, store: Store) -> None:
    manager, records = await manager_of(pipeline, store, RecordRules())
    link = await manager.start(replace(request("k4"), dialled="4007188668"))
    await link.hangup()
    record = await records.get("k4")
    assert not {"channel", "category", "coordinator.name", "persona_tags", "handed_off_at"} & set(record.fields)


async def test_events_become_traces_and_those_of_another_customer_go(pipeline: Pipeline, store: Store) -> None:
    manager, records = await manager_of(pipeline, store)
    desk = manager._stages.customers
    assert desk is not None
    phone = "13800138000"
    await desk.take([visit(1, phone, "徐汇店", 3), visit(2, phone, "静安店", 400)])
    link = await manager.start(replace(request("k5"), caller=phone))
    (entry,) = (await records.get("k5")).value("offline_trace") or ()  # type: ignore[misc] # a tuple of one
    assert entry.endswith("到店：徐汇店")
    await desk.take([visit(3, phone, "人民广场店", 0)])
    traces = (await records.get("k5")).value("offline_trace")
    assert isinstance(traces, tuple)
    assert [text.rpartition("：")[2] for text in traces] == ["人民广场店", "徐汇店"], "the newest goes first"
    await manager.know_customer("k5", CustomerProfile(segment=("VIP",), language="en"), by="crm")
    record = await records.get("k5")
    assert (record.value("persona_tags"), record.fields["persona_tags"].by) == (("VIP",), "customer")
    assert record.value("culture_notes") == "语言偏好：英语（客户资料）"
    await manager.know_customer("k5", CustomerProfile(), by="crm")
    assert not {"persona_tags", "culture_notes"} & set((await records.get("k5")).fields), "its source is gone"
    await link.hangup()


def of_customer(customer_id: str, store: str, days: float) -> CustomerEvent:
    return replace(visit(1, "", store, days), event_id=f"e-{customer_id}", customer_id=customer_id)


@pytest.mark.parametrize("over", [False, True], ids=["while the call runs", "after it"])
async def test_what_is_known_of_the_wrong_customer_goes_with_a_correction(
    pipeline: Pipeline, store: Store, over: bool
) -> None:
    manager, records = await manager_of(pipeline, store)
    desk = manager._stages.customers
    assert desk is not None
    phone = "13800138000"
    await desk.take([of_customer("C-wrong", "徐汇店", 3), visit(1, phone, "静安店", 2)])
    link = await manager.start(replace(request("k10"), caller=phone))
    session = manager.live("k10")
    assert session is not None
    wrong = CustomerProfile(customer_id="C-wrong", segment=("VIP",), language="en")
    await manager.know_customer("k10", wrong, by="crm")
    told = replace(spoken(1, "caller", "我上个月去过你们人民广场店"), call_id="k10")
    await session.filling.hear(told, [], 1000)
    session.filling._filler.culture["方言"] = "caller-1"
    await session.filling.used(Card(id="kb-7", title="问候", body="您好", kind="culture"), 1000)
    assert {"persona_tags", "culture_notes"} <= set((await records.get("k10")).fields)
    assert stores(await records.get("k10")) == ["静安店", "徐汇店", "我上个月去过你们人民广场店"]
    if over:
        await link.hangup()
    await records.edit("k10", {"cross_channel_id": "C-right"}, by="lin")
    await manager.link_customer("k10", "C-right")
    record = await records.get("k10")
    assert "persona_tags" not in record.fields
    assert record.value("culture_notes") == "方言：客户说“我上个月去过你们人民广场店”\n已用文化卡片：问候"
    assert stores(record) == ["静安店", "我上个月去过你们人民广场店"]
    assert not any("C-wrong" in one for one in record.fields["offline_trace"].evidence)
    if not over:
        await link.hangup()
        assert "persona_tags" not in (await records.get("k10")).fields


async def test_after_the_call_a_persons_values_and_the_right_customers_stay(pipeline: Pipeline, store: Store) -> None:
    manager, records = await manager_of(pipeline, store)
    desk = manager._stages.customers
    assert desk is not None
    await desk.take([of_customer("C-7", "徐汇店", 3)])
    link = await manager.start(replace(request("k11"), caller=None))
    await manager.know_customer("k11", CustomerProfile(customer_id="C-7", segment=("VIP",), language="en"), by="crm")
    await link.hangup()
    before = (await records.get("k11")).fields
    await manager.link_customer("k11", "C-7")
    assert (await records.get("k11")).fields == before, "it was the right one"
    await records.edit("k11", {"persona_tags": ("常客",)}, by="lin")
    await manager.link_customer("k11", "")
    record = await records.get("k11")
    assert record.value("persona_tags") == ("常客",)
    assert not {"culture_notes", "offline_trace"} & set(record.fields)


async def test_a_call_without_a_number_gets_its_traces_when_a_person_says_whose_it_is(
    pipeline: Pipeline, store: Store
) -> None:
    manager, records = await manager_of(pipeline, store)
    desk = manager._stages.customers
    assert desk is not None
    await desk.take([of_customer("C-7", "徐汇店", 3)])
    link = await manager.start(replace(request("k12"), caller=None))
    await records.edit("k12", {"cross_channel_id": "C-7"}, by="lin")
    await manager.link_customer("k12", "C-7")
    assert stores(await records.get("k12")) == ["徐汇店"]
    await link.hangup()


def stores(record: CallRecord) -> list[str]:
    traces = record.value("offline_trace")
    return [text.rpartition("：")[2] for text in traces] if isinstance(traces, tuple) else []


@pytest.mark.parametrize("over", [False, True], ids=["while the call runs", "after it"])
async def test_a_call_that_is_handed_to_a_store_says_when_and_to_whom(
    pipeline: Pipeline, store: Store, over: bool
) -> None:
    clock = SteppedClock()
    manager, records = await manager_of(pipeline, store, clock=clock)
    link = await manager.start(request("k6"))
    await link.audio(WIRE)
    if over:
        await link.hangup()
    await manager.sum_up("k6", "transfer", by="lin", to="colleague-2")
    assert "handed_off_at" not in (await records.get("k6")).fields, "another agent is no store"
    await manager.sum_up("k6", "transfer", by="lin", to="store-zhou")
    record = await records.get("k6")
    assert (record.value("coordinator.name"), record.value("coordinator.staff_no")) == ("周店长", "S0213")
    assert isinstance(record.value("handed_off_at"), str)
    first = record.fields["handed_off_at"]
    clock.now_at += timedelta(minutes=5)
    await manager.sum_up("k6", "transfer", by="lin", to="store-zhou")
    assert (await records.get("k6")).fields["handed_off_at"] == first, "the store has had it since then"
    await manager.sum_up("k6", "transfer", by="lin", to="store-wu")
    assert (await records.get("k6")).fields["handed_off_at"] != first, "another store"
    if not over:
        await link.hangup()
        assert (await records.get("k6")).value("coordinator.name") == "吴店长"


def spoken(number: int, channel: Channel, text: str) -> Utterance:
    return Utterance(
        call_id="k8",
        channel=channel,
        segment_id=f"{channel}-{number}",
        start_ms=number * 1000,
        end_ms=number * 1000 + 500,
        raw_text=text,
        text=text,
        language="zh",
        confidence=0.9,
    )


async def test_what_is_told_after_the_end_still_finds_the_call_over(pipeline: Pipeline, store: Store) -> None:
    manager, records = await manager_of(pipeline, store)
    link = await manager.start(request("k8"))
    session = manager.live("k8")
    assert session is not None
    told: tuple[tuple[Channel, str], ...] = (
        ("caller", "我的账号登不上"),
        ("agent", "已经帮您重置好了"),
        ("caller", "好的谢谢，可以了"),
    )
    for number, (channel, text) in enumerate(told):
        await session.filling.hear(spoken(number, channel, text), [], number * 1000)
    await session.filling.finish(4000)
    assert (await records.get("k8")).value("service_status") == "线上已处理"
    await manager.know_customer("k8", CustomerProfile(customer_id="C-9"), by="crm")
    assert (await records.get("k8")).value("service_status") == "线上已处理"
    await link.hangup()


async def test_a_fault_in_these_fields_costs_the_call_nothing(
    pipeline: Pipeline, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager, records = await manager_of(pipeline, store)
    monkeypatch.setattr(RecordFiller, "take", lambda *_args, **_more: 1 // 0)
    link = await manager.start(request("k9"))
    await link.audio(WIRE)
    await link.hangup()
    assert manager.live("k9") is None
    assert (await store.calls.get("k9")).end_reason == "hangup"
    assert "channel" not in (await records.get("k9")).fields
