"""The shipped calibration with the shipped embedder, on a few of the cards that come along."""

from dataclasses import replace
from pathlib import Path

import pytest

import callcue.app
from callcue.core.cards import Card, CardQuery
from callcue.core.settings import Settings
from kb_index.formats import read_cards
from kb_index.index import HybridIndex

NOTHING = (
    "嗯好的谢谢你啊",
    "你等我一下我去拿手机",
    "我姓陈耳东陈",
    "幺三八零零幺二三四五六",
    "okay thanks bye",
    "今天真冷",
)


@pytest.fixture(scope="module")
def cards() -> list[Card]:
    path = Path(callcue.app.__file__).parent / "assets" / "cards_zh.jsonl"
    return list(read_cards(path.read_bytes(), "jsonl").cards)[::5]


@pytest.fixture(scope="module")
def index(cards: list[Card]) -> HybridIndex:
    """Knows each card without its last question."""
    from models.embedders import load_embedder
    from models.store import ModelStore

    made = HybridIndex(load_embedder(ModelStore(Settings().cache_dir), "e5-small"))
    made.rebuild_now([replace(card, questions=card.questions[:-1]) for card in cards])
    return made


def test_most_unseen_questions_find_their_card(index: HybridIndex, cards: list[Card]) -> None:
    right = [index.search_now(CardQuery(text=card.questions[-1]))[0].card.id == card.id for card in cards]
    assert sum(right) >= 0.7 * len(right)


def test_what_no_card_answers_scores_below_what_one_does(index: HybridIndex, cards: list[Card]) -> None:
    known = [index.search_now(CardQuery(text=card.questions[0]))[0].score for card in cards]
    nothing = [index.search_now(CardQuery(text=text))[0].score for text in NOTHING]
    assert min(known) > max(nothing)
    assert max(nothing) < 0.3
