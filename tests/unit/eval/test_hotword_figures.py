"""What counts as mended and what as spoiled."""

from pathlib import Path

import pytest

from callcue.core.cards import Card, Trigger
from callcue.core.errors import BadInput
from eval.hotwords import clean_figures, measure, recognised_figures, simulated_figures
from nlu.hotwords import HotwordConfig, HotwordCorrector, vocabulary
from tests.unit.eval.test_eval_inputs import lines

CARDS = [
    Card(id="a", title="发票", body="…", questions=("怎么重新开发票",), triggers=(Trigger(phrase="重新开发票"),)),
    Card(id="b", title="险", body="…", questions=("碎屏险多少钱",), triggers=(Trigger(phrase="碎屏险"),)),
]
CORRECTOR = HotwordCorrector(HotwordConfig(), CARDS)


def test_every_change_of_clean_text_is_false() -> None:
    figures, wrong = clean_figures(["我要重新开发票", "重新开法票"], CORRECTOR, "zh")
    assert wrong == ["重新开法票 -> 重新开发票"]
    assert (figures["characters"], figures["false"]) == (12, 1)
    low, high = figures["false_per_10k_chars_interval"]
    assert low < figures["false_per_10k_chars"] < high


def test_simulated_slips_are_counted_by_what_became_of_them() -> None:
    figures = simulated_figures(CARDS, vocabulary(CARDS), CORRECTOR)
    assert figures["slips"] == 4 * 3
    assert 0 < figures["mended"] <= 1
    nothing = simulated_figures(CARDS, vocabulary(CARDS), HotwordCorrector(HotwordConfig()))
    assert (nothing["slips"], nothing["mended"], nothing["changed_otherwise"]) == (4 * 3, 0, 0)


def test_what_the_recogniser_lost_and_what_came_back() -> None:
    pairs = [
        ("我要重新开发票", "我要重新开法票"),
        ("碎屏险多少钱", "税平线多少钱"),
        ("没有别的了", "没有别的了重新开法票"),
    ]
    figures = recognised_figures(pairs, vocabulary(CARDS), CORRECTOR, "zh")
    assert (figures["utterances"], figures["lost_hotwords"], figures["false"]) == (3, 2, 1)
    assert figures["mended"] in (0.5, 1.0)


def test_a_line_without_text_is_named(tmp_path: Path) -> None:
    texts = lines(tmp_path / "t.jsonl", {"text": "好"}, {"words": "好"})
    with pytest.raises(BadInput, match=r"t\.jsonl, line 2"):
        measure(CARDS, [texts], None, config=HotwordConfig(), language="zh")
