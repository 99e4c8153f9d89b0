"""One thing changed at a time, beside a yardstick."""

from dataclasses import fields

import numpy as np
import pytest

from asr.config import EngineConfig
from callcue.core.speech import Hypothesis
from eval.ablation import _row, cut, variants
from eval.metrics import ErrorCount
from eval.speech_set import Audio


def test_the_yardstick_comes_first_and_all_names_differ() -> None:
    found = variants(EngineConfig(workers=2))
    assert found[0].config.min_window_s == found[0].config.patient_window_s == 30.0
    assert len({one.name for one in found}) == len(found)
    assert all(one.config.workers == 1 for one in found)


def test_what_is_compared_under_load_differs_in_one_thing() -> None:
    found = {one.name: one for one in variants(EngineConfig())}
    short = next(one for name, one in found.items() if name.startswith("under load:"))
    for name in ("under load, beam 3", "under load, greedy", "under load, float32"):
        changed = [
            f.name for f in fields(EngineConfig) if getattr(found[name].config, f.name) != getattr(short.config, f.name)
        ]
        assert len(changed) == 1


def test_an_utterance_is_cut_as_in_a_call() -> None:
    rate = 8000
    noise = np.random.default_rng(1).normal(0, 3000, 2 * rate).astype("<i2")
    silence = np.zeros(2 * rate, "<i2")
    pcm = np.concatenate([noise, silence, noise]).tobytes()
    windows = cut(Audio(pcm=pcm, rate=rate, speech_start_ms=0, speech_end_ms=6000))
    assert len(windows) == 2
    assert all(2000 <= len(window) // 32 <= 3000 for window in windows)
    assert cut(Audio(pcm=bytes(rate * 2), rate=rate, speech_start_ms=0, speech_end_ms=1000)) == []


def test_a_row_says_how_far_above_the_yardstick() -> None:
    full = [ErrorCount(errors=1, length=10), ErrorCount(errors=2, length=10)]
    own = [ErrorCount(errors=2, length=10), ErrorCount(errors=3, length=10)]
    heard = [[Hypothesis(text="", language="zh", language_probability=1.0, rejected="no_speech", fallback=True)], []]
    row = _row(full, own, heard, 0.1)
    assert row["error_rate"] == pytest.approx(0.25)
    assert row["above_full"] == pytest.approx(0.1)
    assert row["above_full_interval"] == pytest.approx((0.1, 0.1))
    assert (row["fallbacks"], row["rejected"]) == (1, 1)
