"""A server on a free port that answers badly: byte by byte, without end, packed, or as a proxy does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field


@dataclass
class RoughServer:
    """What to send, and what was asked."""

    head: bytes = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
    body: bytes = b"{}"
    drips: bool = False
    """The body comes byte by byte, again and again, for as long as anybody listens."""
    drips_head: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)
    """First lines."""
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n", maxsplit=1)[0])
            if self.drips_head:
                await self._drip(writer, b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1000)
            writer.write(self.head)
            if self.drips:
                await self._drip(writer, self.body)
            writer.write(self.body)
            await writer.drain()
        writer.close()

    async def _drip(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        """Until the test is over or nobody listens any more."""
        while not self.over.is_set():
            for place in range(len(data)):
                writer.write(data[place : place + 1])
                await writer.drain()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.over.wait(), 0.01)


@contextlib.asynccontextmanager
async def rough_server() -> AsyncIterator[RoughServer]:
    rough = RoughServer()
    server = await asyncio.start_server(rough.answer, "127.0.0.1", 0)
    rough.port = server.sockets[0].getsockname()[1]
    try:
        yield rough
    finally:
        rough.over.set()
        server.close()
