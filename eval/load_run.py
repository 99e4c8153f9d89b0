"""Plays many live calls at once and turns what came out into figures. How a call is carried is a Transport's matter."""

import asyncio
import contextlib
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from callcue.core.clock import SystemClock
from callcue.core.ports import Clock
from callcue.core.speech import Channel, Language
from eval.live_calls import CHANNELS, Clip, LiveCall, cut, lay_out
from eval.live_trace import Outcome, Trace, channel_errors, invented, outcomes
from eval.metrics import ErrorCount, percentile
from eval.report import Figures
from eval.speech_set import error_figures

STAGGER_S = 3.0
"""The calls begin within this time, one after the other: switches do not start calls in step."""
_SAMPLE_S = 1.0
_COUNTED = ("partials", "partials_superseded", "partials_dropped", "finals", "fallbacks")
_CONTROL_CALL_MS = 60_000
_CONTROL_PAUSE_MS = 2000
_CONTROL_MARGIN_MS = 300


class Transport(Protocol):
    """How calls reach the recogniser, and how its counters are read."""

    async def play(self, call: LiveCall) -> Trace:
        """One call at real speed, until nothing more comes of it."""
        ...

    async def counters(self) -> Mapping[str, float]:
        """Ever growing numbers, and ``wait_s`` and ``lag_s`` of now."""
        ...

    def cpu_s(self) -> float:
        """CPU-seconds so far of what is measured."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A call and when it comes."""

    call: LiveCall
    after_s: float
    """Seconds after the run began."""
    late: bool = False
    """It comes while the others are running, to see whether it is taken; it is not part of the load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A run."""

    traces: Sequence[Trace]
    late: Sequence[Trace]
    waits: Sequence[tuple[float, float, float]]
    """Every second: seconds since the beginning, ``wait_s``, ``lag_s``."""
    counters: Mapping[str, float]
    """What was added to them."""
    cpu_s: float
    own_cpu_s: float
    """CPU-seconds of this process, which speaks and listens."""
    wall_s: float
    load_before: float
    """Load average of the machine before the run: how busy others kept it."""


@dataclass(slots=True)
class _Monitor:
    """Samples the lag until it is stopped."""

    transport: Transport
    clock: Clock
    began: float
    samples: list[tuple[float, float, float]] = field(default_factory=list)

    async def run(self) -> None:
        while True:
            now = await self.transport.counters()
            self.samples.append((self.clock.monotonic() - self.began, now["wait_s"], now["lag_s"]))
            await self.clock.sleep(_SAMPLE_S)


def arrivals(calls: Sequence[LiveCall], late: Sequence[LiveCall] = ()) -> list[Arrival]:
    """The calls shortly one after the other; the late ones spread over the second half."""
    step_s = STAGGER_S / max(1, len(calls))
    whole_s = max(call.duration_ms for call in calls) / 1000
    found = [Arrival(call=call, after_s=number * step_s) for number, call in enumerate(calls)]
    for number, call in enumerate(late):
        after_s = whole_s * (0.5 + 0.5 * number / len(late))
        found.append(Arrival(call=call, after_s=after_s, late=True))
    return found


async def play_all(transport: Transport, coming: Sequence[Arrival], clock: Clock | None = None) -> Played:
    """Play every call and wait for the last one to end."""
    clock = clock or SystemClock()
    before, cpu, own, load = await transport.counters(), transport.cpu_s(), _own_cpu(), os.getloadavg()[0]
    monitor = _Monitor(transport, clock, clock.monotonic())
    watching = asyncio.create_task(monitor.run())

    async def one(arrival: Arrival) -> Trace:
        await clock.sleep(arrival.after_s)
        return await transport.play(arrival.call)

    try:
        traces = await asyncio.gather(*(one(arrival) for arrival in coming))
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
    after = await transport.counters()
    return Played(
        traces=[trace for trace, arrival in zip(traces, coming, strict=True) if not arrival.late],
        late=[trace for trace, arrival in zip(traces, coming, strict=True) if arrival.late],
        waits=monitor.samples,
        counters={name: after[name] - before[name] for name in after},
        cpu_s=transport.cpu_s() - cpu,
        own_cpu_s=_own_cpu() - own,
        wall_s=clock.monotonic() - monitor.began,
        load_before=load,
    )


def _own_cpu() -> float:
    times = os.times()
    return times.user + times.system


async def control(transport: Transport, missing: Sequence[Outcome]) -> tuple[int, int]:
    """What became of utterances without a final: (lost, unheard).

    Each is spoken again in a call with nothing else going on. If it has a text then, the load has lost it; if not, the
    recogniser does not hear it even in peace, which is a matter of accuracy and not of load.
    """
    lost = 0
    for call in control_calls(missing):
        trace = await transport.play(call)
        # what cannot be tried again is not known to be unheard
        lost += sum(trace.refused is not None or outcome.final_ms is not None for outcome in outcomes(trace))
    return lost, len(missing) - lost


