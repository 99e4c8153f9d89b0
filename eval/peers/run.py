"""Runs one recogniser over streams at real speed: starts its driver, speaks, and notes what comes back and when."""

import asyncio
import base64
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from callcue.core.errors import CallCueError
from callcue.core.speech import Language
from eval.live_calls import Spoken
from eval.peers.protocol import RATE
from eval.resources import cpu_seconds

ROOT = Path(__file__).resolve().parents[2]
"""Where drivers are started, so that they find ``eval.peers``."""
ENVIRONMENTS = ROOT / ".peers"
"""Made by ``make peers``: a virtual environment a peer."""

_CHUNK_MS = 100
_READY_S = 240.0
_PATIENCE_S = 240.0
"""How long a recogniser may go on after the last audio; what it has said by then counts."""
_END_S = 20.0
_WARM_UP = "warm-up"
_WARM_UP_S = 4
_LINE_BYTES = 2**22


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A recogniser and how it is started."""

    name: str
    own: bool = False
    """It runs in CallCue's environment."""

    @property
    def python(self) -> Path:
        """The interpreter of its environment."""
        return Path(sys.executable) if self.own else ENVIRONMENTS / self.name / "bin" / "python"

    @property
    def module(self) -> str:
        """Its driver."""
        return f"eval.peers.drive_{self.name}"


PEERS = (Peer(name="callcue", own=True), Peer(name="whisperlivekit"), Peer(name="whisper_streaming"))


class PeerFailed(CallCueError):  # noqa: N818 - named like the rest of the tree
    """A recogniser could not be made to run; the message says why, in its own words."""

    code = "peer_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One channel as all recognisers get it."""

    name: str
    pcm: bytes
    """s16le, mono, 16 kHz."""
    language: Language
    spoken: Sequence[Spoken]

    @property
    def duration_s(self) -> float:
        """Seconds."""
        return len(self.pcm) / 2 / RATE


@dataclass(frozen=True, slots=True, kw_only=True)
class TextAt:
    """A stream's whole text from some moment on."""

    at_ms: float
    """Milliseconds after the stream's first sample was spoken."""
    committed: str
    unstable: str


@dataclass(slots=True)
class Heard:
    """What came of one stream."""

    stream: Stream
    began: float = 0.0
    ended: float | None = None
    """Monotonic seconds at which it had all its text; None: it had not when patience ended."""
    texts: list[TextAt] = field(default_factory=list)

    @property
    def committed(self) -> str:
        """The text at the end."""
        return self.texts[-1].committed if self.texts else ""

    @property
    def drain_s(self) -> float | None:
        """How long it went on after the last audio: how far it was behind."""
        return None if self.ended is None else max(0.0, self.ended - self.began - self.stream.duration_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerRun:
    """One run of one recogniser."""

    version: str
    heard: Sequence[Heard]
    cpu_s: float
    """CPU-seconds of its processes from the first sample to the last text."""


async def run_peer(peer: Peer, model: Path, language: Language, streams: Sequence[Stream]) -> PeerRun:
    """All streams at once, at real speed. Raises PeerFailed."""
    if not peer.python.exists():
        raise PeerFailed(f"{peer.name} is not installed; say `make peers`")
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        process = await asyncio.create_subprocess_exec(
            *(str(peer.python), "-m", peer.module, str(model), language),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            limit=_LINE_BYTES,
        )
        try:
            return await _Conversation(peer.name, process, log).run(streams)
        finally:
            await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), _END_S)
    except TimeoutError:
        process.kill()
        await process.wait()


class _Conversation:
    """What is said to one driver, and what it answers."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: IO[str]) -> None:
        self._name, self._process, self._log = name, process, log
        self._heard: dict[str, Heard] = {}

    async def run(self, streams: Sequence[Stream]) -> PeerRun:
        try:
            async with asyncio.timeout(_READY_S):
                version = str((await self._answer("ready"))["version"])
        except TimeoutError:
            raise PeerFailed(f"{self._name} was not ready after {_READY_S:g} s") from None
        await self._warm_up(streams[0])
        self._heard = {stream.name: Heard(stream=stream) for stream in streams}
        before = cpu_seconds(self._process.pid)
        listening = asyncio.create_task(self._listen())
        speaking = asyncio.create_task(self._speak_all())
        try:
            await asyncio.wait({listening, speaking}, return_when=asyncio.FIRST_EXCEPTION)
            if listening.done():
                listening.result()
            await speaking
            await asyncio.wait({listening}, timeout=_PATIENCE_S)
            if listening.done():
                listening.result()
        finally:
            listening.cancel()
            speaking.cancel()
        cpu = cpu_seconds(self._process.pid) - before
        return PeerRun(version=version, heard=list(self._heard.values()), cpu_s=cpu)

    async def _warm_up(self, stream: Stream) -> None:
        """Let it hear a little that does not count: first decodes are slow."""
        await self._say("open", _WARM_UP)
        begin = stream.spoken[0].start_ms * RATE // 1000 * 2 if stream.spoken else 0
        pcm = stream.pcm[begin : begin + _WARM_UP_S * RATE * 2]
        await self._say("audio", _WARM_UP, pcm=base64.b64encode(pcm).decode())
        await self._say("close", _WARM_UP)
        try:
            async with asyncio.timeout(_READY_S):
                await self._answer("closed")
        except TimeoutError:
            raise PeerFailed(f"{self._name} did not finish {_WARM_UP_S} s of audio in {_READY_S:g} s") from None

    async def _answer(self, wanted: str | None = None) -> dict[str, Any]:
        """The next line, or the next of one kind. Raises PeerFailed."""
        while True:
            assert self._process.stdout is not None  # noqa: S101 - it was asked for
            line = await self._process.stdout.readline()
            if not line:
                raise PeerFailed(f"{self._name} ended: {self._last_words()}")
            row: dict[str, Any] = json.loads(line)
            if row["event"] == "failed":
                raise PeerFailed(f"{self._name}: {row['reason']}")
            if wanted in (None, row["event"]):
                return row

    def _last_words(self) -> str:
        self._log.seek(0)
        lines = [line.strip() for line in self._log if line.strip()]
        return lines[-1] if lines else "it said nothing"

    async def _listen(self) -> None:
        """Until every stream has all its text."""
        while any(heard.ended is None for heard in self._heard.values()):
            row = await self._answer()
            heard, now = self._heard[row["stream"]], time.monotonic()
            if row["event"] == "closed":
                heard.ended = now
            else:
                heard.texts.append(
                    TextAt(at_ms=(now - heard.began) * 1000, committed=row["committed"], unstable=row["unstable"])
                )

    async def _speak_all(self) -> None:
        await asyncio.gather(*(self._speak(heard) for heard in self._heard.values()))

    async def _speak(self, heard: Heard) -> None:
        stream = heard.stream
        await self._say("open", stream.name)
        heard.began = time.monotonic()
        step = RATE * _CHUNK_MS // 1000 * 2
        for offset in range(0, len(stream.pcm), step):
            chunk = stream.pcm[offset : offset + step]
            await asyncio.sleep(heard.began + (offset + len(chunk)) / 2 / RATE - time.monotonic())
            await self._say("audio", stream.name, pcm=base64.b64encode(chunk).decode())
        await self._say("close", stream.name)

    async def _say(self, event: str, stream: str, **more: str) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        line = json.dumps({"event": event, "stream": stream, **more}) + "\n"
        try:
            self._process.stdin.write(line.encode())
            await self._process.stdin.drain()
        except ConnectionError as error:
            raise PeerFailed(f"{self._name} ended: {self._last_words()}") from error
