"""Where segments begin and end."""

import itertools

import pytest

from asr.endpoint import EndpointConfig, Endpointer, Segment

CONFIG = EndpointConfig(max_segment_ms=4000, patience_ms=0)


def run(marks: str, config: EndpointConfig = CONFIG, levels: list[float] | None = None) -> list[Segment]:
    """One mark per 20 ms frame: ``#`` voiced, anything else not."""
    endpointer = Endpointer(config, 20)
    found = [endpointer.push(mark == "#", levels[i] if levels else -20.0) for i, mark in enumerate(marks)]
    found.append(endpointer.finish(len(marks) * 20))
    return [segment for segment in found if segment is not None]


def test_an_utterance_with_its_surroundings() -> None:
    (segment,) = run("." * 50 + "#" * 40 + "." * 60)
    assert (segment.start_ms, segment.end_ms) == (1000, 1800)
    assert (segment.window_start_ms, segment.window_end_ms) == (700, 2000)


def test_speech_from_the_first_sample() -> None:
    (segment,) = run("#" * 30 + "." * 40)
    assert (segment.start_ms, segment.window_start_ms, segment.end_ms) == (0, 0, 600)


def test_speech_up_to_the_last_sample() -> None:
    (segment,) = run("." * 20 + "#" * 30)
    assert (segment.end_ms, segment.window_end_ms) == (1000, 1000)


def test_hang_up_in_the_pause_before_the_end_was_decided() -> None:
    (segment,) = run("." * 20 + "#" * 30 + "." * 10)
    assert segment.end_ms == 1000


@pytest.mark.parametrize("click", ["#", "##", "#...#....#"])
def test_clicks_are_no_utterance(click: str) -> None:
    assert run("." * 30 + click + "." * 60) == []


def test_single_voiced_frames_do_not_hold_a_segment_open() -> None:
    (segment,) = run("#" * 30 + "....#....#....#....#....#....#....#....#....#....#")
    assert segment.end_ms == 600


def test_a_short_pause_does_not_split() -> None:
    assert len(run("#" * 20 + "." * 20 + "#" * 20 + "." * 40)) == 1
    assert len(run("#" * 20 + "." * 30 + "#" * 20 + "." * 40)) == 2


def test_windows_never_overlap_and_speech_lies_inside() -> None:
    segments = run(("#" * 20 + "." * 29) * 6)
    assert len(segments) == 6
    for before, after in itertools.pairwise(segments):
        assert before.window_end_ms <= after.window_start_ms
    for segment in segments:
        assert segment.window_start_ms <= segment.start_ms < segment.end_ms <= segment.window_end_ms


def test_a_long_segment_is_cut_at_its_quietest_place_and_nothing_is_lost() -> None:
    levels = [-20.0] * 500
    levels[150:156] = [-50.0] * 6  # a breath at 3.0 s
    segments = run("#" * 500, levels=levels)
    assert segments[0].cut
    assert abs(segments[0].window_end_ms - 3060) <= 40
    assert segments[0].window_start_ms == 0
    for before, after in itertools.pairwise(segments):
        assert before.window_end_ms == after.window_start_ms == after.start_ms
    assert segments[-1].window_end_ms == 10_000
    assert all(s.window_end_ms - s.window_start_ms <= 4000 for s in segments)


def test_short_segments_are_given_more_time() -> None:
    """Context is worth more than 0.3 s: a short piece waits for its sentence, a long sentence ends at once."""
    patient = EndpointConfig(max_segment_ms=14_000, patience_ms=400, patient_until_ms=8000)
    assert len(run("#" * 50 + "." * 40 + "#" * 50 + "." * 60, patient)) == 1
    assert len(run("#" * 400 + "." * 40 + "#" * 50 + "." * 60, patient)) == 2


def test_a_config_that_cannot_work_is_refused() -> None:
    with pytest.raises(ValueError, match="post_roll"):
        EndpointConfig(end_silence_ms=200, post_roll_ms=300)
