"""Clients of our own two sockets: stream a recording as a switch would, follow a call as a desktop would."""

import asyncio
import contextlib
import json
import time
from array import array
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from asr.files import AudioFile, read_audio
from callcue.core.errors import BadAudio, BadInput, CallCueError, NotAuthenticated
from callcue.core.speech import Channel, LanguageChoice

CHUNK_MS = 100
"""Audio per frame when streaming; switches send 20 to 100 ms."""
RETRIES = 8
RETRY_S = 0.5

CHANNELS: Mapping[int, tuple[Channel, ...]] = {1: ("caller",), 2: ("caller", "agent")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A recording to stream, and how to announce it."""

    path: Path
    call_id: str | None = None
    agent_id: str | None = "demo"
    caller: str | None = None
    language: LanguageChoice = "zh"
    speed: float = 1.0
    """Seconds of audio per second; 0: as fast as the server takes it."""


@dataclass(slots=True)
class Sent:
    """How far a stream has come; read by whoever shows or measures it."""

    call_id: str = ""
    duration_ms: int = 0
    position_ms: int = 0
    wall: dict[int, float] = field(default_factory=dict)
    """Position in ms -> time.monotonic() at which the audio up to it had been sent."""


class ServerRefused(CallCueError):  # noqa: N818 - named like the rest of the tree
    """The server answered with an error frame."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def _headers(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


@contextlib.asynccontextmanager
async def _connected(url: str, token: str | None) -> AsyncIterator[ClientConnection]:
    try:
        connection = await connect(url, additional_headers=_headers(token), max_size=16_000_000)
    except InvalidHandshake as error:
        raise NotAuthenticated(f"{url} refused the connection ({error}); is the token right?") from error
    except OSError as error:
        raise BadInput(f"cannot reach {url}: {error.strerror or error}. Is `callcue serve` running there?") from error
    async with connection:
        yield connection


def _interleave(audio: AudioFile) -> bytes:
    if len(audio.channels) == 1:
        return audio.channels[0]
    left, right = (memoryview(channel).cast("h") for channel in audio.channels)
    both = array("h", bytes(4 * len(left)))
    both[0::2], both[1::2] = array("h", left), array("h", right)
    return both.tobytes()


async def load(path: Path) -> AudioFile:
    """Read a recording of one or two channels. Raises BadAudio."""
    audio = await asyncio.to_thread(read_audio, path)
    if len(audio.channels) not in CHANNELS:
        raise BadAudio(
            f"{path.name} has {len(audio.channels)} channels; a call has 1, or 2: the caller, then the agent"
        )
    return audio


async def stream_call(server: str, recording: Recording, *, token: str | None = None, sent: Sent | None = None) -> Sent:
    """Send a recording to ``ws://server/v1/calls/audio`` and wait until the call is closed.

    A dropped connection is taken up again where the server says it stopped. Raises ServerRefused, BadAudio, BadInput.
    """
    audio = await load(recording.path)
    sent = sent if sent is not None else Sent()
    sent.duration_ms = audio.duration_ms
    url = f"ws://{server}/v1/calls/audio"
    opening: dict[str, Any] = {
        "event": "start",
        "agent_id": recording.agent_id,
        "caller": recording.caller,
        "channels": list(CHANNELS[len(audio.channels)]),
        "sample_rate": audio.sample_rate,
        "encoding": "pcm_s16le",
        "language": recording.language,
    }
    if recording.call_id is not None:
        opening["call_id"] = recording.call_id
    for attempt in range(RETRIES + 1):
        try:
            async with _connected(url, token) as connection:
                await _session(connection, opening, audio, recording.speed, sent)
                return sent
        except ConnectionClosed as error:
            if attempt == RETRIES or not sent.call_id:
                raise BadInput(f"the connection to {server} broke and did not come back: {error}") from error
            await asyncio.sleep(RETRY_S * (attempt + 1))
            opening = {"event": "resume", "call_id": sent.call_id}
    raise AssertionError("unreachable")


async def _session(
    connection: ClientConnection, opening: dict[str, Any], audio: AudioFile, speed: float, sent: Sent
) -> None:
    await connection.send(json.dumps(opening))
    ready = await _answer(connection, "ready")
    sent.call_id, sent.position_ms = ready["call_id"], ready["received_ms"]
    listening = asyncio.create_task(_answer(connection, "ended"))
    try:
        sending = asyncio.create_task(_send(connection, audio, speed, sent))
        done, _ = await asyncio.wait({listening, sending}, return_when=asyncio.FIRST_COMPLETED)
        if listening in done:
            sending.cancel()
        else:
            await sending
        await listening
    finally:
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError, CallCueError, ConnectionClosed):
            await listening


async def _answer(connection: ClientConnection, wanted: str) -> dict[str, Any]:
    while True:
        frame = await connection.recv()
        answer: dict[str, Any] = json.loads(frame)
        if answer.get("event") == "error":
            raise ServerRefused(str(answer.get("code")), str(answer.get("message")))
        if answer.get("event") == wanted:
            return answer


async def _send(connection: ClientConnection, audio: AudioFile, speed: float, sent: Sent) -> None:
    wire = _interleave(audio)
    width = 2 * len(audio.channels)
    step = audio.sample_rate * CHUNK_MS // 1000 * width
    start = sent.position_ms * audio.sample_rate // 1000 * width
    began = time.monotonic() - (sent.position_ms / 1000 / speed if speed else 0.0)
    for offset in range(start, len(wire), step):
        chunk = wire[offset : offset + step]
        end_ms = (offset + len(chunk)) // width * 1000 // audio.sample_rate
        if speed:
            # A switch sends a chunk when its last sample has been spoken, not before.
            await asyncio.sleep(began + end_ms / 1000 / speed - time.monotonic())
        await connection.send(chunk)
        sent.position_ms = end_ms
        sent.wall[end_ms] = time.monotonic()
    await connection.send(json.dumps({"event": "stop"}))


async def follow(
    server: str, query: str, on_event: Callable[[dict[str, Any]], bool], *, token: str | None = None
) -> None:
    """Read ``ws://server/v1/desktop?query`` until ``on_event`` returns False. Raises ServerRefused, BadInput."""
    async with _connected(f"ws://{server}/v1/desktop?{query}", token) as connection:
        async for frame in connection:
            event: dict[str, Any] = json.loads(frame)
            if event.get("event") == "error":
                raise ServerRefused(str(event.get("code")), str(event.get("message")))
            if not on_event(event):
                return
