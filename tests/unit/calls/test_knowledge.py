"""The living knowledge base: what is saved is found; a build that failed is tried again."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from callcue.calls.knowledge import KnowledgeBase
from callcue.core.cards import Card, CardQuery, Trigger
from callcue.core.clock import SystemClock
from callcue.core.errors import ModelError
from callcue.core.ids import KB_STREAM
from callcue.core.ports import TextRole, Vectors
from callcue.infra.cards import CardStore
from callcue.testing import HashEmbedder
from kb_index.index import HybridIndex
from nlu.claims import Claim
from tests.unit.calls.conftest import Store
from tests.unit.calls.pipeline import CARD, Pipeline

_ABOUT_SCREENS = (Card(id="kb-screen", title="碎屏", body="…", triggers=(Trigger(phrase="碎屏险"),)),)


async def test_what_is_saved_is_found_and_announced(store: Store, tmp_path: Path) -> None:
    pipeline = Pipeline(store, tmp_path)
    result = await pipeline.knowledge.save([CARD], by="eve")
    assert result.added == ("kb-invoice",)
    assert [hit.card.id for hit in await pipeline.knowledge.search(CardQuery(text="发票"))] == ["kb-invoice"]
    assert [event.type for event in await store.log.read(KB_STREAM)] == ["KbChanged", "IndexBuilt"]
    again = await pipeline.knowledge.save([CARD], by="eve")
    assert again.unchanged == ("kb-invoice",)
    assert pipeline.knowledge.generation == 2  # one card version is stored


async def test_hotwords_change_with_the_cards(store: Store, tmp_path: Path) -> None:
    pipeline = Pipeline(store, tmp_path)
    await pipeline.knowledge.rebuild()
    before = pipeline.knowledge.view().hotwords
    await pipeline.knowledge.save([CARD, *_ABOUT_SCREENS], by="eve")
    after = pipeline.knowledge.view().hotwords
    assert before is not None
    assert after is not None
    assert [list(corrector.claims("买岁平险", "zh")) for corrector in (before, after)] == [
        [],
        [Claim(1, 4, "碎屏险", "hotword")],
    ]


async def test_phrases_are_learnt_anew_only_when_one_changed(store: Store, tmp_path: Path) -> None:
    pipeline = Pipeline(store, tmp_path)
    await pipeline.knowledge.save([CARD], by="eve")
    first = pipeline.knowledge.view()
    await pipeline.knowledge.save([replace(CARD, body="新正文", questions=("发票怎么开",))], by="eve")
    second = pipeline.knowledge.view()
    assert second.cards[CARD.id].body == "新正文"
    assert second.triggers is first.triggers
    await pipeline.knowledge.save([replace(CARD, triggers=(Trigger(phrase="补发票"),))], by="eve")
    third = pipeline.knowledge.view()
    assert [hit.phrase for hit in third.triggers.scan("我要补发票", "caller")] == ["补发票"]
    assert [hit.phrase for hit in second.triggers.scan("我要补发票", "caller")] == []


async def test_an_edit_is_found_before_its_phrases_are_learnt(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = Pipeline(store, tmp_path)
    await pipeline.knowledge.rebuild()
    found: list[str] = []

    async def learn(_cards: object) -> None:
        found.extend(hit.card.id for hit in await pipeline.knowledge.search(CardQuery(text="发票")))

    monkeypatch.setattr(pipeline.knowledge, "_learn_phrases", learn)
    await pipeline.knowledge.save([CARD], by="eve")
    assert found == [CARD.id]


async def test_two_knowledge_bases_on_one_database_tell_the_same_generation(store: Store, tmp_path: Path) -> None:
    one, other = Pipeline(store, tmp_path).knowledge, Pipeline(store, tmp_path).knowledge
    await one.save([CARD], by="eve")
    await one.save([replace(CARD, title="发票"), *_ABOUT_SCREENS], by="eve")
    await other.rebuild()
    assert one.generation == other.generation == 4
    assert dict(one.view().cards) == dict(other.view().cards)
    await one.save([replace(CARD, status="retired")], by="eve")
    assert await other._changed_elsewhere()
    await other.rebuild()
    assert one.generation == other.generation == 5
    assert set(other.view().cards) == {"kb-screen"}


async def test_a_change_by_another_process_stays_due_until_it_is_indexed(store: Store, tmp_path: Path) -> None:
    pipeline = Pipeline(store, tmp_path)
    await pipeline.knowledge.rebuild()
    await CardStore(store.database).save([CARD], by="cli")  # and dies before it can announce it
    real = pipeline.index.rebuild

    async def broken(_cards: object, _number: int) -> int:
        raise ModelError("the embedder is gone")

    pipeline.index.rebuild = broken  # type: ignore[method-assign,assignment]
    for _ in range(2):
        assert await pipeline.knowledge._changed_elsewhere()
        try:
            await pipeline.knowledge.rebuild()
        except ModelError:
            continue
    pipeline.index.rebuild = real  # type: ignore[method-assign]
    assert await pipeline.knowledge._changed_elsewhere()
    await pipeline.knowledge.rebuild()
    assert not await pipeline.knowledge._changed_elsewhere()
    assert "kb-invoice" in pipeline.knowledge.view().cards


async def test_after_an_edit_only_the_cards_that_it_names_are_looked_at(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = Pipeline(store, tmp_path).knowledge, Pipeline(store, tmp_path).knowledge
    await here.save([CARD, *_ABOUT_SCREENS], by="eve")
    await there.rebuild()

    async def never(_known: object = None) -> None:
        raise AssertionError("every card was read")

    for one in (here, there):
        monkeypatch.setattr(one.store, "snapshot", never)
    await here.save([replace(CARD, title="发票抬头")], by="eve")
    await here.save([replace(_ABOUT_SCREENS[0], status="retired")], by="eve")
    await there.rebuild()
    assert here.view().cards == there.view().cards
    assert here.view().cards[CARD.id].title == "发票抬头"
    assert set(there.view().cards) == {CARD.id}


async def test_an_edit_that_nobody_told_of_is_found_by_looking_at_all(store: Store, tmp_path: Path) -> None:
    knowledge = Pipeline(store, tmp_path).knowledge
    await knowledge.save([CARD], by="eve")
    await CardStore(store.database).save(_ABOUT_SCREENS, by="cli")  # and dies before it can announce it
    await knowledge.save([replace(CARD, title="发票抬头")], by="eve")
    assert set(knowledge.view().cards) == {CARD.id, "kb-screen"}
    assert knowledge.view().cards[CARD.id].title == "发票抬头"


async def test_where_nothing_changed_nothing_is_built(store: Store, tmp_path: Path) -> None:
    pipeline = Pipeline(store, tmp_path)
    await pipeline.knowledge.save([CARD], by="eve")
    told = len(await store.log.read(KB_STREAM))
    assert await pipeline.knowledge.rebuild() == pipeline.knowledge.generation == 2
    assert len(await store.log.read(KB_STREAM)) == told


class GatedEmbedder(HashEmbedder):
    """Waits, once it is armed, at the gate of every batch that has an import's texts."""

    def __init__(self) -> None:
        super().__init__(dims=64)
        self.gate, self.entered = threading.Event(), threading.Event()

    def embed(self, texts: Sequence[str], *, role: TextRole) -> Vectors:
        if any(text.startswith("导入") for text in texts):
            self.entered.set()
            assert self.gate.wait(20)
        return super().embed(texts, role=role)


