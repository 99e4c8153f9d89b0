"""The book of records: people before models also in races, versions, the clock, configured fields, the report."""

import asyncio
import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from callcue.calls.record_book import RecordBook
from callcue.calls.record_export import CALL_COLUMNS, export
from callcue.core.errors import BadInput, Conflict, NotAllowed, NotFound
from callcue.core.events import CallEnded, RecordConfirmed, RecordUpdated
from callcue.core.field_spec import FieldSpec
from callcue.core.record_schema import FieldChoice, FieldConfig
from callcue.core.records import FieldChange, FieldValue, Value
from callcue.infra import completions
from callcue.infra.bus import InProcessBus
from callcue.infra.completions import DueFilter
from callcue.infra.database import Database
from callcue.infra.event_log import EventLog
from callcue.testing.clock import ManualClock
from tests.unit.api.edge import record_book
from tests.unit.calls.conftest import Store, started
from tests.unit.calls.test_records import found

LIVE = FieldSpec(
    name="x.live_stream", label="直播引流标识", label_en="Live", group="custom", kind="choice", choices=("抖音", "快手")
)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def book(store: Store, clock: ManualClock) -> RecordBook:
    log = EventLog(store.database, store.bus, clock)
    await log.append(replace(started("c1"), caller="13800138000"))
    return record_book(store.database, log, clock)


async def end(book: RecordBook, call_id: str = "c1") -> None:
    await book._log.append(CallEnded(call_id=call_id, at_ms=9000, reason="hangup", duration_ms=9000))


async def test_a_model_in_another_process_never_wins_over_a_person(book: RecordBook, store: Store) -> None:
    """Two processes, no common lock: whatever the order, the person's value is there at the end."""
    other = record_book(store.database, EventLog(store.database, InProcessBus()))
    for n in range(12):
        name = f"race-{n}"
        await book._log.append(started(name))
        person = book.keeper.edit(name, {"issue_type": "物流"}, by="lin")
        models = (
            other.keeper.suggest(name, [found("issue_type", "技术"), found("tags", f"t{k}")], k) for k in range(4)
        )
        await asyncio.gather(*models, person)
        held = (await book.keeper.get(name)).fields["issue_type"]
        assert (held.value, held.source, held.by) == ("物流", "person", "lin")


async def test_not_even_an_event_of_its_own_overwrites_a_person(book: RecordBook) -> None:
    await book.keeper.edit("c1", {"issue_type": "物流"}, by="lin")
    new = FieldValue(value="技术", probability=0.99, source="model", by="m")
    for change in (
        FieldChange(field="issue_type", old="物流", new=new),
        FieldChange(field="issue_type", old=1, new=None),
    ):
        with pytest.raises(Conflict, match="set by a person"):
            await book._log.append(RecordUpdated(call_id="c1", at_ms=1, version=2, changes=(change,)))
    assert (await book.keeper.get("c1")).version == 1


async def test_a_finding_that_the_schema_does_not_take_fills_nothing(book: RecordBook) -> None:
    wrong = [found("issue_type", "抱怨"), found("nothing", "x"), found("notes", "x"), found("started_at", "x")]
    await book.keeper.suggest("c1", [*wrong, found("sentiment", "负面")], 10)
    assert set((await book.keeper.get("c1")).fields) == {"sentiment"}


async def test_older_versions_and_what_differs(book: RecordBook) -> None:
    await book.keeper.suggest("c1", [found("issue_type", "技术", probability=0.7)], 10)
    await book.keeper.edit("c1", {"issue_type": "技术", "tags": ("退款",)}, by="lin")
    await book.keeper.edit("c1", {"tags": None}, by="sue")
    old = await book.read("c1", "agent", 1)
    assert (old.record.version, old.record.fields["issue_type"].source) == (1, "model")
    assert (await book.read("c1", "agent", 0)).record.fields == {}
    assert [step.version for step in await book.history("c1", "agent")] == [1, 2, 3]
    changed = {each.field: each for each in await book.diff("c1", 1, 3, "agent")}
    assert set(changed) == {"issue_type", "tags"}
    issue = changed["issue_type"]
    assert issue.old is not None
    assert issue.new is not None
    assert (issue.old.source, issue.new.source, issue.new.by) == ("model", "person", "lin")
    assert await book.diff("c1", 3, 3, "agent") == []
    for version in (4, 99):
        with pytest.raises(NotFound, match="no version"):
            await book.read("c1", "agent", version)


