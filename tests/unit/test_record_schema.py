"""The schema of records: what each kind takes, what a configuration may add, what is missing."""

import re
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from callcue.core.completion import CallTimes, computed_fields, state_of
from callcue.core.errors import BadInput, NotAllowed
from callcue.core.field_spec import FieldKind, FieldSpec
from callcue.core.field_values import check_entry, check_value, is_filled
from callcue.core.record_schema import FieldChoice, FieldConfig, RecordSchema
from callcue.core.records import RECORD_FIELDS, STANDARD_FIELDS, CallRecord, FieldValue, Value

LIVE = FieldSpec(
    name="x.live_stream", label="直播引流标识", label_en="Live", group="custom", kind="choice", choices=("抖音", "快手")
)


def spec(kind: FieldKind, **more: object) -> FieldSpec:
    return FieldSpec(name="x.f", label="字段", label_en="Field", group="custom", kind=kind, **more)  # type: ignore[arg-type]


def record(**fields: Value) -> CallRecord:
    held = {
        name.replace("__", "."): FieldValue(value=value, probability=1.0, source="person", by="li")
        for name, value in fields.items()
    }
    return CallRecord(call_id="c1", version=1, fields=MappingProxyType(held))


@pytest.mark.parametrize(
    ("field", "given", "kept"),
    [
        (spec("phone"), " 138-0013-8000 ", "138-0013-8000"),
        (spec("phone"), "0755-12345678转8", "0755-12345678转8"),
        (spec("phone"), "尾号4429", "尾号4429"),
        (spec("amount"), "59.90", "59.90"),
        (spec("amount"), 1299, "1299"),
        (spec("date"), "2026-11-21", "2026-11-21"),
        (spec("time"), "2026-11-23T10:00:00+08:00", "2026-11-23T10:00:00+08:00"),
        (spec("path"), "售后问题/硬件故障/门店购买", ("售后问题", "硬件故障", "门店购买")),
        (spec("path"), "售后问题 - 硬件故障 - 门店购买", ("售后问题", "硬件故障", "门店购买")),
        (spec("path"), ("T-200", "故障"), ("T-200", "故障")),
        (spec("text", many=True), ("门店体验样机", " 门店体验样机"), ("门店体验样机",)),
        (spec("text", many=True), (), None),
        (spec("choice", choices=("a",), open_choices=True), "别的", "别的"),
        (spec("integer", minimum=0), 0, 0),
        (spec("notes"), "一\r\n二", "一\n二"),
    ],
)
def test_each_kind_keeps_its_values_in_one_form(field: FieldSpec, given: Value, kept: Value) -> None:
    assert check_value(field, given) == kept


@pytest.mark.parametrize(
    ("field", "given"),
    [
        (spec("phone"), "请回电"),
        (spec("phone"), "138\n0013"),
        (spec("amount"), "一千"),
        (spec("amount"), "1e9"),
        (spec("date"), "2026-02-30"),
        (spec("date"), "20261121"),
        (spec("time"), "2026-11-23T10:00:00"),
        (spec("path"), ("a",) * 7),
        (spec("path"), "a//b"),
        (spec("path", choices=("a/b",)), "a/c"),
        (spec("text"), "一\n二"),
        (spec("text"), "  "),
        (spec("text"), "a\x00b"),
        (spec("text"), ("a", "b")),
        (spec("text", many=True), "a"),
        (spec("text", many=True), tuple(str(n) for n in range(51))),
        (spec("flag"), 1),
        (spec("integer"), True),
        (spec("integer"), 1.5),
        (spec("number"), float("nan")),
        (spec("number", maximum=1), 2),
        (spec("code"), "../etc"),
        (spec("choice", choices=("a",)), "b"),
    ],
)
def test_what_a_kind_does_not_take_is_refused_without_repeating_it(field: FieldSpec, given: Value) -> None:
    with pytest.raises(BadInput, match=r"x\.f") as refused:
        check_value(field, given)
    assert "请回电" not in refused.value.message


def test_a_finding_of_several_values_is_one_of_them() -> None:
    assert check_entry(spec("text", many=True), "退款") == ("退款",)
    assert check_entry(spec("path"), "a/b") == ("a", "b")


