"""An edit names the version it was made from; statuses go step by step; every version says who made it, how and why."""

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from callcue.core.cards import Card, CardStatus
from callcue.core.errors import BadCard, BadInput, Conflict, NotFound, StaleCard, VersionNeeded
from callcue.core.lifecycle import STEPS, check_step
from callcue.infra.card_edits import Edit
from callcue.infra.card_history import CardHistory
from callcue.infra.cards import CardStore
from callcue.infra.database import Database
from callcue.testing import ManualClock
from tests.unit.infra.conftest import run_sql

CARD = Card(id="kb-invoice", title="发票", body="付款后\n三天内\n开出", questions=("怎么开发票",), owner="li")


def made_from(version: int, **more: Any) -> Edit:
    return Edit(expected={CARD.id: version}, **more)


async def test_the_second_editor_is_told_what_the_first_one_changed(db: Database) -> None:
    store = CardStore(db)
    await store.save([CARD], by="li")
    mine = replace(CARD, title="发票申请")
    theirs = replace(CARD, body="付款后\n七天内\n开出", questions=("怎么开发票", "补开发票"))
    await store.save([theirs], by="wang", edit=made_from(1))
    with pytest.raises(StaleCard) as told:
        await store.save([mine], by="li", edit=made_from(1))
    current = told.value.current
    assert (current.based_on, current.version, current.saved_by) == (1, 2, "wang")
    assert {change.field: change.lines for change in current.changes} == {
        "body": ("  付款后", "- 三天内", "+ 七天内", "  开出"),
        "questions": ("  怎么开发票", "+ 补开发票"),
    }
    assert "wang" in told.value.message
    assert await store.get(CARD.id) == replace(theirs, version=2)


async def test_an_edit_that_is_stored_already_is_no_conflict(db: Database) -> None:
    store = CardStore(db)
    await store.save([CARD], by="li")
    edited = replace(CARD, title="新")
    for _ in range(2):  # the second time is a client that lost the answer
        await store.save([edited], by="li", edit=made_from(1))
    assert (await store.get(CARD.id)).version == 2


async def test_a_new_card_does_not_overwrite_one_that_is_there(db: Database) -> None:
    store = CardStore(db)
    await store.save([CARD], by="li", edit=made_from(0))
    with pytest.raises(VersionNeeded):
        await store.save([replace(CARD, title="mine")], by="wang", edit=made_from(0))
    with pytest.raises(NotFound):
        await store.save([replace(CARD, id="gone")], by="wang", edit=Edit(expected={"gone": 3}))
    assert (await store.get(CARD.id)).title == CARD.title


async def test_a_stale_card_keeps_a_whole_save_out(db: Database) -> None:
    store = CardStore(db)
    await store.save([CARD], by="li")
    await store.save([replace(CARD, title="2")], by="li")
    with pytest.raises(StaleCard):
        await store.save([replace(CARD, id="other"), replace(CARD, title="3")], by="li", edit=made_from(1))
    with pytest.raises(NotFound):
        await store.get("other")


async def test_of_editors_at_the_same_moment_one_wins(db: Database) -> None:
    store = CardStore(db)
    await store.save([CARD], by="li")
    edits = [replace(CARD, title=f"title {n}") for n in range(8)]
    done = await asyncio.gather(
        *(store.save([edit], by="li", edit=made_from(1)) for edit in edits), return_exceptions=True
    )
    assert sum(isinstance(each, StaleCard) for each in done) == 7
    assert (await store.get(CARD.id)).version == 2


@pytest.mark.parametrize(("old", "new"), list(itertools.product(STEPS, STEPS)))
async def test_only_steps_of_a_cards_life_are_taken(db: Database, old: CardStatus, new: CardStatus) -> None:
    store = CardStore(db)
    await store.save([replace(CARD, status=old)], by="li")
    moved = replace(CARD, status=new, title="also edited")
    if old == new or new in STEPS[old]:
        await store.save([moved], by="li")
        assert (await store.get(CARD.id)).status == new
    else:
        with pytest.raises(Conflict) as refused:
            await store.save([moved], by="li")
        assert f"is {old} and cannot become {new}" in refused.value.message
        assert (await store.plan([moved])).refused[0][0] == CARD.id
        assert (await store.get(CARD.id)).status == old


