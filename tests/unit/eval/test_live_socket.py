"""What the desktop socket says becomes a trace; a call that breaks is not one that was refused."""

import asyncio
import wave
from pathlib import Path

import numpy as np
import pytest

from callcue.app.client import Sent, ServerRefused
from callcue.core.errors import BadInput
from eval.live_calls import LiveCall
from eval.live_socket import _ended_badly, _take, _time, _write
from eval.live_trace import Trace


def trace() -> Trace:
    rate = 8000
    tracks = {"caller": np.full(rate, 5, "<i2").tobytes(), "agent": np.full(rate, 7, "<i2").tobytes()}
    return Trace(call=LiveCall(id="c1", language="zh", rate=rate, tracks=tracks, spoken=()))  # type: ignore[arg-type]


async def test_transcripts_and_alerts_of_the_own_call_are_noted_until_it_ends() -> None:
    seen, connected = trace(), asyncio.Event()
    common = {"call_id": "c1", "channel": "agent", "segment_id": "agent-1", "start_ms": 300}
    frames = [
        {"event": "following"},
        {"type": "PartialTranscript", **common, "stable": "你", "unstable": "好"},
        {"type": "FinalTranscript", **common, "call_id": "c2", "end_ms": 900, "raw_text": "x", "text": "x"},
        {"type": "FinalTranscript", **common, "end_ms": 900, "raw_text": "你好二", "text": "你好2"},
        {"type": "CardPush", "call_id": "c1"},
        {"type": "Alert", "call_id": "c1", "kind": "recognition_failed"},
    ]
    assert all(_take(frame, seen, connected) for frame in frames)
    assert connected.is_set()
    partial, final = seen.shown
    assert (partial.text, partial.final, partial.end_ms, partial.channel) == ("你好", False, None, "agent")
    assert (final.text, final.final, final.end_ms) == ("你好二", True, 900)
    assert seen.alerts == ["recognition_failed"]
    assert not _take({"type": "CallEnded", "call_id": "c1"}, seen, connected)
    assert _take({"type": "CallEnded", "call_id": "c2"}, seen, connected)


def test_a_call_begins_when_the_chunk_with_the_least_delay_says_so() -> None:
    seen = trace()
    _time(seen, Sent(wall={100: 50.13, 200: 50.2, 300: 50.9}))
    assert seen.began == pytest.approx(50.0)
    assert seen.late_ms == pytest.approx(600)


def test_what_was_never_taken_is_refused_and_what_broke_is_a_loss() -> None:
    refused, broken = trace(), trace()
    _ended_badly(refused, Sent(), ServerRefused("overloaded", "9 s behind"))
    assert (refused.refused, refused.refusal, refused.alerts) == ("overloaded", "9 s behind", [])
    _ended_badly(broken, Sent(wall={100: 1.0}), ServerRefused("too_slow", "no audio"))
    assert (broken.refused, broken.alerts) == (None, ["broken_too_slow"])
    with pytest.raises(BadInput):
        _ended_badly(trace(), Sent(), BadInput("cannot reach it"))


def test_the_caller_is_on_the_first_channel(tmp_path: Path) -> None:
    _write(tmp_path / "call.wav", trace().call)
    with wave.open(str(tmp_path / "call.wav"), "rb") as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, 8000, 8000)
        assert np.frombuffer(file.readframes(2), "<i2").tolist() == [5, 7, 5, 7]