async def test_the_clock_from_the_end_of_the_call_to_the_confirmation(book: RecordBook, clock: ManualClock) -> None:
    assert (await book.read("c1", "agent")).completion.state == "live"
    with pytest.raises(Conflict, match="not over"):
        await book.confirm("c1", by="lin", role="agent")
    await end(book)
    seen = await book.read("c1", "agent")
    assert (seen.completion.state, seen.completion.missing, seen.completion.left_s) == ("open", ("issue_type",), 600)
    assert seen.computed["priority"].value == 3
    with pytest.raises(Conflict, match="lacks issue_type"):
        await book.confirm("c1", by="lin", role="agent")
    await clock.advance(601)
    assert (await book.read("c1", "agent")).completion.state == "overdue"
    await book.edit("c1", {"issue_type": "技术"}, by="lin", role="agent")
    assert (await book.read("c1", "agent")).completion.state == "overdue", "filled, but nobody has confirmed it"
    done = (await book.confirm("c1", by="lin", role="agent", expected=1)).completion
    assert (done.state, done.confirmed_by, done.confirmed_version) == ("late", "lin", 1)
    again = (await book.confirm("c1", by="sue", role="supervisor")).completion
    assert again == done, "what is confirmed stays as it was confirmed"
    with pytest.raises(BadInput, match="must not be empty"):
        await book.edit("c1", {"issue_type": None}, by="lin", role="agent")
    assert (await book.edit("c1", {"notes": "补充"}, by="lin", role="agent")).completion.state == "late"


async def test_a_confirmation_is_of_the_version_that_was_read(book: RecordBook) -> None:
    await end(book)
    await book.edit("c1", {"issue_type": "技术"}, by="lin", role="agent")
    await book.edit("c1", {"issue_type": "物流"}, by="sue", role="supervisor")
    with pytest.raises(Conflict, match="at version 2, not 1"):
        await book.confirm("c1", by="lin", role="agent", expected=1)
    with pytest.raises(Conflict, match="at version 2, not 1"):
        await book._log.append(RecordConfirmed(call_id="c1", at_ms=1, version=1, by="lin"))
    assert (await book.read("c1", "agent")).completion.confirmed_at is None


async def test_the_clock_runs_on_over_a_restart(
    book: RecordBook, store: Store, clock: ManualClock, tmp_path: Path
) -> None:
    await end(book)
    await store.database.close()
    await clock.advance(599)
    again = Database(f"sqlite+aiosqlite:///{tmp_path / 'test.sqlite3'}")
    later = record_book(again, EventLog(again, InProcessBus(), clock), clock)
    assert (await later.read("c1", "agent")).completion.left_s == 1
    await clock.advance(2)
    assert [line.call.call_id for line in await later.list(DueFilter(state="overdue"), "admin")] == ["c1"]
    assert await later.list(DueFilter(state="open"), "admin") == []
    await again.close()


async def filled(book: RecordBook, call_id: str, agent: str, clock: ManualClock, wait_s: float) -> None:
    await book._log.append(replace(started(call_id, agent), caller="13800138000"))
    await end(book, call_id)
    await book.edit(call_id, {"issue_type": "技术"}, by=agent, role="agent")
    await clock.advance(wait_s)
    await book.confirm(call_id, by=agent, role="agent")


