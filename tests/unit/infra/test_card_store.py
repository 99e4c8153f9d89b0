"""Cards are stored in versions; repeating an import changes nothing."""

import asyncio
import threading
from dataclasses import replace
from typing import Any

import pytest

from callcue.core.cards import Audience, Card, Step, Trigger
from callcue.core.errors import BadCard, NotFound
from callcue.infra import card_snapshot
from callcue.infra import cards as cards_module
from callcue.infra.cards import CardStore, SaveResult
from callcue.infra.database import Database

CARD = Card(
    id="kb-发票",
    title="发票申请流程",
    body="**正文**",
    kind="flow",
    category=("售后", "发票"),
    questions=("怎么开发票",),
    triggers=(Trigger(phrase="开发票", speaker="caller", match="exact"),),
    negative=("不需要发票",),
    steps=(Step(id="s1", text="已付款？", next={"是": "s2", "否": "end"}), Step(id="s2", text="填写税号")),
    audience=Audience(lifecycle=("新客",)),
    priority=70,
    cooldown_s=30,
    valid_to="2027-01-01",
)


def cards(count: int) -> list[Card]:
    return [replace(CARD, id=f"kb-{nth:04}") for nth in range(count)]


async def test_a_card_comes_back_as_it_was_saved(db: Database) -> None:
    store = CardStore(db)
    assert await store.save([CARD], by="li") == SaveResult(added=(CARD.id,))
    assert await store.get(CARD.id) == CARD


async def test_only_a_changed_card_gets_a_new_version(db: Database) -> None:
    store = CardStore(db)
    await store.save(cards(3), by="li")
    edited = replace(cards(3)[1], title="新流程", version=99)
    result = await store.save([*cards(3)[:1], edited, cards(3)[2]], by="wang")
    assert result == SaveResult(changed=("kb-0001",), unchanged=("kb-0000", "kb-0002"))
    assert await store.get("kb-0001") == replace(edited, version=2)
    assert await store.get("kb-0001", version=1) == cards(3)[1]
    assert [card.version for card in await store.versions("kb-0001")] == [1, 2]


async def test_what_is_not_there_is_not_found(db: Database) -> None:
    store = CardStore(db)
    await store.save([CARD], by="li")
    for card_id, version in (("nobody", None), (CARD.id, 2)):
        with pytest.raises(NotFound):
            await store.get(card_id, version)


@pytest.mark.parametrize(
    "bad",
    [
        [CARD, replace(CARD, title="twice")],
        [replace(CARD, id="")],
        [replace(CARD, id="x" * 129)],
        [replace(CARD, title=5)],
        [replace(CARD, body="half a pair \ud800")],
        [replace(CARD, cooldown_s=float("nan"))],
        [replace(CARD, status="gone")],
    ],
)
async def test_one_bad_card_saves_none(db: Database, bad: list[Card]) -> None:
    store = CardStore(db)
    with pytest.raises(BadCard):
        await store.save([*cards(2), *bad], by="li")
    assert await store.list() == []


async def test_lists_are_filtered_and_paged(db: Database) -> None:
    store = CardStore(db)
    draft, english = replace(CARD, id="kb-9001", status="draft"), replace(CARD, id="kb-9002", lang="en")
    await store.save([*cards(3), draft, english], by="li")
    assert [card.id for card in await store.list(limit=2)] == ["kb-0000", "kb-0001"]
    assert [card.id for card in await store.list(after="kb-0001", limit=2)] == ["kb-0002", "kb-9001"]
    assert [card.id for card in await store.list("draft")] == ["kb-9001"]
    assert [card.id for card in await store.list(lang="en")] == ["kb-9002"]
    assert [card.id for card in await store.published()] == ["kb-0000", "kb-0001", "kb-0002", "kb-9002"]


async def test_a_retired_card_is_no_longer_published(db: Database) -> None:
    store = CardStore(db)
    await store.save([CARD], by="li")
    await store.save([replace(CARD, status="retired")], by="li")
    assert await store.published() == []


async def test_more_cards_than_one_statement_takes(db: Database) -> None:
    store = CardStore(db)
    assert len((await store.save(cards(1203), by="li")).added) == 1203
    again = [replace(card, priority=1) if nth % 2 else card for nth, card in enumerate(cards(1203))]
    result = await store.save(again, by="li")
    assert (len(result.changed), len(result.unchanged)) == (601, 602)
    assert len(await store.published()) == 1203


