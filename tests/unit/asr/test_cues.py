"""What a channel's voice says besides words: measured per segment, the same for any chunks, nothing counted twice."""

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr.config import StreamConfig
from asr.cues import MAX_GAP_MS, Measures, Spread, somebody_spoke, speech_units
from asr.segmenter import Closed, Segmenter
from callcue.core.speech import Hypothesis, Language
from callcue.testing.voice import FakeVoiceActivity
from callcue.testing.vowels import vowel

Part = tuple[str, int]


def audio(rate: int, *parts: tuple[float | None, int, float]) -> bytes:
    """(pitch or None for silence, ms, dBFS) one after the other."""
    return b"".join(
        bytes(2 * rate * ms // 1000) if hz is None else vowel(hz, ms, rate, level_dbfs=level) for hz, ms, level in parts
    )


def closed(pcm: bytes, rate: int, sizes: Sequence[int] = (320,), **config: float) -> list[Closed]:
    segmenter = Segmenter(FakeVoiceActivity(), rate, StreamConfig(**config).endpointing)  # type: ignore[arg-type]
    found: list[Closed] = []
    at = 0
    for size in itertools.cycle(sizes):
        if at >= len(pcm):
            break
        found += [event for event in segmenter.push(pcm[at : at + size]) if isinstance(event, Closed)]
        at += size
    return [*found, *segmenter.finish()]


def whole(events: Sequence[Closed]) -> Measures:
    measures = Measures()
    for event in events:
        measures.add(event.measures)
    return measures


def shape(measures: Measures) -> tuple[object, ...]:
    return measures.stretches, measures.cues(10)


@pytest.mark.parametrize("rate", [8000, 16000])
def test_loudness_pitch_and_length_of_an_utterance(rate: int) -> None:
    (event,) = closed(audio(rate, (None, 500, 0), (180, 1000, -26), (180, 600, -14), (None, 2000, 0)), rate)
    cues = event.measures.cues(8)
    assert cues.voiced_ms == 1600
    assert cues.loudness_dbfs == pytest.approx(-26, abs=1.0)
    assert cues.loudness_high_dbfs == pytest.approx(-14, abs=1.0)
    assert cues.pitch_hz == pytest.approx(180, rel=0.03)
    assert cues.rate == 5.0


@pytest.mark.parametrize("rate", [8000, 16000])
def test_the_pitch_range_is_that_of_the_speaker(rate: int) -> None:
    parts = [(hz, 300, -20.0) for hz in (120, 140, 160, 180, 200, 220, 240)]
    (event,) = closed(audio(rate, *parts, (None, 1500, 0)), rate)
    cues = event.measures.cues()
    assert cues.pitch_low_hz == pytest.approx(120, rel=0.03)
    assert cues.pitch_hz == pytest.approx(180, rel=0.03)
    assert cues.pitch_high_hz == pytest.approx(240, rel=0.03)
    assert cues.pitch_range_semitones == pytest.approx(12.0, abs=0.6)


def test_octave_errors_do_not_widen_the_range() -> None:
    """A quarter of the voiced audio is far from the rest, as where a formant is taken for the pitch."""
    parts = [(110, 600, -20.0), (420, 200, -20.0)] * 3
    (event,) = closed(audio(8000, *parts, (None, 1500, 0)), 8000)
    cues = event.measures.cues()
    assert (cues.pitch_low_hz, cues.pitch_hz, cues.pitch_high_hz) == pytest.approx((110, 110, 110), rel=0.03)


def test_too_little_voice_gives_no_figure_instead_of_a_wrong_one() -> None:
    (event,) = closed(audio(8000, (150, 120, -20), (None, 1500, 0)), 8000)
    cues = event.measures.cues(3)
    assert cues.voiced_ms == 120
    assert (cues.pitch_hz, cues.pitch_low_hz, cues.pitch_range_semitones, cues.rate) == (None, None, None, None)
    assert Measures().cues(5).loudness_dbfs is None


def test_short_gaps_lie_within_a_stretch_long_ones_end_it() -> None:
    parts = ((150, 400, -20), (None, MAX_GAP_MS - 20, 0), (150, 400, -20), (None, MAX_GAP_MS, 0), (150, 400, -20))
    (event,) = closed(audio(8000, *parts, (None, 1500, 0)), 8000)
    assert [(s.start_ms, s.end_ms) for s in event.measures.stretches] == [(0, 980), (1180, 1580)]
    assert event.measures.voiced_ms == 1200


def test_a_long_utterance_that_was_cut_is_one_stretch_and_counted_once() -> None:
    events = closed(audio(8000, (150, 9000, -20), (None, 1500, 0)), 8000, max_segment_s=4.0)
    assert len(events) >= 3
    measures = whole(events)
    assert [(s.start_ms, s.end_ms) for s in measures.stretches] == [(0, 9000)]
    assert measures.voiced_ms == 9000
    assert sum(event.measures.loudness.count for event in events) == 9000 // 20


def test_speech_up_to_the_last_sample_counts() -> None:
    measures = whole(closed(vowel(150, 1010, 8000), 8000))
    assert measures.voiced_ms == 1010
    assert measures.stretches[-1].end_ms == 1010


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([None, None, 110, 210]), st.integers(1, 40), st.sampled_from([-30.0, -18.0])),
        min_size=1,
        max_size=8,
    ),
    st.lists(st.integers(1, 9000), min_size=1, max_size=6),
    st.sampled_from([8000, 16000]),
)
def test_chunks_do_not_matter(parts: list[tuple[float | None, int, float]], sizes: list[int], rate: int) -> None:
    pcm = audio(rate, *((hz, 50 * length, level) for hz, length, level in parts))
    one, other = closed(pcm, rate, [len(pcm)]), closed(pcm, rate, sizes)
    assert [shape(event.measures) for event in one] == [shape(event.measures) for event in other]
    assert shape(whole(one)) == shape(whole(other))
    measures = whole(one)
    assert measures.voiced_ms <= len(pcm) // 2 * 1000 // rate
    assert measures.voiced_ms <= sum(s.end_ms - s.start_ms for s in measures.stretches)
    gaps = [later.start_ms - earlier.end_ms for earlier, later in itertools.pairwise(measures.stretches)]
    assert all(gap >= MAX_GAP_MS for gap in gaps)


