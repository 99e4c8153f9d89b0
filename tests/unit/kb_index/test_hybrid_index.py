"""The index as its users meet it: what is found, what is filtered, and how generations follow one another."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from callcue.core.cards import Card, CardQuery
from callcue.core.errors import ModelError
from callcue.core.ports import Vectors
from callcue.testing import HashEmbedder
from kb_index import ahead
from kb_index.index import HybridIndex, IndexConfig
from kb_index.smalltalk import SMALL_TALK

INVOICE = Card(
    id="invoice",
    title="发票申请流程",
    body="x",
    category=("售后", "发票"),
    questions=("怎么开发票", "电子发票在哪里申请"),
)
RETURN = Card(id="return", title="七天无理由退货", body="x", category=("售后", "退换"), questions=("买了不喜欢能退吗",))
POINTS = Card(id="points", title="会员积分规则", body="x", category=("会员",), questions=("积分怎么用", "积分会过期吗"))
REFUND = Card(id="refund", title="Refund status", body="x", lang="en", questions=("where is my refund",))
CARDS = (INVOICE, RETURN, POINTS, REFUND)


class CountingEmbedder(HashEmbedder):
    """Says which texts it was asked for; can be made to wait or to fail."""

    def __init__(self) -> None:
        super().__init__(dims=256)
        self.asked: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.broken = False

    def embed(self, texts: Sequence[str], *, role: Literal["query", "passage"]) -> Vectors:
        self.asked += texts
        if len(texts) > 1:  # a build
            self.entered.set()
            assert self.gate.wait(10)
        if self.broken:
            raise ModelError("the model is gone")
        return super().embed(texts, role=role)


async def built(*cards: Card, embedder: HashEmbedder | None = None) -> HybridIndex:
    index = HybridIndex(embedder or HashEmbedder(dims=256))
    await index.rebuild(cards or CARDS)
    return index


async def ids(index: HybridIndex, text: str, **filters: object) -> list[str]:
    return [hit.card.id for hit in await index.search(CardQuery(text=text, **filters))]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("我想开一张发票", "invoice"),
        ("我想開一張發票", "invoice"),
        ("积分什么时候过期", "points"),
        ("Where is my REFUND?", "refund"),
        ("七天之内可以退货吗", "return"),
    ],
)
async def test_the_card_that_answers_comes_first(text: str, wanted: str) -> None:
    index = await built()
    assert (await ids(index, text))[0] == wanted


async def test_a_hit_says_why() -> None:
    index = await built()
    hit = (await index.search(CardQuery(text="积分会过期吗")))[0]
    assert hit.matched == "积分会过期吗"
    assert hit.dense == pytest.approx(1.0, abs=1e-3)
    assert hit.lexical > 0


async def test_scores_are_probabilities_that_never_rise_down_the_list() -> None:
    index = await built()
    for text in ("怎么开发票", "积分", "你好", "refund"):
        scores = [hit.score for hit in await index.search(CardQuery(text=text))]
        assert all(0 <= score <= 1 for score in scores)
        assert scores == sorted(scores, reverse=True)


async def test_a_clear_question_scores_above_small_talk() -> None:
    index = await built()
    clear = (await index.search(CardQuery(text="电子发票在哪里申请")))[0].score
    for text in ("你好", "好的谢谢", "嗯", "今天天气不错"):
        assert (await index.search(CardQuery(text=text)))[0].score < clear / 2


async def test_each_card_once_and_at_most_top_k() -> None:
    index = await built()
    found = await ids(index, "积分怎么用会过期吗", top_k=2)
    assert len(found) == len(set(found)) == 2


@pytest.mark.parametrize("text", ["", "   ", "\n"])
async def test_empty_text_gives_no_hits(text: str) -> None:
    assert await ids(await built(), text) == []


@pytest.mark.parametrize("text", ["？！。", "x" * 100_000, "\x00", "🙂", "龘"])
async def test_odd_text_is_no_trouble(text: str) -> None:
    assert len(await ids(await built(), text)) == 4


async def test_language_filter_admits_regional_forms() -> None:
    index = await built(*CARDS, replace(INVOICE, id="tw", lang="zh-TW"))
    assert await ids(index, "发票", lang="en") == ["refund"]
    assert set(await ids(index, "发票", lang="zh")) == {"invoice", "return", "points", "tw"}
    assert await ids(index, "发票", lang="fr") == []


async def test_category_filter_is_a_path_prefix() -> None:
    index = await built()
    assert set(await ids(index, "积分怎么用", category=("售后",))) == {"invoice", "return"}
    assert await ids(index, "积分怎么用", category=("售后", "退换")) == ["return"]
    assert await ids(index, "积分怎么用", category=("退换",)) == []


async def test_a_filtered_search_still_ranks_all_that_is_admitted() -> None:
    crowd = [Card(id=f"c{i}", title=f"积分怎么用{i}", body="x", lang="en") for i in range(400)]
    index = await built(*crowd, INVOICE)
    assert await ids(index, "积分怎么用", lang="zh") == ["invoice"]


async def test_only_published_cards_are_found() -> None:
    index = await built(INVOICE, *(replace(POINTS, id=s, status=s) for s in ("draft", "review", "retired")))  # type: ignore[arg-type]
    assert await ids(index, "积分怎么用") == ["invoice"]


async def test_equal_cards_are_ordered_by_priority() -> None:
    low, high = replace(INVOICE, id="a-low", priority=10), replace(INVOICE, id="b-high", priority=90)
    assert (await ids(await built(low, high, POINTS), "怎么开发票"))[:2] == ["b-high", "a-low"]


async def test_before_the_first_build_and_with_no_cards_there_is_nothing() -> None:
    index = HybridIndex(HashEmbedder())
    assert index.generation == 0
    assert await ids(index, "发票") == []
    assert await index.rebuild([]) == index.generation == 1
    assert await ids(index, "发票") == []
    assert await index.rebuild([INVOICE]) == 2
    assert await ids(index, "发票") == ["invoice"]
    assert await index.rebuild([]) == 3
    assert await ids(index, "发票") == []


async def test_an_edit_embeds_only_what_is_new() -> None:
    embedder = CountingEmbedder()
    index = await built(embedder=embedder)
    embedder.asked.clear()
    await index.rebuild([replace(INVOICE, questions=(*INVOICE.questions, "专票怎么开")), RETURN, POINTS, REFUND])
    assert embedder.asked == ["专票怎么开"]
    assert (await ids(index, "专票怎么开"))[0] == "invoice"
    embedder.asked.clear()
    await index.rebuild([replace(POINTS, body="changed"), INVOICE])
    assert embedder.asked == []
    assert set(await ids(index, "退货")) == {"points", "invoice"}


async def test_an_unchanged_card_is_taken_over_whole_and_a_changed_one_is_not() -> None:
    index = await built()
    first = index._current
    await index.rebuild([replace(INVOICE, questions=("专票怎么开",)), *CARDS[1:]])
    second = index._current
    assert first is not None
    assert second is not None
    assert [a is b for a, b in zip(first.entries, second.entries, strict=True)] == [False, True, True, True]
    assert (await ids(index, "专票怎么开"))[0] == "invoice"
    assert "电子发票在哪里申请" not in second.texts


async def test_vectors_that_are_distrusted_are_computed_anew_and_the_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "vectors.npz"
    await HybridIndex(HashEmbedder(dims=256), IndexConfig(cache_file=path)).rebuild([INVOICE])
    before = path.read_bytes()
    embedder = CountingEmbedder()
    index = HybridIndex(embedder, IndexConfig(cache_file=path, distrust_cache=True))
    await index.rebuild(CARDS)
    assert set(embedder.asked) == {text for card in CARDS for text in (card.title, *card.questions)} | set(SMALL_TALK)
    assert index.embedded == len(embedder.asked)
    assert path.read_bytes() != before
    other = CountingEmbedder()
    await HybridIndex(other, IndexConfig(cache_file=path)).rebuild(CARDS)
    assert other.asked == []


async def test_searches_go_on_against_the_old_generation_while_the_next_is_built() -> None:
    embedder = CountingEmbedder()
    index = await built(INVOICE, embedder=embedder)
    embedder.gate.clear()
    embedder.entered.clear()
    building = asyncio.create_task(index.rebuild([POINTS, RETURN]))
    await asyncio.to_thread(embedder.entered.wait, 10)
    assert await ids(index, "积分怎么用") == ["invoice"]
    assert index.generation == 1
    embedder.gate.set()
    assert await building == 2
    assert set(await ids(index, "积分怎么用")) == {"points", "return"}


async def test_builds_asked_for_together_run_one_after_another() -> None:
    index = HybridIndex(HashEmbedder())
    numbers = await asyncio.gather(*(index.rebuild([replace(INVOICE, id=f"c{i}")]) for i in range(5)))
    assert sorted(numbers) == [1, 2, 3, 4, 5]
    assert await ids(index, "发票") == [f"c{numbers.index(5)}"]


async def test_a_build_that_fails_leaves_the_old_generation_serving() -> None:
    embedder = CountingEmbedder()
    index = await built(INVOICE, embedder=embedder)
    embedder.broken = True
    with pytest.raises(ModelError):
        await index.rebuild([POINTS])
    embedder.broken = False
    assert index.generation == 1
    assert await ids(index, "积分怎么用") == ["invoice"]
    assert await index.rebuild([POINTS]) == 2


async def test_the_evaluations_searches_use_one_method_each() -> None:
    index = await built()
    assert index.dense_search("积分会过期吗", 2)[0] == "points"
    assert index.lexical_search("发票", 10) == ["invoice"]
    assert index.lexical_search("发飘", 10) == ["invoice"]  # by 发 alone
    assert index.lexical_search("狗叫", 10) == []
    assert index.sound_search("法飘", 10) == ["invoice"]
    assert index.dense_search(" ", 2) == []


async def test_a_restart_takes_vectors_from_the_cache_file(tmp_path: Path) -> None:
    config = IndexConfig(cache_file=tmp_path / "deep" / "vectors.npz")
    first = CountingEmbedder()
    await HybridIndex(first, config).rebuild(CARDS)
    assert set(SMALL_TALK) < set(first.asked)
    second = CountingEmbedder()
    index = HybridIndex(second, config)
    await index.rebuild(CARDS)
    assert second.asked == []
    assert (await ids(index, "怎么开发票"))[0] == "invoice"


@pytest.mark.parametrize("harm", ["cut", "empty", "foreign", "other model"])
async def test_a_damaged_or_foreign_cache_file_is_not_trusted(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "vectors.npz"
    await HybridIndex(HashEmbedder(dims=128 if harm == "other model" else 256), IndexConfig(cache_file=path)).rebuild(
        CARDS
    )
    data = path.read_bytes()
    path.write_bytes({"cut": data[: len(data) // 2], "empty": b"", "foreign": b"PK\x03\x04 no"}.get(harm, data))
    index = HybridIndex(HashEmbedder(dims=256), IndexConfig(cache_file=path))
    await index.rebuild(CARDS)
    assert (await ids(index, "怎么开发票"))[0] == "invoice"


async def test_an_embedder_that_breaks_its_promise_is_named() -> None:
    class Short(HashEmbedder):
        def embed(self, texts: Sequence[str], *, role: Literal["query", "passage"]) -> Vectors:
            return super().embed(texts[:1], role=role)

    with pytest.raises(ModelError, match="hash-ngrams"):
        await HybridIndex(Short()).rebuild(CARDS)


async def test_a_long_first_build_that_is_stopped_goes_on_from_what_it_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(CountingEmbedder):
        """Is gone after some hundred texts."""

        def embed(self, texts: Sequence[str], *, role: Literal["query", "passage"]) -> Vectors:
            if len(self.asked) >= 200:
                raise ModelError("stopped")
            return super().embed(texts, role=role)

    monkeypatch.setattr(ahead, "KEEP", 64)
    many = [Card(id=f"c{n}", title=f"卡片{n:03}", body="x") for n in range(300)]
    config = IndexConfig(cache_file=tmp_path / "vectors.npz")
    stopped, other = Stopped(), CountingEmbedder()
    with pytest.raises(ModelError):
        await HybridIndex(stopped, config).rebuild(many)
    index = HybridIndex(other, config)
    await index.rebuild(many)
    again = set(stopped.asked) & set(other.asked)
    assert len(set(stopped.asked)) >= 200
    assert len(again) <= 64
    assert len(set(other.asked)) == len(other.asked) == len(many) + len(SMALL_TALK) - len(stopped.asked) + len(again)
    assert (await ids(index, "卡片007"))[0] == "c7"
    third = CountingEmbedder()
    await HybridIndex(third, config).rebuild(many)
    assert third.asked == []


async def test_what_was_prepared_is_not_embedded_by_the_build() -> None:
    embedder = CountingEmbedder()
    index = await built(embedder=embedder)
    many = [Card(id=f"c{n}", title=f"卡片{n:03}", body="x") for n in range(40)]
    embedder.asked.clear()
    await index.prepare([*many, replace(POINTS, id="draft", title="不必", status="draft")])
    assert sorted(embedder.asked) == [card.title for card in many]
    await index.rebuild([*CARDS, *many])
    assert len(embedder.asked) == len(many)
    assert (await ids(index, "卡片007"))[0] == "c7"
    assert index.embedded == len(many)
