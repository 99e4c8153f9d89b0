"""The native audio socket, ``/v1/calls/audio``: start or resume, then audio (bytes or packets), then stop.

The handshake is answered before anything else happens, and what arrives while the call is being opened waits in the
Inbox. Whatever is wrong with a frame ends that call only: an error frame, the close code, and the call closed with
every final it had. A connection that is lost leaves the call open for the grace period.
"""

import asyncio
import base64
import binascii
import contextlib

import structlog
from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect

from api.auth import accept, permitted
from api.body import parse_json
from api.faults import log_fault
from api.frames import AUDIO_IN, EndedFrame, MediaFrame, ReadyFrame, ResumeFrame, StartFrame, StopFrame, WarningFrame
from api.problems import WS_GOING_AWAY, WS_NORMAL, TooSlow, public_code
from api.services import Services
from api.socket_io import Frame, Inbox, Lost, Outbox, SlowReaderError
from callcue.calls.intake import Packet
from callcue.calls.session import AudioLink, EndReason
from callcue.calls.start import StartCall
from callcue.core.errors import BadAudio, BadInput, CallCueError

OPENING_TIMEOUT_S = 10.0
"""A socket that says nothing for this long is closed."""
NO_AUDIO_S = 15.0
"""Silence on the wire (not in the audio) that draws a warning: a live call always sends audio. After
``server.max_silence_s`` the call is closed."""
INBOX_BYTES = 2_000_000
"""Read ahead at most: a minute of two-channel 8 kHz PCM."""
MAX_TEXT_FRAME = 16_384

router = APIRouter()
_log = structlog.get_logger(__name__)


@router.websocket("/v1/calls/audio")
async def audio_socket(socket: WebSocket) -> None:
    """One connection of one call."""
    services: Services = socket.app.state.services
    outbox = Outbox(socket)
    await accept(socket)
    limit = services.settings.server.max_frame_bytes
    async with Inbox(socket, capacity=max(INBOX_BYTES, limit), max_frame=limit) as inbox:
        try:
            permitted(socket, services, "calls.stream")
            link = await _open(services, inbox)
        except CallCueError as error:
            services.metrics.calls_refused.labels(public_code(error)).inc()
            await outbox.fail(error)
            return
        except PeerGoneError:
            return
        await _Conversation(services, link, inbox=inbox, outbox=outbox).run()


class PeerGoneError(Exception):
    """The peer went away before it opened a call."""


async def _open(services: Services, inbox: Inbox) -> AudioLink:
    """Wait for the opening frame and open or resume the call it names."""
    try:
        async with asyncio.timeout(OPENING_TIMEOUT_S):
            frame = await inbox.next()
    except TimeoutError:
        raise TooSlow(f"no start or resume frame arrived within {OPENING_TIMEOUT_S:g} s") from None
    if isinstance(frame, Lost):
        raise PeerGoneError
    opening = _opening(frame)
    if isinstance(opening, ResumeFrame):
        return await services.manager.resume(opening.call_id, opening.from_ms)
    return await services.manager.start(
        StartCall(
            call_id=opening.call_id,
            agent_id=opening.agent_id,
            caller=opening.caller,
            channels=opening.channels,
            sample_rate=opening.sample_rate,
            encoding=opening.encoding,
            language=opening.language or services.settings.speech.language,
            framing=opening.framing,
            languages=opening.languages or {},
            customer=None if opening.customer is None else opening.customer.profile(),
            dialled=opening.dialled,
            origin=opening.origin,
        )
    )


def _opening(frame: str | bytes) -> StartFrame | ResumeFrame:
    if isinstance(frame, bytes):
        raise BadInput("audio came before the call was opened: send a start or resume frame first")
    parsed = _parse(frame)
    if isinstance(parsed, StopFrame):
        raise BadInput("there is no call to stop: send a start or resume frame first")
    if isinstance(parsed, MediaFrame):
        raise BadInput("a media frame came before the call was opened: send a start or resume frame first")
    return parsed


def _parse(text: str) -> StartFrame | ResumeFrame | MediaFrame | StopFrame:
    if len(text) > MAX_TEXT_FRAME:
        raise BadInput(
            f"a text frame may hold at most {MAX_TEXT_FRAME} characters; send audio in binary frames or smaller packets"
        )
    return parse_json(AUDIO_IN, text, "frame")


