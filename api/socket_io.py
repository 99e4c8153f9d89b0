"""A WebSocket with bounds: what waits on the way in, how long a send may take on the way out, how it closes."""

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass

from pydantic import BaseModel
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketDisconnected, WebSocketState

from api.frames import ErrorFrame
from api.problems import TooLarge, kind_of, public_code, public_message
from callcue.core.errors import BadInput, CallCueError

SEND_TIMEOUT_S = 10.0
"""A peer that takes nothing for this long is cut off; it may come back and resume."""
CLOSE_TIMEOUT_S = 1.0
FRAME_OVERHEAD = 64
"""Counted per waiting frame beside its content, so that empty frames are bounded too."""
PROTOCOL_ERRORS = frozenset({1002, 1003, 1007, 1009, 1010})
"""Close codes with which the server's WebSocket layer answers frames that break the protocol (RFC 6455, 7.4.1)."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is gone."""

    code: int

    @property
    def broken(self) -> bool:
        """The peer broke the protocol (invalid UTF-8, a frame above the limit), rather than going away."""
        return self.code in PROTOCOL_ERRORS


Frame = str | bytes | Lost


class SlowReaderError(Exception):
    """The peer does not read what it is sent."""


class Outbox:
    """Sends one frame at a time, each within a time."""

    def __init__(self, socket: WebSocket, timeout_s: float = SEND_TIMEOUT_S) -> None:
        self._socket = socket
        self._timeout_s = timeout_s
        self._lock = asyncio.Lock()

    async def send(self, frame: BaseModel) -> None:
        """Send a control frame."""
        await self.send_text(frame.model_dump_json(exclude_none=isinstance(frame, ErrorFrame)))

    async def send_text(self, text: str) -> None:
        """Send. Raises SlowReaderError, or WebSocketDisconnect when the peer is gone."""
        try:
            async with asyncio.timeout(self._timeout_s), self._lock:
                await self._socket.send_text(text)
        except TimeoutError:
            raise SlowReaderError from None
        except WebSocketDisconnected:
            raise WebSocketDisconnect(1006) from None

    async def close(self, code: int, reason: str = "") -> None:
        """Close, unless it is closed already. ``reason`` is cut to what a close frame holds (123 bytes)."""
        if self._socket.application_state is not WebSocketState.CONNECTED:
            return
        short = reason.encode()[:120].decode(errors="ignore")
        with contextlib.suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._socket.close(code, short)

    async def fail(self, error: CallCueError) -> None:
        """Tell the peer what is wrong and close with the error's code."""
        with contextlib.suppress(SlowReaderError, WebSocketDisconnect):
            await self.send(ErrorFrame(code=public_code(error), message=public_message(error)))
        await self.close(kind_of(error).close, public_code(error))


class Inbox:
    """Frames in the order in which they came, read ahead of their use.

    At most ``capacity`` bytes wait here; then nothing more is read and the rest waits in the sender's TCP: nothing is
    dropped. Audio that arrives while a call is being opened waits here too.
    """

    def __init__(self, socket: WebSocket, *, capacity: int, max_frame: int) -> None:
        self._socket = socket
        self._capacity = capacity
        self._max_frame = max_frame
        self._frames: deque[Frame] = deque()
        self._size = 0
        self._changed = asyncio.Condition()
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Inbox":
        self._reader = asyncio.create_task(self._read(), name="socket-inbox")
        return self

    async def __aexit__(self, *_exc: object) -> None:
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader

    async def next(self) -> Frame:
        """The next frame; after the connection is lost, ``Lost`` again and again. Raises TooLarge."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._frames)
            frame = self._frames[0]
            if isinstance(frame, Lost):
                return frame
            self._frames.popleft()
            self._size -= len(frame) + FRAME_OVERHEAD
            self._changed.notify_all()
        if len(frame) > self._max_frame:
            raise TooLarge(f"a frame may hold at most {self._max_frame} bytes")
        return frame

    async def _read(self) -> None:
        while True:
            frame = await self._receive()
            async with self._changed:
                self._frames.append(frame)
                self._size += len(frame) + FRAME_OVERHEAD if not isinstance(frame, Lost) else 0
                self._changed.notify_all()
                if isinstance(frame, Lost):
                    return
                await self._changed.wait_for(lambda: self._size < self._capacity)

    async def _receive(self) -> Frame:
        try:
            message = await self._socket.receive()
        except WebSocketDisconnected:
            return Lost(1006)
        if message["type"] == "websocket.disconnect":
            return Lost(message.get("code") or 1005)
        text: str | None = message.get("text")
        data: bytes | None = message.get("bytes")
        if text is not None:
            return text
        return data if data is not None else b""


def text_only(frame: Frame) -> str | Lost:
    """Refuse binary frames where only text makes sense."""
    if isinstance(frame, bytes):
        raise BadInput("this socket takes text frames only")
    return frame