@pytest.mark.parametrize("page", [1, 2, 2000])
async def test_the_report_says_who_completed_in_time(
    book: RecordBook, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(completions, "CLOCKS_PAGE", page)
    await end(book)  # c1 of a1: never confirmed
    await filled(book, "c2", "a1", clock, 300)
    await filled(book, "c3", "a2", clock, 600)
    await filled(book, "c4", "a2", clock, 601)
    await book._log.append(started("c5", "a2"))
    await end(book, "c5")
    a1, a2, everybody = await book.report(DueFilter())
    assert (a1.agent_id, a1.calls, a1.in_time, a1.overdue, a1.share_in_time, a1.median_min) == ("a1", 2, 1, 1, 0.5, 5.0)
    assert (a2.agent_id, a2.calls, a2.in_time, a2.late, a2.open, a2.share_in_time) == ("a2", 3, 1, 1, 1, 0.5)
    assert (everybody.all, everybody.calls, everybody.in_time, everybody.share_in_time) == (True, 5, 2, 0.5)
    assert [line.agent_id for line in await book.report(DueFilter(agent_id="a1"))] == ["a1", None]
    assert [line.call.call_id for line in await book.list(DueFilter(state="late"), "admin")] == ["c4"]
    (first,) = await book.list(DueFilter(), "admin", limit=1)
    rest = await book.list(DueFilter(), "admin", after=first.call.call_id)
    assert [line.call.call_id for line in (first, *rest)] == ["c1", "c2", "c3", "c4", "c5"]


async def test_a_field_is_added_without_code_and_its_values_outlive_it(book: RecordBook, store: Store) -> None:
    with pytest.raises(BadInput, match="no field"):
        await book.edit("c1", {"x.live_stream": "抖音"}, by="lin", role="agent")
    other = record_book(store.database, book._log)
    assert (await other.schemas.current()).version == 0
    required = replace(LIVE, required=True)
    await book.schemas.save(FieldConfig(fields=(required,)), by="root", note="直播", expected=0)
    assert "x.live_stream" in (await other.schemas.current()).fields, "another process follows"
    assert "x.live_stream" in (await book.read("c1", "agent")).completion.missing
    await other.edit("c1", {"x.live_stream": "抖音"}, by="lin", role="agent")
    await book.schemas.save(FieldConfig(), by="root", note="不再用", expected=1)
    seen = await other.read("c1", "agent")
    assert seen.record.value("x.live_stream") == "抖音"
    assert "x.live_stream" not in seen.completion.missing
    assert (await book.schemas.current()).fields["x.live_stream"].retired
    with pytest.raises(BadInput, match="another name"):
        await book.schemas.save(FieldConfig(fields=(replace(LIVE, kind="flag", choices=()),)), by="root")
    with pytest.raises(Conflict, match="version 2, not 0"):
        await book.schemas.save(FieldConfig(fields=(LIVE,)), by="root", expected=0)
    assert [(v.version, v.saved_by, v.note) for v in await book.schemas.versions()] == [
        (1, "root", "直播"),
        (2, "root", "不再用"),
    ]


async def test_what_a_role_may_not_see_is_nowhere(book: RecordBook) -> None:
    hidden = FieldSpec(
        name="x.risk", label="风险", label_en="Risk", group="custom", see=("supervisor", "admin"), edit=("admin",)
    )
    await book.schemas.save(FieldConfig(fields=(hidden,)), by="root")
    with pytest.raises(NotAllowed):
        await book.edit("c1", {"x.risk": "投诉3次"}, by="sue", role="supervisor")
    await book.edit("c1", {"x.risk": "投诉3次", "priority": 1}, by="root", role="admin")
    assert set((await book.read("c1", "agent")).record.fields) == {"priority"}
    assert set((await book.read("c1", "supervisor")).record.fields) == {"priority", "x.risk"}
    assert [change.field for change in (await book.history("c1", "agent"))[0].changes] == ["priority"]
    assert [each.field for each in await book.diff("c1", 0, 1, "agent")] == ["priority"]
    (event,) = await book._log.read_type("c1", "RecordUpdated")
    assert "投诉3次" not in repr(await book.seen_event(event, "agent"))
    assert "投诉3次" in repr(await book.seen_event(event, "supervisor"))
    await end(book)
    (line,) = await book.list(DueFilter(), "agent")
    assert "x.risk" not in line.seen.record.fields


async def test_an_export_masks_people_and_takes_no_formula(book: RecordBook) -> None:
    changes = {"issue_type": "技术", "notes": "=1+1 打13912345678", "category": "售后/硬件", "tags": ("退款", "投诉")}
    await book.edit("c1", changes, by="lin", role="agent")
    await end(book)
    schema = await book.schemas.current()
    pieces = [piece async for piece in export(book.each(DueFilter(), "admin"), schema, "admin", "csv")]
    (told,) = csv.DictReader(io.StringIO("".join(pieces).removeprefix("\ufeff")))
    assert list(told) == [*CALL_COLUMNS, *schema.fields]
    assert (told["facts.phone"], told["notes"], told["category"], told["tags"]) == (
        ("###", "'=1+1 打###", "售后 / 硬件", "退款 | 投诉")
    )
    assert (told["state"], told["priority"], told["started_at"]) == ("open", "3", "2026-11-23T10:00:00+08:00")
    (line,) = [
        piece async for piece in export(book.each(DueFilter(), "admin"), schema, "admin", "jsonl", personal=True)
    ]
    row = json.loads(line)
    assert (row["facts.phone"], row["tags"], row["notes"]) == ("13800138000", ["退款", "投诉"], "=1+1 打13912345678")


async def complete(book: RecordBook, *fields: FieldSpec, **standard: bool) -> None:
    """A configuration, and a record that is confirmed under it."""
    required = tuple(FieldChoice(name=name, required=need) for name, need in standard.items())
    await book.schemas.save(FieldConfig(fields=fields, standard=required), by="root")
    await end(book)
    values = {"issue_type": "技术", "issue_subtype": "技术-硬件故障", "tags": ("退款",), "facts.phone": "13912345678"}
    await book.edit("c1", {**values, **{field.name: ("a",) for field in fields}}, by="lin", role="agent")
    await book.confirm("c1", by="lin", role="agent")


MANY = FieldSpec(name="x.many", label="多个", label_en="Many", group="custom", many=True, required=True)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"tags": ()}, "tags"),
        ({"x.many": ()}, "x.many"),
        ({"facts.phone": None}, "facts.phone"),
        ({"issue_type": "物流"}, "issue_subtype"),
        ({"priority": None}, "priority"),
    ],
    ids=["no tag", "none of several", "null", "what goes with another value", "a default that was taken back"],
)
async def test_no_edit_leaves_a_confirmed_record_without_a_required_field(
    book: RecordBook, changes: dict[str, Value], named: str
) -> None:
    await complete(book, MANY, tags=True, issue_subtype=True)
    before = (await book.read("c1", "agent")).record
    with pytest.raises(BadInput, match=rf"confirmed and .*{named} .*must not be empty"):
        await book.edit("c1", {**changes, "notes": "补充"}, by="lin", role="agent")
    assert (await book.read("c1", "agent")).record == before, "nothing was written"
    assert (await book.read("c1", "agent")).completion.missing == ()


