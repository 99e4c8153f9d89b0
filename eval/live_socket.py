"""Live calls through a running service: one audio socket per call that speaks, one desktop socket that watches."""

import asyncio
import tempfile
import time
import wave
from array import array
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from callcue.app.client import Recording, Sent, ServerRefused, follow, stream_call
from callcue.core.errors import CallCueError, Overloaded
from eval.live_calls import CHANNELS, LiveCall
from eval.live_trace import Shown, Trace
from eval.resources import cpu_seconds
from eval.service import SHIPPED_CARDS, Service, service

_CONNECT_S = 60.0
_AFTERGLOW_S = 600.0
"""How long a call may take to end after its audio: finals that wait are still decoded."""

_COUNTERS = {
    "finals": "callcue_decodes_total{finals}",
    "finals_failed": "callcue_decodes_total{finals_failed}",
    "partials": "callcue_decodes_total{partials}",
    "partials_superseded": "callcue_decodes_total{partials_superseded}",
    "partials_dropped": "callcue_decodes_total{partials_dropped}",
    "rejected": "callcue_decodes_total{rejected}",
    "fallbacks": "callcue_decodes_total{fallbacks}",
    "wait_s": "callcue_final_wait_seconds",
    "lag_s": "callcue_lag_seconds",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketTransport:
    """Speaks as a switch does and watches as a desk does."""

    service: Service
    folder: Path
    """Where the calls' audio lies while they are played."""

    async def play(self, call: LiveCall) -> Trace:
        """One call at real speed, to its end; a refused one is a result, not an error."""
        trace = Trace(call=call)
        path = self.folder / f"{call.id}.wav"
        await asyncio.to_thread(_write, path, call)
        agent, sent = f"agent-{call.id}", Sent()
        connected = asyncio.Event()
        watching = asyncio.create_task(
            follow(self.service.address, urlencode({"agent_id": agent}), lambda event: _take(event, trace, connected))
        )
        try:
            await _first(connected, watching)
            recording = Recording(path=path, call_id=call.id, agent_id=agent, language=call.language)
            await stream_call(self.service.address, recording, sent=sent)
            await asyncio.wait_for(watching, _AFTERGLOW_S)
        except CallCueError as error:
            _ended_badly(trace, sent, error)
        except TimeoutError:
            trace.alerts.append("not_ended")
        finally:
            watching.cancel()
            path.unlink(missing_ok=True)
        _time(trace, sent)
        return trace

    async def counters(self) -> Mapping[str, float]:
        """Of the scheduler, since the start; ``wait_s`` and ``lag_s`` are of now."""
        found = await asyncio.to_thread(self.service.metrics)
        return {name: found.get(sample, 0.0) for name, sample in _COUNTERS.items()}

    def cpu_s(self) -> float:
        """CPU-seconds so far of the service's processes."""
        return cpu_seconds(self.service.pid)


@asynccontextmanager
async def through_the_service() -> AsyncIterator[SocketTransport]:
    """A service of its own for these calls, which looks cards up for them as it would at work."""
    with service(SHIPPED_CARDS) as running, tempfile.TemporaryDirectory(prefix="callcue-load-") as folder:
        yield SocketTransport(service=running, folder=Path(folder))


def _ended_badly(trace: Trace, sent: Sent, error: CallCueError) -> None:
    """A call that was never taken is refused; one that was taken and broke has lost what it did not show."""
    if sent.wall:
        trace.alerts.append(f"broken_{error.code}")
    elif isinstance(error, ServerRefused):
        trace.refused, trace.refusal = error.code, error.message
    else:
        raise error


def _write(path: Path, call: LiveCall) -> None:
    left, right = (memoryview(call.tracks[channel]).cast("h") for channel in CHANNELS)
    both = array("h", bytes(4 * len(left)))
    both[0::2], both[1::2] = array("h", left), array("h", right)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(call.rate)
        file.writeframes(both.tobytes())


async def _first(connected: asyncio.Event, watching: "asyncio.Task[None]") -> None:
    waiting = asyncio.create_task(connected.wait())
    done, _ = await asyncio.wait({waiting, watching}, timeout=_CONNECT_S, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if watching in done:
        watching.result()
    if waiting not in done:
        raise Overloaded(f"the desktop socket did not answer within {_CONNECT_S:g} s; the call was not played")


def _take(event: dict[str, Any], trace: Trace, connected: asyncio.Event) -> bool:
    """One frame of the desktop socket; False when the call is over."""
    if event.get("event") == "following":
        connected.set()
    if event.get("call_id") != trace.call.id:
        return True
    kind = event.get("type")
    if kind in ("PartialTranscript", "FinalTranscript"):
        trace.shown.append(_shown(event))
    elif kind == "Alert":
        trace.alerts.append(str(event["kind"]))
    return kind != "CallEnded"


def _shown(event: dict[str, Any]) -> Shown:
    final = event["type"] == "FinalTranscript"
    return Shown(
        at=time.monotonic(),
        channel=event["channel"],
        segment_id=event["segment_id"],
        final=final,
        start_ms=event["start_ms"],
        end_ms=event["end_ms"] if final else None,
        text=event["raw_text"] if final else event["stable"] + event["unstable"],
    )


def _time(trace: Trace, sent: Sent) -> None:
    """When the call began is seen from the chunk that left with the least delay."""
    if sent.wall:
        begins = [moment - position / 1000 for position, moment in sent.wall.items()]
        trace.began = min(begins)
        trace.late_ms = (max(begins) - trace.began) * 1000
