"""The record: a person's value stands, versions are in order, evidence is kept."""

import asyncio

import pytest

from callcue.calls.records import RecordKeeper
from callcue.core.clock import SystemClock
from callcue.core.errors import BadInput, Conflict, NotFound
from callcue.core.events import RecordUpdated, TagUpdate
from callcue.core.records import TagSuggestion, Value
from tests.unit.calls.conftest import Store, started


def found(field: str, value: object, *, fills: bool = True, probability: float = 0.9) -> TagSuggestion:
    return TagSuggestion(
        field=field,
        value=value,  # type: ignore[arg-type] # tests pass what the tagger would
        probability=probability,
        evidence=("caller-1",),
        model="m1",
        fills=fills,
    )


@pytest.fixture
async def keeper(store: Store) -> RecordKeeper:
    await store.log.append(started("c1"))
    return RecordKeeper(log=store.log, store=store.records, calls=store.calls, clock=SystemClock())


async def test_a_finding_fills_its_field_and_shows_its_evidence(keeper: RecordKeeper, store: Store) -> None:
    await keeper.suggest("c1", [found("issue_type", "技术")], 1000)
    record = await keeper.get("c1")
    assert record.value("issue_type") == "技术"
    assert record.fields["issue_type"].evidence == ("caller-1",)
    assert [type(e) for e in await store.log.read("c1", after=1)] == [TagUpdate, RecordUpdated]


async def test_below_the_threshold_it_is_only_a_suggestion(keeper: RecordKeeper, store: Store) -> None:
    await keeper.suggest("c1", [found("issue_type", "技术", fills=False)], 1000)
    assert (await keeper.get("c1")).version == 0
    assert [type(e) for e in await store.log.read("c1", after=1)] == [TagUpdate]


async def test_what_a_person_set_is_never_overwritten(keeper: RecordKeeper) -> None:
    await keeper.edit("c1", {"issue_type": "物流"}, by="lin")
    await keeper.suggest("c1", [found("issue_type", "技术", probability=0.999)], 2000)
    record = await keeper.get("c1")
    assert record.value("issue_type") == "物流"
    assert record.fields["issue_type"].by == "lin"


async def test_tags_gather(keeper: RecordKeeper) -> None:
    await keeper.suggest("c1", [found("tags", "耳机故障"), found("tags", "需线下检测")], 1000)
    await keeper.suggest("c1", [found("tags", "耳机故障")], 2000)
    record = await keeper.get("c1")
    assert record.value("tags") == ("耳机故障", "需线下检测")
    assert record.version == 1


async def test_the_second_of_two_editors_is_told(keeper: RecordKeeper) -> None:
    await keeper.edit("c1", {"priority": 1}, by="lin", expected_version=0)
    with pytest.raises(Conflict, match="version 1, not 0"):
        await keeper.edit("c1", {"priority": 2}, by="wang", expected_version=0)
    assert (await keeper.get("c1")).value("priority") == 1


async def test_edits_at_the_same_time_all_land(keeper: RecordKeeper) -> None:
    await asyncio.gather(
        *(keeper.edit("c1", {"follow_up": f"note {n}"}, by=f"p{n}") for n in range(5)),
        *(keeper.suggest("c1", [found("tags", f"t{n}")], n) for n in range(5)),
    )
    record = await keeper.get("c1")
    assert record.version == 10
    assert set(record.value("tags") or ()) == {f"t{n}" for n in range(5)}  # type: ignore[arg-type] # a tuple


async def test_a_field_that_a_person_cleared_stays_empty(keeper: RecordKeeper) -> None:
    await keeper.suggest("c1", [found("sentiment", "负面")], 1000)
    record = await keeper.edit("c1", {"sentiment": None}, by="lin")
    assert record.value("sentiment") is None
    await keeper.suggest("c1", [found("sentiment", "负面")], 2000)
    assert (await keeper.get("c1")).value("sentiment") is None


async def test_an_edit_happens_at_the_time_the_call_has_reached(keeper: RecordKeeper, store: Store) -> None:
    await keeper.suggest("c1", [found("sentiment", "负面")], 61_000)
    await keeper.edit("c1", {"priority": 1}, by="lin")
    assert (await store.log.read("c1"))[-1].at_ms == 61_000


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("colour", "red", "no field 'colour'"),
        ("issue_type", "抱怨", "技术"),
        ("priority", 6, "1 \\(highest\\) to 5"),
        ("priority", True, "whole number"),
        ("tags", ("",), "1 to 64"),
        ("tags", "耳机", "1 to 64"),
        ("needs_offline_inspection", "yes", "true or false"),
        ("follow_up", "x" * 2001, "2000"),
    ],
)
async def test_a_wrong_value_is_refused_by_name(keeper: RecordKeeper, field: str, value: Value, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        await keeper.edit("c1", {field: value}, by="lin")
    assert (await keeper.get("c1")).version == 0


async def test_an_unknown_call_is_said(keeper: RecordKeeper) -> None:
    with pytest.raises(NotFound):
        await keeper.edit("nope", {"priority": 1}, by="lin")


async def test_a_sub_type_lies_under_the_type_that_the_record_shows(keeper: RecordKeeper) -> None:
    await keeper.suggest("c1", [found("issue_type", "账单"), found("issue_subtype", "账单-退款")], 1000)
    await keeper.edit("c1", {"issue_type": "物流"}, by="lin")
    record = await keeper.get("c1")
    assert (record.value("issue_type"), record.value("issue_subtype")) == ("物流", None)
    await keeper.suggest("c1", [found("issue_subtype", "账单-退款", probability=0.99)], 2000)
    assert (await keeper.get("c1")).value("issue_subtype") is None
    with pytest.raises(BadInput, match="set both"):
        await keeper.edit("c1", {"issue_subtype": "账单-退款"}, by="lin")
    await keeper.edit("c1", {"issue_type": "账单", "issue_subtype": "账单-退款"}, by="lin")
    assert (await keeper.get("c1")).value("issue_subtype") == "账单-退款"


async def test_a_sub_type_goes_when_the_model_thinks_of_another_type(keeper: RecordKeeper) -> None:
    await keeper.suggest("c1", [found("issue_type", "账单"), found("issue_subtype", "账单-退款")], 1000)
    await keeper.suggest("c1", [found("issue_type", "技术")], 2000)
    record = await keeper.get("c1")
    assert (record.value("issue_type"), record.value("issue_subtype")) == ("技术", None)


async def test_a_sub_type_that_a_person_chose_holds_its_type(keeper: RecordKeeper) -> None:
    await keeper.suggest("c1", [found("issue_type", "账单")], 1000)
    await keeper.edit("c1", {"issue_subtype": "账单-退款"}, by="lin")
    await keeper.suggest("c1", [found("issue_type", "技术"), found("tags", "耳机故障")], 2000)
    record = await keeper.get("c1")
    assert (record.value("issue_type"), record.value("issue_subtype")) == ("账单", "账单-退款")
    assert record.value("tags") == ("耳机故障",)