def test_the_last_digits_of_a_number_are_no_number_to_call() -> None:
    assert is_filled(spec("phone"), "13800138000")
    assert not is_filled(spec("phone"), "尾号4429")


def test_the_standard_fields_are_those_that_the_trade_asks_for() -> None:
    assert len(set(RECORD_FIELDS)) == len(RECORD_FIELDS)
    required = {field.name for field in STANDARD_FIELDS if field.required}
    assert required == {"facts.phone", "issue_type", "priority"}
    by_name = RecordSchema().fields
    assert (by_name["priority"].minimum, by_name["priority"].maximum, by_name["priority"].default) == (1, 5, 3)
    assert by_name["service_status"].choices == ("待门店响应", "线上已处理", "跨渠道闭环")
    assert all(field.edit == () for field in STANDARD_FIELDS if field.computed)


def test_missing_counts_defaults_and_what_the_call_knows_but_not_what_a_person_emptied() -> None:
    schema = RecordSchema()
    assert schema.missing(record()) == ("issue_type", "facts.phone")
    assert schema.missing(record(issue_type="技术"), {"facts.phone": "13800138000"}) == ()
    assert schema.missing(record(issue_type="技术", facts__phone=None), {"facts.phone": "1380"}) == ("facts.phone",)
    assert schema.missing(record(issue_type="技术", facts__phone="1380013", priority=None)) == ("priority",)


def test_a_person_sets_what_the_role_may_set() -> None:
    closed = replace(LIVE, edit=("supervisor",), see=("agent", "supervisor", "admin"))
    hidden = replace(LIVE, name="x.hidden", see=("admin",), edit=("admin",))
    schema = RecordSchema.of(1, FieldConfig(fields=(closed, hidden)))
    assert schema.check("x.live_stream", "抖音", "supervisor") == "抖音"
    with pytest.raises(NotAllowed, match="supervisor"):
        schema.check("x.live_stream", "抖音", "agent")
    with pytest.raises(BadInput, match="no field") as refused:
        schema.check("x.hidden", "抖音", "agent")
    assert "x.hidden;" not in refused.value.message.replace("'x.hidden'", "")
    with pytest.raises(BadInput, match="worked out"):
        schema.check("response_min", 5, "admin")


def test_a_field_that_is_left_out_is_retired_and_can_only_be_cleared() -> None:
    schema = RecordSchema.of(2, FieldConfig(), [replace(LIVE, required=True)])
    kept = schema.fields["x.live_stream"]
    assert kept.retired
    assert not kept.required
    assert schema.check("x.live_stream", None, "agent") is None
    with pytest.raises(BadInput, match="not in use"):
        schema.check("x.live_stream", "抖音", "agent")


