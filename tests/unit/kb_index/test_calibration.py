"""From evidence to probability, and the command that fits it."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

from callcue.core.cards import Card
from callcue.core.errors import BadInput, ModelError
from callcue.testing import HashEmbedder
from kb_index.calibrate import Query, collect, expected_calibration_error, fit, judge, read_queries
from kb_index.calibration import NEUTRAL, load_calibration
from kb_index.fusion import FEATURES, above_others, spread_below, zscores
from kb_index.noise import disturb, in_a_turn


def test_the_calibration_that_comes_along_rises_with_the_evidence() -> None:
    calibration = load_calibration()
    assert "held-out" in calibration.provenance
    middle = np.array(calibration.middle)
    for name in ("dense_gap", "idle_gap", "sound_gap"):
        steps = np.tile(middle, (3, 1))
        place = FEATURES.index(name)
        steps[:, place] += np.array([-1, 0, 1]) * calibration.spread[place]
        low, mid, high = calibration.probability(steps)
        assert 0 < low < mid < high < 1, name


def test_evidence_beyond_what_was_seen_is_not_extrapolated() -> None:
    calibration = load_calibration()
    far = np.array([calibration.middle]) + 50 * np.array(calibration.spread)
    farther = np.array([calibration.middle]) + 500 * np.array(calibration.spread)
    assert calibration.probability(far) == pytest.approx(calibration.probability(farther))


def test_a_calibration_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(load_calibration().to_json(), encoding="utf-8")
    assert load_calibration(path) == load_calibration()


@pytest.mark.parametrize("harm", ["missing", "not json", "feature gone", "extra", "nan", "zero spread"])
def test_a_wrong_calibration_is_refused_with_the_remedy(tmp_path: Path, harm: str) -> None:
    form = json.loads(NEUTRAL.to_json())
    match harm:
        case "feature gone":
            del form["features"]["sound"]
        case "extra":
            form["features"]["mood"] = {"middle": 0, "spread": 1, "weight": 0}
        case "nan":
            form["bias"] = float("nan")
        case "zero spread":
            form["features"]["sound"]["spread"] = 0
    path = tmp_path / "c.json"
    if harm != "missing":
        path.write_text("{" if harm == "not json" else json.dumps(form), encoding="utf-8")
    with pytest.raises(ModelError, match=r"kb_index\.calibrate"):
        load_calibration(path)


def test_zscores() -> None:
    assert zscores(np.array([1.0, 1.0])).tolist() == [0.0, 0.0]
    assert zscores(np.array([1.0, 3.0])).tolist() == [-1.0, 1.0]


def test_distance_to_the_best_other() -> None:
    assert above_others(np.array([3.0, 5.0, 1.0])).tolist() == [-2.0, 2.0, -4.0]
    assert above_others(np.array([5.0, 5.0])).tolist() == [0.0, 0.0]
    assert above_others(np.array([5.0])).tolist() == [5.0]


def test_the_unit_of_gaps_ignores_what_is_related() -> None:
    background = np.linspace(0.80, 0.84, 101)
    related = np.concatenate([background, [0.97, 0.98, 0.99]])
    assert spread_below(related) == pytest.approx(spread_below(background), rel=0.1)
    assert spread_below(np.full(5, 0.8)) > 0


def test_calibration_error() -> None:
    probability, weight = np.array([0.9, 0.9, 0.1, 0.1]), np.ones(4)
    assert expected_calibration_error(probability, np.array([1.0, 1, 0, 0]), weight) == pytest.approx(0.1)
    assert expected_calibration_error(probability, np.array([0.0, 0, 1, 1]), weight) == pytest.approx(0.9)


TOPICS = [
    a + b
    for a in ["发票", "积分", "退货", "保修", "快递", "密码", "屏幕", "电池", "耳机", "会员"]
    for b in ("怎么办理", "在哪里看", "坏了")
]


def test_fitting_tells_answerable_from_unanswerable() -> None:
    cards = [Card(id=f"c{i}", title=topic, body="x") for i, topic in enumerate(TOPICS)]
    queries = [Query("请问" + topic, f"c{i}") for i, topic in enumerate(TOPICS)]
    rows = collect(HashEmbedder(dims=256), [(cards, queries)], ["今天星期几", "你叫什么名字", "唱首歌吧"], 0.1)
    figures = judge(fit(rows, "hash", "test"), rows)
    assert figures["auc"] > 0.85
    assert figures["ece"] < 0.15


def test_queries_are_read_strictly(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text('{"text": "开票", "card": "a"}\n\n{"text": "你好", "card": null}\n', encoding="utf-8")
    assert read_queries(path) == [Query("开票", "a"), Query("你好", None)]
    path.write_text('{"text": "开票", "card": "a"}\n["x"]\n', encoding="utf-8")
    with pytest.raises(BadInput, match="line 2"):
        read_queries(path)


def test_errors_come_at_about_the_stated_rate_and_the_same_each_time() -> None:
    text = "我想问一下上个月的账单为什么多扣了钱" * 20
    noisy = disturb(text, 0.15, random.Random(1))
    assert noisy == disturb(text, 0.15, random.Random(1))
    kept = sum(a == b for a, b in zip(disturb(text, 0.0, random.Random(1)), text, strict=True))
    assert kept == len(text)
    same = set(noisy) & set(text)
    assert 0.8 < sum(noisy.count(ch) for ch in same) / len(text) < 1.0


def test_errors_are_homophones_and_punctuation_goes() -> None:
    from pypinyin import lazy_pinyin

    out = disturb("发票，开好了吗？", 0.0, random.Random(1))
    assert out == "发票开好了吗"
    changed = [disturb("退", 1.0, random.Random(seed)) for seed in range(50)]
    single = {ch for ch in changed if len(ch) == 1}
    assert len(single) > 2
    assert {lazy_pinyin(ch)[0] for ch in single} == {"tui"}


def test_words_of_latin_script_stay_apart() -> None:
    assert disturb("Where is my card?", 0.0, random.Random(1)) == "Where is my card"
    assert "怎么开发票" in in_a_turn("怎么开发票", random.Random(1))
