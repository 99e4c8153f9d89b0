"""How far the product's error rate is from the baseline's, by language."""

from pathlib import Path

import pytest

from callcue.core.speech import Language
from eval.asr import gaps
from eval.speech_set import Utterance


def said(transcript: str, language: Language) -> Utterance:
    return Utterance(path=Path("unused"), transcript=transcript, language=language)


def test_each_language_has_its_own_gap_in_its_own_unit() -> None:
    utterances = [said("一二三四五", "zh"), said("我要退货好吗", "zh"), said("one more time please", "en")]
    ours = ["一二三四", "我要退货好吗", "one more time please"]
    theirs = ["一二三四五", "我要退货好吗", "one time"]
    found = gaps(utterances, ours, theirs)
    assert found["cer_above_baseline"] == pytest.approx(1 / 11)
    assert found["wer_above_baseline"] == pytest.approx(-2 / 4)
    low, high = found["cer_above_baseline_interval"]
    assert low <= 1 / 11 <= high
    assert found["wer_above_baseline_interval"] is None  # one utterance says nothing about others


def test_a_language_that_nobody_speaks_has_none() -> None:
    assert set(gaps([said("你好", "zh")], ["你好"], [""])) == {"cer_above_baseline", "cer_above_baseline_interval"}
