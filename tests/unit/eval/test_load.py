"""Many calls at once, in virtual time, with a recogniser that hears tones: what is late, lost or refused."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from xml.etree import ElementTree

import pytest

from asr.scheduler import DecodeScheduler, SchedulerConfig
from callcue.core.settings import Settings
from callcue.testing import FakeVoiceActivity, ManualClock, ScriptedEngine
from callcue.testing.tones import tone
from eval.curves import Axes, Line, curves, ticks
from eval.live_calls import Clip, LiveCall, make_calls
from eval.live_engine import EngineTransport
from eval.live_trace import Trace
from eval.load import STEPS, Plan, draw, row, sweep, too_late
from eval.load_run import Arrival, Played, arrivals, control, control_calls, figures, missed, open_segments, play_all

RATE = 8000
TEXTS = ("今天天气很好", "我要开发票", "请您稍等一下", "订单还没有到")
LINES = {code: (text, 2000) for code, text in enumerate(TEXTS)}


def clips() -> list[Clip]:
    silence = bytes(2 * RATE // 10)
    return [
        Clip(
            pcm=silence + tone(code, 2000, RATE) + silence,
            rate=RATE,
            speech_start_ms=100,
            speech_end_ms=2100,
            text=text,
            language="zh",
        )
        for code, (text, _) in LINES.items()
    ]


class Rig:
    """A recogniser of tones that takes calls, and time that a test moves."""

    def __init__(self, lines: Mapping[int, tuple[str, int]] = LINES) -> None:
        self.clock = ManualClock()
        self.engine = ScriptedEngine(lines)
        settings = Settings()
        self.scheduler = DecodeScheduler(self.engine, self.clock, SchedulerConfig.from_settings(settings.speech))
        self.transport = EngineTransport(
            scheduler=self.scheduler, settings=settings, clock=self.clock, vad=FakeVoiceActivity
        )

    async def through(self, work: Any, seconds: float) -> Any:
        task = asyncio.ensure_future(work)
        for _ in range(int(seconds)):
            if task.done():
                break
            await self.clock.advance(1.0)
        assert task.done(), "it goes on for longer than the test thinks"
        return task.result()


@asynccontextmanager
async def rig(lines: Mapping[int, tuple[str, int]] = LINES) -> AsyncIterator[Rig]:
    made = Rig(lines)
    await made.scheduler.start()
    try:
        yield made
    finally:
        made.engine.release()
        await made.scheduler.close()


async def test_every_utterance_of_every_call_gets_its_final_and_none_is_late() -> None:
    calls = make_calls(clips(), 3, seconds=30, seed=1)
    async with rig() as made:
        played: Played = await made.through(play_all(made.transport, arrivals(calls), made.clock), 60)
    assert missed(played) == []
    found = figures(played, lost=0, unheard=0)
    assert found["utterances"] == sum(len(call.spoken) for call in calls) > 12
    assert found["cer"] == 0.0
    assert found["finals_lost"] == 0
    assert found["invented"] == 0
    assert found["refused"] == {}
    # a decode takes no time here: what remains is the silence that the endpointer waits for
    assert 300 <= found["final_latency_ms"]["p50"] <= found["final_latency_ms"]["p95"] <= 1500
    assert found["partials"] > 0
    assert 500 <= found["first_partial_ms"]["p50"] <= 2500


async def test_a_recogniser_that_stands_still_is_late_refuses_who_comes_then_and_loses_nothing() -> None:
    calls = make_calls(clips(), 2, seconds=40, seed=1)
    others = make_calls(clips(), 2, seconds=12, seed=2)
    async with rig() as made:
        made.engine.hold()
        playing = asyncio.ensure_future(play_all(made.transport, arrivals(calls, others), made.clock))
        for _ in range(60):
            await made.clock.advance(1.0)
        made.engine.release()
        played: Played = await made.through(playing, 120)
    found = figures(played, lost=0, unheard=0)
    assert found["calls_taken"] == 2
    assert found["refused"] == {"overloaded": 2}
    assert "behind" in found["refusals"][0]
    assert missed(played) == []
    assert found["finals_lost"] == 0
    assert found["max_wait_s"] > 8
    assert found["final_latency_ms"]["max"] > 8000
    assert found["partials"] < found["utterances"] / 2, "partials thin out first"


async def test_what_has_a_text_in_peace_was_lost_and_what_has_none_even_then_is_unheard() -> None:
    calls = make_calls(clips(), 1, seconds=40, seed=1)
    said = calls[0].spoken
    deaf = {code: line for code, line in LINES.items() if line[0] != TEXTS[0]}
    silent = Played(
        traces=[Trace(call=calls[0])], late=[], waits=[], counters={}, cpu_s=0, own_cpu_s=0, wall_s=1, load_before=0
    )
    assert len(missed(silent)) == len(said)
    never = sum(one.text == TEXTS[0] for one in said)
    assert 0 < never < len(said)
    async with rig(deaf) as made:
        lost, unheard = await made.through(control(made.transport, missed(silent)), 600)
    assert (lost, unheard) == (len(said) - never, never)
    assert figures(silent, lost=lost, unheard=unheard)["finals_lost"] == lost


def test_control_calls_hold_every_missed_utterance_once() -> None:
    calls = make_calls(clips(), 4, seconds=60, seed=1)
    played = Played(
        traces=[Trace(call=call) for call in calls],
        late=[],
        waits=[],
        counters={},
        cpu_s=0,
        own_cpu_s=0,
        wall_s=1,
        load_before=0,
    )
    again = control_calls(missed(played))
    assert sorted(one.text for call in again for one in call.spoken) == sorted(
        one.text for call in calls for one in call.spoken
    )
    assert len(again) > 1
    assert all(call.duration_ms <= 62_000 for call in again)


async def test_a_partial_without_its_final_is_a_loss() -> None:
    calls = make_calls(clips(), 1, seconds=20, seed=1)
    async with rig() as made:
        played: Played = await made.through(play_all(made.transport, arrivals(calls), made.clock), 60)
    assert open_segments(played) == 0
    trace = played.traces[0]
    gone = next(one.segment_id for one in trace.shown if not one.final)
    trace.shown = [one for one in trace.shown if not (one.final and one.segment_id == gone)]
    assert open_segments(played) == 1
    assert figures(played, lost=0, unheard=0)["finals_lost"] == 1


def test_late_calls_come_in_the_second_half_and_are_no_part_of_the_load() -> None:
    calls = make_calls(clips(), 3, seconds=30, seed=1)
    late = make_calls(clips(), 2, seconds=12, seed=2)
    coming = arrivals(calls, late)
    assert [one.after_s for one in coming] == [0.0, 1.0, 2.0, 15.0, 22.5]
    assert [one.late for one in coming] == [False, False, False, True, True]


class Holds:
    """A transport that needs no time and is late by a second for every call."""

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self.calls = 0

    async def play(self, call: LiveCall) -> Trace:
        """Every utterance gets its final, the later the more calls there are."""
        from eval.live_trace import Shown

        self.calls += 1
        trace = Trace(call=call)
        if call.duration_ms < 20_000:
            trace.refused, trace.refusal = "overloaded", "recognition is 9.0 s behind"
            return trace
        await asyncio.sleep(0)
        trace.shown = [
            Shown(
                at=one.end_ms / 1000 + self.calls * self.delay_s,
                channel=one.channel,
                segment_id=f"s{number}",
                final=True,
                start_ms=one.start_ms,
                end_ms=one.end_ms,
                text=one.text,
            )
            for number, one in enumerate(call.spoken)
        ]
        return trace

    async def counters(self) -> Mapping[str, float]:
        """Nothing is counted."""
        return {"wait_s": float(self.calls), "lag_s": 0.0}

    def cpu_s(self) -> float:
        """Nothing is used."""
        return 0.0


async def _sweep(delay_s: float, steps: Sequence[int], monkeypatch: pytest.MonkeyPatch) -> tuple[Any, list[int]]:
    monkeypatch.setattr("eval.load_run.STAGGER_S", 0.0)
    seen: list[int] = []

    def immediately(calls: Sequence[LiveCall], late: Sequence[LiveCall] = ()) -> list[Arrival]:
        return [Arrival(call=call, after_s=0.0, late=call in late) for call in (*calls, *late)]

    monkeypatch.setattr("eval.load.arrivals", immediately)

    @asynccontextmanager
    async def opening() -> AsyncIterator[Holds]:
        yield Holds(delay_s)

    plan = Plan(clips=clips(), seconds=25)
    found = await sweep(plan, opening, steps=steps, say=lambda step: seen.append(step["calls"]))
    return found, seen


async def test_a_sweep_stops_at_the_first_step_that_is_too_late_and_goes_once_beyond(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found, seen = await _sweep(0.5, (2, 4, 8, 16), monkeypatch)
    assert seen == [2, 4, 8, 16]
    assert found["holds_calls"] == 4
    assert [step["calls"] for step in found["steps"]] == [2, 4, 8]
    assert found["beyond"]["calls"] == 16
    assert found["beyond"]["refused"] == {"overloaded": 4}
    assert found["beyond"]["refusals"] == ["recognition is 9.0 s behind"]
    assert row(found["beyond"])[-1] == 4


async def test_a_sweep_that_finds_no_limit_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    found, seen = await _sweep(0.01, (2, 4), monkeypatch)
    assert (seen, found["holds_calls"], found["beyond"]) == ([2, 4], 4, None)


def test_refused_calls_and_calls_without_finals_are_too_much() -> None:
    def step(p95: float | None, taken: int) -> dict[str, Any]:
        return {"final_latency_ms": {"p95": p95}, "calls": 4, "calls_taken": taken}

    assert not too_late(step(3000.0, 4))
    assert too_late(step(3000.1, 4))
    assert too_late(step(100.0, 3))
    assert too_late(step(None, 4))
    assert list(STEPS) == sorted(set(STEPS))


async def test_the_picture_of_a_sweep_has_a_point_for_every_step(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    found, _ = await _sweep(0.5, (2, 4, 8), monkeypatch)
    path = draw(found, tmp_path / "plots")
    root = ElementTree.parse(path).getroot()
    assert len(root.findall("{*}circle")) == 4 * 4
    assert "final, p95" in path.read_text(encoding="utf-8")


def test_ticks_are_round_and_reach_the_highest_value() -> None:
    assert ticks(10) == [0, 2, 4, 6, 8, 10]
    assert ticks(0.31)[-1] >= 0.31
    assert ticks(0) == [0, 1]
    assert 5 <= len(ticks(37)) <= 9


def test_curves_keep_their_points_in_place_and_escape_what_is_written() -> None:
    picture = curves(
        [Line(name="a<b", points=[(0, 0), (10, 10)])], Axes(title="t & u", x="x", y="y", marks=[(5, "half")])
    )
    root = ElementTree.fromstring(picture)
    first, last = root.findall("{*}circle")
    assert float(first.attrib["cx"]) < float(last.attrib["cx"])
    assert float(first.attrib["cy"]) > float(last.attrib["cy"])
    assert "a&lt;b" in picture
    assert "half" in picture
