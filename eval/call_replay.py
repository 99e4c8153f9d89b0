"""Replays a test call through the real server: an audio socket speaks, a desktop socket watches and notes the time."""

import asyncio
import bisect
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from callcue.app.build import App, build
from callcue.app.client import Recording, Sent, follow, stream_call
from callcue.app.server import running
from callcue.core.cards import Card
from callcue.core.clock import SystemClock
from callcue.core.errors import Overloaded
from callcue.core.records import RECORD_FIELDS, Value
from callcue.core.settings import AuthSettings, ServerSettings, Settings
from eval.call_score import Push, Segment, Trace
from eval.call_set import ScriptedCall

_READY_S = 30.0
_AFTERGLOW_S = 120.0
"""How long the desktop may take after the end of the audio: finals that wait are still decoded."""


class CallClock(SystemClock):
    """The machine's clock, but the date is that of the test call."""

    def __init__(self) -> None:
        self._shift = timedelta()

    def begin(self, moment: datetime) -> None:
        """It is ``moment`` now."""
        self._shift = moment - super().now()

    def now(self) -> datetime:
        """Wall-clock time of the call."""
        return super().now() + self._shift


@dataclass(frozen=True, slots=True, kw_only=True)
class Final:
    """A final transcript as the desktop got it."""

    segment: Segment
    text: str
    raw_text: str
    at: float
    """Wall time of arrival, monotonic seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What came out of one call."""

    trace: Trace
    finals: tuple[Final, ...]
    """In order of their start."""
    record: dict[str, Value]


@dataclass(slots=True)
class _Desktop:
    """Notes every event of one call with the time of its arrival."""

    call_id: str
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    events: list[tuple[float, dict[str, Any]]] = field(default_factory=list)

    def take(self, event: dict[str, Any]) -> bool:
        """One frame; False when the call is over."""
        now = time.monotonic()
        if event.get("event") == "following":
            self.connected.set()
        if event.get("call_id") != self.call_id or "type" not in event:
            return True
        self.events.append((now, event))
        return bool(event["type"] != "CallEnded")


@asynccontextmanager
async def server(settings: Settings, cards: list[Card], clock: CallClock) -> AsyncIterator[tuple[App, str]]:
    """A service with a fresh store that holds ``cards``, on a free port of this machine; yields it and its address."""
    with tempfile.TemporaryDirectory(prefix="callcue-eval-") as folder:
        own = settings.model_copy(
            update={
                "data_dir": Path(folder),
                "database": type(settings.database)(),
                "server": ServerSettings(host="127.0.0.1", port=0),
                "auth": AuthSettings(),
            }
        )
        app = build(own, clock=clock)
        async with running(app) as address:
            await app.services.knowledge.save(cards, by="eval")
            yield app, address


async def replay(app: App, address: str, call: ScriptedCall, speed: float) -> Replayed:
    """Play one call at ``speed`` (1.0: real time) and return what the desktop saw and the record at the end."""
    agent = f"eval-{call.id}"
    desktop = _Desktop(call.id)
    sent = Sent()
    watching = asyncio.create_task(follow(address, urlencode({"agent_id": agent}), desktop.take))
    try:
        await _connected(desktop, watching)
        recording = Recording(path=call.audio, call_id=call.id, agent_id=agent, language=call.language, speed=speed)
        await stream_call(address, recording, sent=sent)
        await asyncio.wait_for(watching, _AFTERGLOW_S)
    finally:
        watching.cancel()
    record = await app.services.records.get(call.id)
    return Replayed(
        trace=_trace(desktop.events, sent, speed),
        finals=_finals(desktop.events),
        record={name: record.value(name) for name in RECORD_FIELDS},
    )


async def _connected(desktop: _Desktop, watching: "asyncio.Task[None]") -> None:
    """Wait for the desktop, unless its connection fails before it."""
    waiting = asyncio.create_task(desktop.connected.wait())
    done, _ = await asyncio.wait({waiting, watching}, timeout=_READY_S, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if watching in done:
        watching.result()
    if waiting not in done:
        raise Overloaded("the desktop socket did not answer; the call was not replayed")


def _finals(events: list[tuple[float, dict[str, Any]]]) -> tuple[Final, ...]:
    found = [
        Final(segment=_segment(event), text=event["text"], raw_text=event["raw_text"], at=at)
        for at, event in events
        if event["type"] == "FinalTranscript"
    ]
    return tuple(sorted(found, key=lambda final: final.segment.start_ms))


def _segment(event: dict[str, Any]) -> Segment:
    return Segment(channel=event["channel"], start_ms=event["start_ms"], end_ms=event["end_ms"])


def _trace(events: list[tuple[float, dict[str, Any]]], sent: Sent, speed: float) -> Trace:
    segments = {event["segment_id"]: _segment(event) for _, event in events if event["type"] == "FinalTranscript"}
    pushes = tuple(
        Push(
            card_id=event["card_id"],
            rank=event["rank"],
            at=at,
            at_ms=event["at_ms"],
            expires_at_ms=event["expires_at_ms"],
            evidence=segments.get(event["reason"]["segment_id"]),
        )
        for at, event in events
        if event["type"] == "CardPush"
    )
    positions = sorted(sent.wall)
    times = [sent.wall[position] for position in positions]

    def wall(ms: int) -> float:
        place = min(bisect.bisect_left(positions, ms), len(positions) - 1)
        # The chunk that holds the sample was sent when its last sample had been spoken, so this one a little before.
        ahead = max(0, positions[place] - ms) / 1000
        return times[place] - (ahead / speed if speed else 0.0)

    def call_ms(moment: float) -> int:
        place = bisect.bisect_right(times, moment) - 1
        return positions[place] if place >= 0 else 0

    return Trace(pushes=pushes, wall=wall, call_ms=call_ms)
