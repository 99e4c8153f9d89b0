"""How the application is served: uvicorn with the bounds that the sockets rely on."""

import uvicorn
from fastapi import FastAPI

from callcue.core.settings import ServerSettings


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
        ws="websockets-sansio",
        ws_max_size=2 * settings.max_frame_bytes,
        ws_per_message_deflate=False,
        ws_ping_interval=10.0,
        ws_ping_timeout=15.0,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=20,
        h11_max_incomplete_event_size=65_536,
        limit_concurrency=None,
    )