def test_standard_fields_can_be_adjusted() -> None:
    said = FieldChoice(name="channel", required=True, choices=("直播间",), edit=("supervisor", "admin"))
    schema = RecordSchema.of(1, FieldConfig(standard=(said,)).checked())
    assert schema.fields["channel"].choices == ("直播间",)
    assert "channel" in schema.missing(record())
    assert schema.fields["channel"].label == "渠道标识"


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (FieldConfig(fields=(replace(LIVE, name="live"),)), "not usable"),
        (FieldConfig(fields=(replace(LIVE, name="x.直播"),)), "not usable"),
        (FieldConfig(fields=(LIVE, LIVE)), "twice"),
        (FieldConfig(fields=(replace(LIVE, choices=()),)), "needs choices"),
        (FieldConfig(fields=(replace(LIVE, choices=("a", "a")),)), "each once"),
        (FieldConfig(fields=(replace(LIVE, default="微博"),)), "takes one of"),
        (FieldConfig(fields=(replace(LIVE, kind="flag", choices=(), many=True),)), "one value"),
        (FieldConfig(fields=(replace(LIVE, see=("admin",)),)), "not see it"),
        (FieldConfig(fields=(replace(LIVE, see=("agent",), edit=()),)), "admin sees"),
        (FieldConfig(fields=(replace(LIVE, see=("admin", "editor"), edit=()),)), "reads no records"),
        (FieldConfig(fields=(replace(LIVE, kind="text", choices=()),)), "another name"),
        (FieldConfig(standard=(FieldChoice(name="nothing"),)), "no standard field"),
        (FieldConfig(standard=(FieldChoice(name="issue_type", choices=("x",)),)), "cannot be set"),
        (FieldConfig(standard=(FieldChoice(name="started_at", required=True),)), "computed"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_refused(config: FieldConfig, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        config.checked([LIVE])


CALL = CallTimes(
    call_id="c1",
    agent_id="a1",
    caller="13800138000",
    started_at="2026-11-23T10:00:00+08:00",
    ended_at="2026-11-23T02:05:00+00:00",
)


def test_the_response_of_the_store_is_counted_from_the_hand_over_or_the_end_of_the_call() -> None:
    answered = record(store_replied_at="2026-11-23T10:33:00+08:00")
    assert computed_fields(answered, CALL)["response_min"].value == 28.0
    handed = record(store_replied_at="2026-11-23T10:33:00+08:00", handed_off_at="2026-11-23T10:30:30+08:00")
    assert computed_fields(handed, CALL)["response_min"].value == 2.5
    assert "response_min" not in computed_fields(record(store_replied_at="2026-11-23T10:01:00+08:00"), CALL)
    assert "response_min" not in computed_fields(answered, replace(CALL, ended_at=None))


def test_the_number_that_called_stands_in_for_a_phone_that_nobody_set() -> None:
    assert computed_fields(record(), CALL)["facts.phone"].value == "13800138000"
    assert "facts.phone" not in computed_fields(record(facts__phone=None), CALL)


def test_the_states_of_the_clock() -> None:
    minute = 60_000
    assert state_of(None, None, 0, 10 * minute) == "live"
    assert state_of(0, None, 10 * minute, 10 * minute) == "open"
    assert state_of(0, None, 10 * minute + 1, 10 * minute) == "overdue"
    assert state_of(0, 10 * minute, 99 * minute, 10 * minute) == "done"
    assert state_of(0, 10 * minute + 1, 99 * minute, 10 * minute) == "late"


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ({"label": "优先级"}, "that of priority"),
        ({"label_en": "Tags"}, "that of tags"),
        ({"label": " 甲"}, "outer blanks"),
        ({"label": "甲\u202e"}, "label"),
        ({"minimum": 1.0}, "integer and number"),
        ({"kind": "integer", "minimum": 0.2, "maximum": 0.8}, "no whole number"),
        ({"open_choices": True}, "there are none"),
        ({"default": " a "}, "default"),
        ({"kind": "path", "default": "a/b"}, "default"),
        ({"kind": "phone", "default": "尾号1234"}, "default"),
        ({"required": True, "edit": ()}, "nobody may edit"),
    ],
)
def test_what_an_integrator_may_get_wrong_is_said(field: dict[str, object], says: str) -> None:
    made = FieldSpec(**{"name": "x.a", "label": "甲", "label_en": "A", "group": "custom", **field})  # type: ignore[arg-type]
    with pytest.raises(BadInput, match=says):
        FieldConfig(fields=(made,)).checked()


def test_two_added_fields_have_two_labels() -> None:
    one = FieldSpec(name="x.a", label="甲", label_en="A", group="custom")
    with pytest.raises(BadInput, match=r"x\.b: its label '甲' is that of x\.a"):
        FieldConfig(fields=(one, replace(one, name="x.b"))).checked()
    FieldConfig(fields=(one, replace(one, name="x.b", label="乙", label_en="B"))).checked()
    with pytest.raises(BadInput, match="nobody may edit"):
        FieldConfig(standard=(FieldChoice(name="notes", required=True, edit=()),)).checked()


def test_the_documentation_says_of_every_standard_field_who_fills_it() -> None:
    text = (Path(__file__).parents[2] / "docs" / "record.md").read_text(encoding="utf-8")
    section = text.partition("### Who fills what\n")[2].partition("\n### ")[0]
    told = [
        name
        for row in section.splitlines()
        if row.startswith("| `")
        for name in re.findall(r"`([^`]+)`", row.split("|")[1])
    ]
    assert sorted(told) == sorted(RECORD_FIELDS)