@given(st.lists(st.floats(-96, 0), min_size=1, max_size=200), st.floats(0, 1))
def test_quantiles_are_right_within_half_a_step(values: list[float], share: float) -> None:
    spread = Spread(-96.0, 0.0, 0.25)
    for value in values:
        spread.add(value)
    exact = sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
    assert spread.quantile(share) == pytest.approx(exact, abs=0.1251)


@given(st.lists(st.floats(-200, 100)), st.lists(st.floats(-200, 100)))
def test_spreads_merge_as_if_they_had_been_one(first: list[float], second: list[float]) -> None:
    a, b, both = (Spread(-96.0, 0.0, 0.25) for _ in range(3))
    for value in first:
        a.add(value)
    for value in second:
        b.add(value)
    for value in (*first, *second):
        both.add(value)
    a.merge(b)
    assert a.count == both.count == len(first) + len(second)
    if a.count:
        assert [a.quantile(q / 10) for q in range(11)] == [both.quantile(q / 10) for q in range(11)]


@pytest.mark.parametrize(
    ("text", "language", "units"),
    [
        ("你好，我要开发票。", "zh", 7),
        ("帮我查一下 iPhone 15 Pro Max 的保修", "zh", 13),
        ("我的 order number 是 A B 一二三", "zh", 10),
        ("I'd like to return it, please.", "en", 6),
        ("order 4 7 1 1", "en", 5),
        ("……", "zh", 0),
        ("", "en", 0),
    ],
)
def test_what_a_speaking_rate_counts(text: str, language: Language, units: int) -> None:
    assert speech_units(text, language) == units


def hypothesis(text: str, rejected: str | None) -> Hypothesis:
    return Hypothesis(text=text, language="zh", language_probability=1.0, rejected=rejected)


def test_tones_and_music_are_no_talk() -> None:
    assert not somebody_spoke(hypothesis("", "no_speech"))
    assert not somebody_spoke(hypothesis("", "boilerplate"))
    assert not somebody_spoke(hypothesis("", None))
    assert somebody_spoke(hypothesis("", "low_confidence"))
    assert somebody_spoke(hypothesis("好", None))
    assert somebody_spoke(None)


def test_memory_of_a_quiet_channel_stays_flat() -> None:
    segmenter = Segmenter(FakeVoiceActivity(), 8000, StreamConfig().endpointing)
    for _ in range(60):
        list(segmenter.push(bytes(16_000)))
    assert len(segmenter._meter._frames) <= 60
    assert np.frombuffer(segmenter._meter._audio, "<i2").size == 480
