"""When an utterance has its text, and what counts as none."""

import pytest

from callcue.core.speech import Channel
from eval.live_calls import LiveCall, Spoken
from eval.live_trace import Outcome, Shown, Trace, channel_errors, invented, outcomes

BEGAN = 100.0


def spoken(channel: Channel, start_s: float, end_s: float, text: str = "你好") -> Spoken:
    return Spoken(channel=channel, start_ms=int(start_s * 1000), end_ms=int(end_s * 1000), text=text)


def shown(
    channel: Channel, segment: str, at_s: float, start_s: float, end_s: float | None, text: str = "你好"
) -> Shown:
    """Final where ``end_s`` is given."""
    return Shown(
        at=BEGAN + at_s,
        channel=channel,
        segment_id=segment,
        final=end_s is not None,
        start_ms=int(start_s * 1000),
        end_ms=None if end_s is None else int(end_s * 1000),
        text=text,
    )


def trace(said: list[Spoken], texts: list[Shown]) -> Trace:
    silence = bytes(2 * 8000 * 20)
    call = LiveCall(id="c", language="zh", rate=8000, tracks={"caller": silence, "agent": silence}, spoken=tuple(said))
    return Trace(call=call, began=BEGAN, shown=texts)


def only(said: Spoken, *texts: Shown) -> Outcome:
    (outcome,) = outcomes(trace([said], list(texts)))
    return outcome


def test_a_final_counts_from_the_end_of_speech_and_a_partial_from_its_beginning() -> None:
    found = only(
        spoken("caller", 1, 4),
        shown("caller", "s1", 2.5, 1.1, None, "你"),
        shown("caller", "s1", 4.75, 1.1, 3.9),
    )
    assert found.final_ms == pytest.approx(750)
    assert found.first_ms == pytest.approx(1500)


def test_of_an_utterance_in_two_segments_the_last_final_counts() -> None:
    found = only(
        spoken("caller", 1, 6),
        shown("caller", "s1", 3.0, 1, 2.4),
        shown("caller", "s2", 7.0, 3.2, 6),
    )
    assert found.final_ms == pytest.approx(1000)


def test_a_final_is_the_first_text_where_there_was_no_partial() -> None:
    assert only(spoken("caller", 1, 2), shown("caller", "s1", 3.0, 1, 2)).first_ms == pytest.approx(2000)


@pytest.mark.parametrize(
    "text",
    [
        shown("agent", "s1", 5, 1, 4),
        shown("caller", "s1", 1.0, 0.0, 0.9),
        shown("caller", "s1", 9, 4.1, 5),
        shown("caller", "s1", 5, 1, 4, " "),
    ],
    ids=["other side", "before", "after", "empty"],
)
def test_what_is_said_elsewhere_or_is_empty_is_no_text_of_it(text: Shown) -> None:
    found = only(spoken("caller", 1, 4), text)
    assert (found.final_ms, found.first_ms) == (None, None)


def test_a_partial_that_was_taken_back_was_a_first_text_but_there_is_no_final() -> None:
    found = only(
        spoken("caller", 1, 4), shown("caller", "s1", 2.0, 1.1, None, "你"), shown("caller", "s1", 5.0, 1.1, 3.9, "")
    )
    assert found.first_ms == pytest.approx(1000)
    assert found.final_ms is None


def test_one_final_over_two_utterances_is_the_text_of_both() -> None:
    first, second = outcomes(
        trace([spoken("caller", 1, 3), spoken("caller", 3.5, 5)], [shown("caller", "s1", 6.0, 1, 5)])
    )
    assert (first.final_ms, second.final_ms) == (pytest.approx(3000), pytest.approx(1000))
    assert second.first_ms == pytest.approx(2500)


def test_errors_are_those_of_a_channels_finals_in_order_of_time() -> None:
    said = [spoken("caller", 1, 2, "今天"), spoken("agent", 2, 3, "很好"), spoken("caller", 4, 5, "下雨")]
    texts = [
        shown("caller", "s2", 5.5, 4, 5, "下雪"),
        shown("caller", "s1", 5.6, 1, 2, "今天"),
        shown("agent", "a1", 3.5, 2, 3, "很好"),
        shown("caller", "s3", 6.0, 5, None, "还有"),
    ]
    caller, agent = channel_errors(trace(said, texts))
    assert (caller.errors, caller.length) == (1, 4)
    assert (agent.errors, agent.length) == (0, 2)


def test_a_text_where_nobody_spoke_is_invented() -> None:
    texts = [shown("caller", "s1", 3, 1, 2), shown("caller", "s2", 9, 7, 8), shown("agent", "a1", 3, 1, 2, "")]
    assert invented(trace([spoken("caller", 1, 2)], texts)) == 1
