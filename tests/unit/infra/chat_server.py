"""A stub of an OpenAI-compatible endpoint on a free port: answers what the test says, and keeps what it was asked."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class ChatServer:
    """What was asked, and what to answer."""

    port: int = 0
    status: int = 200
    content: str = "{}"
    body: bytes | None = None
    """Sent instead of a chat completion."""
    headers: str = ""
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    """Answers wait until it is set."""
    requests: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    """First line, headers in lower case, JSON body."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *rest = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in rest)}
        body = json.loads(await reader.readexactly(int(headers.get("content-length", 0))))
        self.requests.append((first, headers, body))
        await self.hold.wait()
        said = {"choices": [{"message": {"role": "assistant", "content": self.content}}]}
        data = json.dumps(said).encode() if self.body is None else self.body
        top = f"HTTP/1.1 {self.status} X\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
        writer.write(f"{top}{self.headers}Connection: close\r\n\r\n".encode() + data)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def chat_server() -> AsyncIterator[ChatServer]:
    stub = ChatServer()
    stub.hold.set()
    server = await asyncio.start_server(stub.answer, "127.0.0.1", 0)
    stub.port = server.sockets[0].getsockname()[1]
    try:
        yield stub
    finally:
        stub.hold.set()
        server.close()
