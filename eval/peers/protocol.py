"""What is said between the measurement and a driver: one JSON object a line, over the driver's standard streams.

To the driver: ``open`` (stream), ``audio`` (stream, pcm: base64 of s16le mono at 16 kHz), ``close`` (stream). Audio
comes at real speed, as a call brings it. From the driver: ``ready`` once it can take audio; ``text`` whenever the text
of a stream has changed (committed: what will not change any more, from the beginning; unstable: what follows it for
now); ``closed`` when a closed stream has all its text; ``failed`` (reason) when it cannot go on.

Only the standard library is imported here: drivers run under other Pythons.
"""

import asyncio
import base64
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from threading import Lock
from typing import IO, Any

RATE = 16_000
"""Hz."""


@dataclass(frozen=True)
class Message:
    """A line to the driver."""

    event: str
    stream: str
    pcm: bytes = b""


class Wire:
    """The driver's end. Whatever libraries print goes to the error stream, so that it cannot break a line."""

    def __init__(self) -> None:
        self._out: IO[str] = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self._lock = Lock()
        self._told: dict[str, tuple[str, str]] = {}

    def say(self, event: str, **fields: Any) -> None:
        """One line; from any thread."""
        with self._lock:
            self._out.write(json.dumps({"event": event, **fields}, ensure_ascii=False) + "\n")
            self._out.flush()

    def text(self, stream: str, committed: str, unstable: str) -> None:
        """The text of a stream as it is now; said only when it is another one."""
        if self._told.get(stream, ("", "")) != (committed, unstable):
            self._told[stream] = committed, unstable
            self.say("text", stream=stream, committed=committed, unstable=unstable)

    def messages(self) -> Iterator[Message]:
        """Until the measurement closes the pipe."""
        for line in sys.stdin:
            row = json.loads(line)
            yield Message(row["event"], row["stream"], base64.b64decode(row.get("pcm", "")))

    async def incoming(self) -> AsyncIterator[Message]:
        """The same for an event loop, which goes on while nothing comes."""
        loop = asyncio.get_running_loop()
        inbox: asyncio.Queue[Message | None] = asyncio.Queue()

        def read() -> None:
            for message in self.messages():
                loop.call_soon_threadsafe(inbox.put_nowait, message)
            loop.call_soon_threadsafe(inbox.put_nowait, None)

        reading = loop.run_in_executor(None, read)
        while (message := await inbox.get()) is not None:
            yield message
        await reading


def drive(main: Callable[[Wire, str, str], None]) -> None:
    """Run a driver: ``main(wire, model folder, language)``. An error is told, with its kind and its message."""
    wire = Wire()
    try:
        main(wire, sys.argv[1], sys.argv[2])
    except BaseException as error:
        wire.say("failed", reason=f"{type(error).__name__}: {error}")
        raise