async def test_before_it_is_confirmed_a_field_can_be_emptied(book: RecordBook) -> None:
    await end(book)
    await book.edit("c1", {"issue_type": "技术"}, by="lin", role="agent")
    emptied = await book.edit("c1", {"issue_type": None}, by="lin", role="agent")
    assert emptied.completion.missing == ("issue_type",)


async def test_an_edit_and_a_confirmation_at_the_same_time_agree(book: RecordBook) -> None:
    for n in range(10):
        name = f"race-{n}"
        await book._log.append(replace(started(name), caller="13800138000"))
        await book.edit(name, {"issue_type": "技术"}, by="lin", role="agent")
        await end(book, name)
        emptying = book.edit(name, {"issue_type": None}, by="lin", role="agent")
        both = (emptying, book.confirm(name, by="sue", role="agent"))
        results = await asyncio.gather(*(both if n % 2 else both[::-1]), return_exceptions=True)
        assert sum(isinstance(result, BadInput | Conflict) for result in results) == 1
        done = (await book.read(name, "agent")).completion
        assert (done.confirmed_at is None) == bool(done.missing)


async def test_last_digits_replace_no_whole_number(book: RecordBook, store: Store) -> None:
    await book.keeper.suggest("c1", [found("facts.phone", "尾号8000")], 10)
    assert (await book.read("c1", "agent")).completion.missing == ("issue_type",), "the number that called ends so"
    assert (await book.keeper.get("c1")).value("facts.phone") is None
    await book.keeper.suggest("c1", [found("facts.phone", "尾号4429")], 10)
    assert (await book.keeper.get("c1")).value("facts.phone") == "尾号4429", "another number, of which the rest is open"
    both = [found("facts.phone", "13912344429"), found("facts.phone", "尾号1111")]
    await book.keeper.suggest("c1", both, 20)
    assert (await book.keeper.get("c1")).value("facts.phone") == "13912344429"
    for end_of in ("尾号4429", "尾号1111"):
        with pytest.raises(BadInput, match="whole number"):
            await book.edit("c1", {"facts.phone": end_of}, by="lin", role="agent")
    await book.edit("c1", {"facts.phone": None}, by="lin", role="agent")
    await book.edit("c1", {"facts.phone": "尾号4429"}, by="lin", role="agent")
    assert "facts.phone" in (await book.read("c1", "agent")).completion.missing
    assert len(await book._log.read_type("c1", "TagUpdate")) == 4, "all that was heard stays in the log"


async def test_a_field_that_was_retired_has_no_default_any_more(book: RecordBook) -> None:
    shop = FieldSpec(name="x.shop", label="门店", label_en="Shop", group="custom", default="一店")
    await book.schemas.save(FieldConfig(fields=(shop,)), by="root")
    assert (await book.read("c1", "agent")).computed["x.shop"].value == "一店"
    await book.schemas.save(FieldConfig(), by="root")
    assert "x.shop" not in (await book.read("c1", "agent")).computed


async def test_values_outlive_what_is_changed_about_their_field(book: RecordBook) -> None:
    held = {"x.live_stream": "快手"}
    await book.schemas.save(FieldConfig(fields=(LIVE,)), by="root")
    await book.edit("c1", held, by="lin", role="agent")
    await book.schemas.save(FieldConfig(fields=(replace(LIVE, choices=("抖音",)),)), by="root")
    assert (await book.edit("c1", {"notes": "补充"}, by="lin", role="agent")).record.value("x.live_stream") == "快手"
    for changed in (replace(LIVE, kind="text", choices=()), replace(LIVE, many=True)):
        with pytest.raises(BadInput, match="another name"):
            await book.schemas.save(FieldConfig(fields=(changed,)), by="root")
    await book.schemas.save(FieldConfig(), by="root")
    with pytest.raises(BadInput, match="another name"):
        await book.schemas.save(FieldConfig(fields=(replace(LIVE, kind="flag", choices=()),)), by="root")
    assert (await book.keeper.get("c1")).value("x.live_stream") == "快手"
    await book.schemas.save(FieldConfig(fields=(LIVE,)), by="root")
    assert (await book.edit("c1", {"x.live_stream": "抖音"}, by="lin", role="agent")).record.value(
        "x.live_stream"
    ) == "抖音"