_IMPORT = [Card(id=f"m{n}", title=f"导入{n}", body="x", questions=(f"导入问{n}",)) for n in range(40)]


async def gated(store: Store) -> tuple[KnowledgeBase, GatedEmbedder]:
    """A knowledge base over the real index, with two cards in it."""
    embedder = GatedEmbedder()
    index = HybridIndex(embedder)
    knowledge = KnowledgeBase(
        store=CardStore(store.database), index=index, log=store.log, clock=SystemClock(), prepare=index.prepare
    )
    await knowledge.save([CARD, *_ABOUT_SCREENS], by="eve")
    return knowledge, embedder


async def test_what_others_save_does_not_wait_for_an_imports_embedding(store: Store) -> None:
    knowledge, embedder = await gated(store)
    importing = asyncio.create_task(knowledge.save(_IMPORT, by="eve"))
    try:
        assert await asyncio.to_thread(embedder.entered.wait, 10)
        await asyncio.wait_for(knowledge.save([replace(CARD, status="retired")], by="li"), 10)
        await asyncio.wait_for(knowledge.save([replace(_ABOUT_SCREENS[0], body="更正")], by="li"), 10)
        assert {card_id: card.body for card_id, card in knowledge.view().cards.items()} == {"kb-screen": "更正"}
        assert {hit.card.body for hit in await knowledge.search(CardQuery(text="发票碎屏"))} == {"更正"}
        assert not importing.done()
    finally:
        embedder.gate.set()
    assert len((await importing).added) == len(_IMPORT)
    assert (await knowledge.search(CardQuery(text="导入问7")))[0].card.id == "m7"
    assert set(knowledge.view().cards) == {"kb-screen", *(card.id for card in _IMPORT)}