async def test_concurrent_saves_make_one_version_each(db: Database) -> None:
    store = CardStore(db)
    await asyncio.gather(*(store.save([replace(CARD, priority=nth)], by="li") for nth in range(12)))
    assert [card.version for card in await store.versions(CARD.id)] == list(range(1, 13))
    assert await store.get(CARD.id) == (await store.versions(CARD.id))[-1]


async def test_a_snapshot_reads_only_what_changed_and_its_number_is_the_states(db: Database) -> None:
    store, other = CardStore(db), CardStore(db)
    assert (await store.snapshot()).number == 1
    await store.save(cards(3), by="li")
    first = await store.snapshot()
    assert [card.id for card in first.cards] == ["kb-0000", "kb-0001", "kb-0002"]
    assert (first.number, first.changed) == (4, 3)
    known = {card.id: card for card in first.cards}
    await store.save([replace(cards(3)[1], title="新流程"), replace(cards(3)[2], status="retired")], by="wang")
    second = await store.snapshot(known)
    assert [(card.id, card.version) for card in second.cards] == [("kb-0000", 1), ("kb-0001", 2)]
    assert second.cards[0] is known["kb-0000"]
    assert (second.number, second.changed) == (6, 1)
    whole = await other.snapshot()
    assert (whole.cards, whole.number) == (second.cards, second.number)


async def test_a_snapshot_goes_on_from_the_one_before_where_it_is_told_what_changed(db: Database) -> None:
    store = CardStore(db)
    await store.save([*cards(4), replace(CARD, id="draft", status="review")], by="li")
    first = await store.snapshot()
    one, two, three = (replace(card, title="新流程") for card in cards(4)[:3])
    await store.save([one, replace(two, status="retired"), replace(CARD, id="a-new")], by="li")
    await store.save([replace(one, title="更新的流程")], by="li")
    await store.save([replace(CARD, id="draft")], by="li")
    second = await store.update(first, {one.id, two.id, "a-new", "draft", "kb-0003", "never was"})
    assert second is not None
    assert replace(second, changed=0) == replace(await store.snapshot(), changed=0)
    assert second.changed == 3
    await store.save([three], by="li")
    assert await store.update(second, {one.id}) is None, "another card has changed as well"
    assert await store.update(second, set()) is None
    assert await store.update(second, {f"c{n}" for n in range(500)}) is None


async def test_a_snapshot_of_many_cards_is_whole(db: Database) -> None:
    store = CardStore(db)
    await store.save([*cards(450), replace(CARD, id="kb-z", status="draft")], by="li")
    await store.save([replace(cards(1)[0], title="新流程")], by="li")
    snapshot = await store.snapshot()
    assert list(snapshot.cards) == await store.published()
    assert snapshot.number == 453


async def test_heads_that_are_read_in_pages_are_whole(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    store = CardStore(db)
    await store.save([*cards(7), replace(CARD, id="draft", status="draft")], by="li")
    whole = await store.snapshot()
    monkeypatch.setattr(card_snapshot, "_PAGE", 3)
    monkeypatch.setattr(card_snapshot, "CHUNK", 4)
    assert await store.snapshot() == whole
    assert (len(whole.cards), dict(whole.versions)) == (7, dict.fromkeys([*map(_id, cards(7)), "draft"], 1))


def _id(card: Card) -> str:
    return card.id


async def test_passes_over_all_cards_leave_the_loop_alone(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    store, where = CardStore(db), list[tuple[str, int]]()
    await store.save(cards(3), by="li")
    for name in ("unknown", "joined", "grown"):
        real = getattr(cards_module, name)

        def noted(*given: object, name: str = name, real: Any = real) -> Any:
            where.append((name, threading.get_ident()))
            return real(*given)

        monkeypatch.setattr(cards_module, name, noted)
    first = await store.snapshot()
    await store.save([replace(cards(1)[0], title="新")], by="li")
    assert await store.update(first, {"kb-0000"}) is not None
    whole = [thread for name, thread in where if name != "unknown"]
    assert where[0][0] == "unknown"
    assert threading.get_ident() not in {where[0][1], *whole}
    assert len(whole) == 2