def control_calls(missing: Sequence[Outcome]) -> list[LiveCall]:
    """Calls in which the caller says these utterances, cut out of the calls in which they were missed."""
    calls: list[LiveCall] = []
    for language in sorted({outcome.trace.call.language for outcome in missing}):
        placed: list[tuple[int, Channel, Clip]] = []
        at_ms = _CONTROL_PAUSE_MS
        for outcome in missing:
            if outcome.trace.call.language != language:
                continue
            clip = _cut(outcome, language)
            if placed and at_ms + clip.duration_ms > _CONTROL_CALL_MS:
                calls.append(_control_call(len(calls), placed, at_ms))
                placed, at_ms = [], _CONTROL_PAUSE_MS
            placed.append((at_ms, CHANNELS[0], clip))
            at_ms += clip.duration_ms + _CONTROL_PAUSE_MS
        calls.append(_control_call(len(calls), placed, at_ms))
    return calls


def _control_call(number: int, placed: Sequence[tuple[int, Channel, Clip]], end_ms: int) -> LiveCall:
    name = f"control-{number}-{time.monotonic_ns()}"
    return lay_out(name, placed, end_ms, noise_seed=number)


def _cut(outcome: Outcome, language: Language) -> Clip:
    spoken = outcome.spoken
    begin = max(0, spoken.start_ms - _CONTROL_MARGIN_MS)
    call = outcome.trace.call
    return Clip(
        pcm=cut(call.tracks[spoken.channel], call.rate, begin, spoken.end_ms + _CONTROL_MARGIN_MS),
        rate=call.rate,
        speech_start_ms=spoken.start_ms - begin,
        speech_end_ms=spoken.end_ms - begin,
        text=spoken.text,
        language=language,
    )


def missed(played: Played) -> list[Outcome]:
    """The utterances of the calls that were taken which have no final."""
    return [outcome for outcome in _all(played) if outcome.final_ms is None]


def _all(played: Played) -> list[Outcome]:
    taken = [trace for trace in (*played.traces, *played.late) if trace.refused is None]
    return [outcome for trace in taken for outcome in outcomes(trace)]


def open_segments(played: Played) -> int:
    """Segments that were shown as partials and never became final, not even an empty one."""
    count = 0
    for trace in (*played.traces, *played.late):
        ended = {one.segment_id for one in trace.shown if one.final}
        count += len({one.segment_id for one in trace.shown} - ended)
    return count


def figures(played: Played, *, lost: int, unheard: int) -> Figures:
    """Of one run. Latencies of the calls that were taken; what a refused call would have said is not missed."""
    taken = [trace for trace in played.traces if trace.refused is None]
    found = [outcome for trace in taken for outcome in outcomes(trace)]
    counts: dict[Language, list[ErrorCount]] = {}
    for trace in taken:
        counts.setdefault(trace.call.language, []).extend(channel_errors(trace))
    return {
        "calls": len(played.traces),
        "calls_taken": len(taken),
        "late_calls": len(played.late),
        **_refused(played),
        "utterances": len(found),
        **_latencies(found),
        "finals_lost": lost + open_segments(played) + int(played.counters.get("finals_failed", 0)),
        "unheard": unheard,
        "invented": sum(invented(trace) for trace in taken),
        **error_figures(counts),
        **_costs(played, taken),
        "max_wait_s": max((wait for _, wait, _ in played.waits), default=0.0),
        "max_lag_s": max((lag for _, _, lag in played.waits), default=0.0),
        "audio_late_ms": max((trace.late_ms for trace in taken), default=0.0),
        **{name: int(played.counters.get(name, 0)) for name in _COUNTED},
        "alerts": dict(Counter(kind for trace in taken for kind in trace.alerts)),
        "load_before": played.load_before,
        "waits": [[round(value, 2) for value in sample] for sample in played.waits],
    }


def _refused(played: Played) -> Figures:
    refused = [trace for trace in (*played.traces, *played.late) if trace.refused is not None]
    return {
        "refused": dict(Counter(trace.refused for trace in refused)),
        "refusals": sorted({trace.refusal for trace in refused}),
    }


def _latencies(found: Sequence[Outcome]) -> Figures:
    finals = [outcome.final_ms for outcome in found if outcome.final_ms is not None]
    firsts = [outcome.first_ms for outcome in found if outcome.first_ms is not None]
    return {
        "final_latency_ms": {
            "p50": percentile(finals, 50),
            "p95": percentile(finals, 95),
            "max": max(finals, default=None),
        },
        "first_partial_ms": {"p50": percentile(firsts, 50), "p95": percentile(firsts, 95)},
    }


def _costs(played: Played, taken: Sequence[Trace]) -> Figures:
    """CPU time and partials, by what they were spent on."""
    audio_s = sum(trace.call.duration_ms * len(CHANNELS) for trace in taken) / 1000
    speech_s = sum(trace.call.speech_ms for trace in taken) / 1000
    return {
        "audio_s": audio_s,
        "silent_share": 1 - speech_s / audio_s if audio_s else None,
        "cpu_s_per_audio_s": played.cpu_s / audio_s if audio_s else None,
        "cpu_s_per_speech_s": played.cpu_s / speech_s if speech_s else None,
        "generator_cpu_s_per_audio_s": played.own_cpu_s / audio_s if audio_s else None,
        "partials_per_speech_s": played.counters.get("partials", 0.0) / speech_s if speech_s else None,
    }