def test_nothing_is_published_that_was_not_reviewed() -> None:
    assert {old for old, steps in STEPS.items() if "published" in steps} == {"review"}
    assert all(STEPS[status] for status in STEPS), "every status can be left"


def test_a_step_back_needs_its_reason() -> None:
    check_step("kb", "draft", "review", "")
    for old, new in (("review", "draft"), ("published", "retired"), ("retired", "draft")):
        with pytest.raises(BadInput):
            check_step("kb", old, new, "  ")  # type: ignore[arg-type]
        check_step("kb", old, new, "outdated")  # type: ignore[arg-type]
    with pytest.raises(Conflict):
        check_step("kb", "draft", "draft", "why")


async def test_every_version_says_who_how_and_why(db: Database) -> None:
    clock = ManualClock()
    store, history = CardStore(db, clock), CardHistory(db)
    await store.save([CARD], by="li", edit=Edit(action="import"))
    await store.save([replace(CARD, priority=70)], by="wang", edit=Edit(note="asked often"))
    newest, first = await history.versions(CARD.id)
    assert (newest.version, newest.saved_by, newest.action, newest.note) == (2, "wang", "save", "asked often")
    assert (first.version, first.action, first.saved_at) == (1, "import", clock.now().isoformat())
    (change,) = await history.diff(CARD.id, 1, 2)
    assert (change.field, change.old, change.new, change.lines) == ("priority", 50, 70, ("- 50", "+ 70"))
    (back,) = await history.diff(CARD.id, 2, 1)
    assert back.lines == ("- 70", "+ 50")
    for missing in (history.versions("nobody"), history.diff(CARD.id, 1, 3)):
        with pytest.raises(NotFound):
            await missing


async def test_a_plan_changes_nothing_and_names_the_fields(db: Database) -> None:
    store = CardStore(db)
    await store.save([CARD, replace(CARD, id="same")], by="li")
    plan = await store.plan([replace(CARD, title="新"), replace(CARD, id="same"), replace(CARD, id="new")])
    assert (plan.added, plan.unchanged, plan.refused) == (("new",), ("same",), ())
    (change,) = plan.changed
    assert (change.card_id, change.version) == (CARD.id, 1)
    assert [(field.field, field.old, field.new) for field in change.fields] == [("title", "发票", "新")]
    assert (await store.get(CARD.id)).version == 1


async def test_cards_are_found_by_owner_and_by_their_end(db: Database) -> None:
    clock = ManualClock()
    store = CardStore(db, clock)
    ends: Mapping[str, str | None] = {
        "over": "2020-01-01",
        "soon": clock.now().date().isoformat(),
        "moment": clock.now().isoformat(),
        "late": "2190-01-01",
        "never": None,
    }
    await store.save([replace(CARD, id=name, valid_to=end, owner=name) for name, end in ends.items()], by="li")
    await store.save([replace(CARD, id="retired", valid_to="2020-01-01", status="retired")], by="li")
    assert {card.id for card in await store.list(expiring_days=2)} == {"over", "soon", "moment"}
    assert [card.id for card in await store.list(owner="late")] == ["late"]
    await store.save([replace(CARD, id="over", valid_to=None, owner="new")], by="li")
    assert {card.id for card in await store.list(expiring_days=2)} == {"soon", "moment"}
    assert [card.id for card in await store.list(owner="new")] == ["over"]
    with pytest.raises(BadCard):
        await store.save([replace(CARD, valid_to="tomorrow")], by="li")


async def test_cards_stored_before_are_found_by_owner_and_end_too(db: Database) -> None:
    store = CardStore(db)
    await store.save([replace(CARD, valid_to="2020-01-01")], by="li")
    await db.migrate("0001")
    await db.migrate()
    assert await run_sql(db, "SELECT owner FROM cards") == "li"
    assert [card.id for card in await store.list(owner="li", expiring_days=0)] == [CARD.id]
    assert [version.action for version in await CardHistory(db).versions(CARD.id)] == ["save"]


async def test_a_field_of_thousands_of_lines_is_shown_as_replaced(db: Database) -> None:
    store = CardStore(db)
    await store.save([replace(CARD, body="a\n" * 9_000)], by="li")
    await store.save([replace(CARD, body="b\n" * 9_000)], by="li")
    (change,) = await CardHistory(db).diff(CARD.id, 1, 2)
    assert len(change.lines) == 18_000
