"""Precision and recall of phrases on recognised speech."""

import json
from pathlib import Path

import pytest

from callcue.core.errors import BadInput
from eval.triggers import Recognised, measure, read_recognised, words


def test_sound_finds_what_spelling_misses() -> None:
    utterances = [
        Recognised(said="我要开发票", heard="我要开发飘"),
        Recognised(said="查一下物流", heard="查一下物流"),
        Recognised(said="我不退货", heard="我不对货"),
    ]
    figures = measure(utterances, ["发票", "物流", "退货"])
    assert (figures["phrases"], figures["said"]) == (3, 3)
    assert figures["ways"]["spelling"]["recall"] == pytest.approx(1 / 3)
    assert figures["ways"]["sound"]["recall"] == pytest.approx(2 / 3)
    assert figures["ways"]["sound"]["precision"] == 1.0


def test_a_homophone_that_was_not_said_costs_precision_unless_it_is_doubtful() -> None:
    figures = measure([Recognised(said="还要等几分钟", heard="还要等几分钟")], ["积分"])
    assert figures["ways"]["spelling"]["found"] == 0
    assert figures["ways"]["sound"]["precision"] == 0.0
    assert figures["ways"]["sound, sure"]["found"] == 0


def test_words_are_cut_from_what_was_said() -> None:
    assert {"发票", "电子"} <= set(words(["电子发票在哪里，OK？"]))
    assert all(2 <= len(word) <= 4 for word in words(["电子发票在哪里申请一下子就好了"]))


def test_a_line_without_a_hypothesis_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    file.write_text(json.dumps({"ref": "你好"}), encoding="utf-8")
    with pytest.raises(BadInput, match="line 1"):
        read_recognised(file)
