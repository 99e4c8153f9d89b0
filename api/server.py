"""How the application is served: uvicorn with the bounds that the sockets rely on."""

import json

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from api.problems import MEDIA_TYPE, problem_body
from callcue.core.errors import BadInput
from callcue.core.settings import ServerSettings


class Sockets(WebSocketsSansIOProtocol):
    """Answers a handshake that the WebSocket layer cannot read, such as one with a very long address.

    uvicorn leaves such a connection open without an answer, and cannot close it when it shuts down.
    """

    def data_received(self, data: bytes) -> None:
        """Pass on; what was not understood is refused in words."""
        super().data_received(data)
        if self.conn.handshake_exc is None or self.handshake_initiated:
            return
        self.handshake_complete = self.close_sent = True
        problem = problem_body(
            BadInput("the handshake cannot be read: its address and each of its headers may hold 8 KB, after included")
        )
        body = json.dumps(problem).encode()
        head = f"HTTP/1.1 400 Bad Request\r\nContent-Type: {MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\n"
        self.transport.write(f"{head}Connection: close\r\n\r\n".encode() + body)
        self.transport.close()


def serve_config(app: FastAPI, settings: ServerSettings) -> uvicorn.Config:
    """A configuration for ``uvicorn.Server``.

    Frames up to twice ``max_frame_bytes`` reach the application, which then says in words what is wrong; larger ones
    are cut off by the WebSocket layer (1009). Compression is off: audio does not shrink, and an unpacked frame could be
    larger than its limit. uvicorn's own log lines are off below warnings: they hold whole addresses.
    """
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws=Sockets,
        ws_max_size=2 * settings.max_frame_bytes,
        ws_per_message_deflate=False,
        ws_ping_interval=10.0,
        ws_ping_timeout=15.0,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=20,
        h11_max_incomplete_event_size=65_536,
        limit_concurrency=None,
    )