class _Silence:
    """Time without audio: how long to wait before the warning, and then before the end."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self._since = asyncio.get_running_loop().time()
        self.last_chance = limit_s <= NO_AUDIO_S
        """The warning was given, or there is no time for one: the end comes next."""

    @property
    def patience_s(self) -> float:
        """Seconds until something has to be said; below 0 when that is late."""
        limit_s = self.limit_s if self.last_chance else NO_AUDIO_S
        return self._since + limit_s - asyncio.get_running_loop().time()

    def warn(self) -> str:
        """The warning, which is given once."""
        self.last_chance = True
        return f"no audio for {NO_AUDIO_S:g} s; the call is closed when there is none for {self.limit_s:g} s"

    @property
    def verdict(self) -> str:
        """Why the call was closed."""
        return f"no audio came for {self.limit_s:g} s; the call was closed with everything it had"


class _Conversation:
    """What is said over one connection after its call was opened."""

    def __init__(self, services: Services, link: AudioLink, *, inbox: Inbox, outbox: Outbox) -> None:
        self._services = services
        self._link = link
        self._inbox = inbox
        self._outbox = outbox
        self._close_code = WS_GOING_AWAY

    async def run(self) -> None:
        """Until the call ends or the connection is lost; the call is never left without one or the other."""
        farewell = asyncio.create_task(self._farewell(), name=f"farewell-{self._link.call_id}")
        try:
            await self._talk(farewell)
        except CallCueError as error:
            farewell.cancel()
            await self._end_with(error)
        except (SlowReaderError, WebSocketDisconnect):
            await self._link.drop()
        except asyncio.CancelledError:
            await self._link.drop()
            raise
        except Exception as error:  # noqa: BLE001 - boundary: a fault in one socket's loop ends its own call only
            log_fault("audio_socket.failed", error, call_id=self._link.call_id)
            farewell.cancel()
            await self._end_with(CallCueError("the audio connection failed inside the service"))
        finally:
            farewell.cancel()

    async def _talk(self, farewell: asyncio.Task[None]) -> None:
        link = self._link
        await self._outbox.send(ReadyFrame(call_id=link.call_id, received_ms=link.resume_ms))
        silence = _Silence(self._services.settings.server.max_silence_s)
        while True:
            frame = await self._next(silence.patience_s)
            if frame is None:
                if silence.last_chance:
                    farewell.cancel()
                    await self._end_with(TooSlow(silence.verdict), reason="disconnected", detail=silence.verdict)
                    return
                await self._outbox.send(WarningFrame(code="no_audio", message=silence.warn()))
            elif isinstance(frame, Lost):
                if frame.broken:
                    raise BadInput(f"the connection broke the WebSocket protocol (close code {frame.code})")
                await link.drop()
                return
            elif (audio := _audio_of(frame)) is not None:
                await link.audio(audio)
                if audio:
                    silence = _Silence(silence.limit_s)
            else:
                self._close_code = WS_NORMAL
                await link.hangup()
                await farewell
                return

    async def _next(self, timeout_s: float) -> Frame | None:
        try:
            async with asyncio.timeout(timeout_s):
                return await self._inbox.next()
        except TimeoutError:
            return None

    async def _farewell(self) -> None:
        """Tell the peer that the call has ended, whoever ended it, and close."""
        await self._link.session.ended.wait()
        with contextlib.suppress(SlowReaderError, WebSocketDisconnect):
            await self._outbox.send(EndedFrame(call_id=self._link.call_id, duration_ms=self._link.received_ms))
        await self._outbox.close(self._close_code)

    async def _end_with(self, error: CallCueError, *, reason: EndReason = "error", detail: str = "") -> None:
        _log.warning("audio_socket.refused", call_id=self._link.call_id, code=error.code)
        self._services.metrics.socket_errors.labels("audio", public_code(error)).inc()
        await self._outbox.fail(error)
        try:
            await self._link.hangup(reason, detail or public_code(error))
        except CallCueError as failure:
            _log.error("audio_socket.close_failed", call_id=self._link.call_id, code=failure.code)


def _audio_of(frame: str | bytes) -> bytes | Packet | None:
    """The audio that a frame holds; None for ``stop``. Raises BadInput for what has no place after the opening."""
    if isinstance(frame, bytes):
        return frame
    parsed = _parse(frame)
    if isinstance(parsed, MediaFrame):
        return Packet(
            channel=parsed.channel, seq=parsed.seq, timestamp_ms=parsed.timestamp_ms, payload=_payload(parsed.payload)
        )
    if not isinstance(parsed, StopFrame):
        raise BadInput(f"this socket has its call already; {parsed.event} opens another one on a socket of its own")
    return None


def _payload(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):  # the latter for what is no ASCII
        raise BadAudio("the payload of a media frame is not base64 with padding (RFC 4648, section 4)") from None
