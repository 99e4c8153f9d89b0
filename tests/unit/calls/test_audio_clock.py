"""Transcript time equals call time, whatever happens to the connection."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcue.calls.audio_clock import MAX_GAP_MS, AudioClock
from callcue.core.errors import BadInput


def test_counts_samples_as_milliseconds() -> None:
    clock = AudioClock(8000)
    assert clock.advance(800) == 0
    assert clock.received_ms == 100


def test_a_resumed_stream_that_repeats_audio_is_cut_where_it_was_known() -> None:
    clock = AudioClock(8000)
    clock.advance(8000)
    alignment = clock.realign(900)
    assert (alignment.skip, alignment.silence) == (800, 0)
    assert clock.advance(500) == 500
    assert clock.advance(500) == 300
    assert clock.received_ms == 1025


def test_a_resumed_stream_that_lost_audio_is_filled() -> None:
    clock = AudioClock(16000)
    clock.advance(16000)
    assert clock.realign(1500).silence == 8000


@pytest.mark.parametrize("from_ms", [-1, 1000 + MAX_GAP_MS + 1000])
def test_an_impossible_position_is_refused(from_ms: int) -> None:
    clock = AudioClock(8000)
    clock.advance(8000)
    with pytest.raises(BadInput, match="from_ms"):
        clock.realign(from_ms)


@given(st.lists(st.integers(1, 4000), max_size=20), st.integers(0, 3000), st.lists(st.integers(1, 4000), max_size=20))
def test_after_any_resume_time_is_the_position_in_the_call(before: list[int], from_ms: int, after: list[int]) -> None:
    clock = AudioClock(8000)
    for samples in before:
        clock.advance(samples)
    reached = sum(before)
    silence = clock.realign(from_ms).silence
    clock.advance(silence)
    for samples in after:
        clock.advance(samples)
    position = max(reached, from_ms * 8 + sum(after))
    assert clock.received_ms == position * 1000 // 8000
