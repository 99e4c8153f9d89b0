"""Terms by sound, and the ranking that looks at them."""

import json
from pathlib import Path

import numpy as np
import pytest

from callcue.core.cards import Card, CardQuery
from callcue.core.errors import ModelError
from callcue.testing import HashEmbedder
from kb_index.calibrate import Query
from kb_index.fit_ranking import collect, fit, judge, report
from kb_index.index import HybridIndex, IndexConfig
from kb_index.ranking import Ranking, load_ranking
from kb_index.sounds import merged, sound_terms, sound_weight


@pytest.mark.parametrize(
    ("written", "heard", "alike"),
    [
        ("发票", "发飘", True),
        ("退货", "推货", True),
        ("账单", "張但", True),
        ("牛奶", "刘来", True),
        ("发票", "发炮", False),
        ("退货", "换货", False),
    ],
)
def test_what_sounds_alike_has_the_same_terms(written: str, heard: str, alike: bool) -> None:
    assert (sound_terms(written) == sound_terms(heard)) == alike


def test_confusable_sounds_are_one() -> None:
    assert merged("zhang") == merged("zan")
    assert merged("ning") == merged("lin")
    assert merged("shi") == merged("si")
    assert merged("fa") != merged("hua")


def test_letters_of_words_are_cut_in_threes() -> None:
    assert set(sound_terms("Card")) == {"~_ca", "~car", "~ard", "~rd_"}
    assert set(sound_terms("cards")) & set(sound_terms("card")) == {"~_ca", "~car", "~ard"}
    assert sound_terms("？！") == {}


def test_a_pair_of_syllables_counts_more_than_one() -> None:
    assert sound_weight("fa piao") == sound_weight("~car") > sound_weight("fa")


def test_a_misheard_question_is_found_by_sound_and_not_by_spelling() -> None:
    cards = [
        Card(id=title, title=title, body="x") for title in ("怎么开发票", "怎么查积分", "怎么修屏幕", "怎么退押金")
    ]
    index = HybridIndex(HashEmbedder(dims=256))
    index.rebuild_now(cards)
    assert index.sound_search("腿鸭斤", 1) == ["怎么退押金"]
    assert index.lexical_search("腿鸭斤", 1) == []


def test_the_ranking_that_comes_along_uses_both_columns() -> None:
    ranking = load_ranking()
    assert all(weight > 0 for weight in ranking.weights)
    near, heard = np.array([0.95, 0.90, 0.90]), np.array([0.2, 0.2, 0.9])
    order = ranking.fuse(near, heard)
    assert order[0] > order[1]
    assert order[2] > order[1]


def test_the_order_is_that_of_the_weights() -> None:
    cards = [Card(id="near", title="退款要几天", body="x"), Card(id="heard", title="退宽要几添吗", body="x")]
    found = {}
    for name, weights in (("dense", (1.0, 0.0)), ("sound", (0.0, 1.0))):
        ranking = Ranking(weights=weights, embedder="", provenance="")
        index = HybridIndex(HashEmbedder(dims=256), IndexConfig(ranking=ranking))
        index.rebuild_now(cards)
        found[name] = index.search_now(CardQuery(text="退款要几天吗"))[0].card.id
    assert found == {"dense": "near", "sound": "heard"}


@pytest.mark.parametrize("harm", ["missing", "not json", "column gone", "extra", "nan"])
def test_a_wrong_ranking_is_refused_with_the_remedy(tmp_path: Path, harm: str) -> None:
    form = json.loads(load_ranking().to_json())
    match harm:
        case "column gone":
            del form["weights"]["sound"]
        case "extra":
            form["weights"]["mood"] = 1
        case "nan":
            form["weights"]["dense"] = float("nan")
    path = tmp_path / "r.json"
    if harm != "missing":
        path.write_text("{" if harm == "not json" else json.dumps(form), encoding="utf-8")
    with pytest.raises(ModelError, match=r"kb_index\.fit_ranking"):
        load_ranking(path)


def test_a_ranking_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text(load_ranking().to_json(), encoding="utf-8")
    assert load_ranking(path) == load_ranking()


TOPICS = [a + b for a in ("发票", "积分", "退货", "保修", "快递", "密码") for b in ("怎么办理", "在哪里看", "坏了")]


def test_fitting_is_no_worse_than_either_column_alone() -> None:
    cards = [Card(id=f"c{i}", title=topic, body="x", questions=("请问" + topic,)) for i, topic in enumerate(TOPICS)]
    queries = [Query(f"我想知道{topic}", f"c{i}") for i, topic in enumerate(TOPICS)]
    asked = collect(HashEmbedder(dims=256), [(cards, queries)], 0.3)
    assert len(asked) == 4 * len(TOPICS)  # each query clean and disturbed, on whole and on thinned cards
    fused = judge(fit(asked), asked)
    for alone in (np.array([1.0, 0.0]), np.array([0.0, 1.0])):
        assert fused["mrr"] >= judge(alone, asked)["mrr"] - 0.03
    lines = report(asked, ["set"]).splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["set", "clean"], ["set", "errors"]]