async def test_a_retired_card_is_out_while_another_processs_import_is_indexed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    knowledge, embedder = await gated(store)
    shown, show = asyncio.Event(), knowledge._show

    def showing(cards: dict[str, Card]) -> None:
        show(cards)
        shown.set()

    monkeypatch.setattr(knowledge, "_show", showing)
    await CardStore(store.database).save(_IMPORT, by="cli")
    building = asyncio.create_task(knowledge.rebuild())
    retiring = None
    try:
        assert await asyncio.to_thread(embedder.entered.wait, 10)
        retiring = asyncio.create_task(knowledge.save([replace(CARD, status="retired")], by="li"))
        await asyncio.wait_for(shown.wait(), 10)
        assert set(knowledge.view().cards) == {"kb-screen"}
        assert [hit.card.id for hit in await knowledge.search(CardQuery(text="发票", top_k=1))] == ["kb-screen"]
        assert not building.done()
    finally:
        embedder.gate.set()
    await asyncio.gather(building, retiring)
    assert CARD.id not in {hit.card.id for hit in await knowledge.search(CardQuery(text="发票", top_k=50))}
    await knowledge.save([replace(CARD, status="draft")], by="li")
    await knowledge.save([replace(CARD, status="review")], by="li")
    await knowledge.save([CARD], by="li")
    assert (await knowledge.search(CardQuery(text="发票")))[0].card.id == CARD.id, "published again"
    assert knowledge.view().cards[CARD.id].version == 5


@pytest.mark.parametrize("step", ["_learn_phrases", "log"])
async def test_what_fails_after_the_swap_is_done_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    knowledge = Pipeline(store, tmp_path).knowledge
    await knowledge.rebuild()
    await CardStore(store.database).save(_ABOUT_SCREENS, by="cli")

    async def fails(*_given: object) -> None:
        raise ModelError("out of memory")

    with monkeypatch.context() as broken:
        broken.setattr(*((knowledge, step, fails) if step != "log" else (store.log, "append", fails)))
        with pytest.raises(ModelError):
            await knowledge.rebuild()
    assert await knowledge._changed_elsewhere()
    await knowledge.rebuild()
    assert [hit.card_id for hit in knowledge.view().triggers.scan("我要碎屏险", "caller")] == ["kb-screen"]
    assert [event.type for event in await store.log.read(KB_STREAM)] == ["IndexBuilt", "IndexBuilt"]
    assert not await knowledge._changed_elsewhere()
