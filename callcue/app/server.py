"""The HTTP and WebSocket server around an App."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn

from api.app import create_app
from api.server import serve_config
from callcue.app.build import App, is_loopback
from callcue.core.errors import BadInput
from callcue.core.settings import Settings


def check_exposure(settings: Settings) -> None:
    """Without tokens only loopback is served. Raises BadInput that says what to do."""
    if not settings.auth.tokens and not is_loopback(settings.server.host):
        raise BadInput(
            f"server.host is {settings.server.host!r}, which other machines can reach, and no tokens are set: anybody "
            "could listen to calls. Nothing was started. Make a token with `callcue token NAME --role ROLE` and put "
            "it into auth.tokens, or listen on 127.0.0.1"
        )


def listen(settings: Settings) -> socket.socket:
    """Bind the address. Raises BadInput when it is taken or not ours."""
    host, port = settings.server.host, settings.server.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise BadInput(
            f"cannot listen on {host} port {port}: {error.strerror}. Choose another with CALLCUE_SERVER__PORT"
        ) from error
    return sock


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling: who runs the server decides when it stops, so that calls are drained."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def web_server(app: App) -> uvicorn.Server:
    """A uvicorn server for a started App."""
    return _Server(serve_config(create_app(app.services), app.settings.server))


@contextlib.asynccontextmanager
async def running(app: App) -> AsyncIterator[str]:
    """Start the App and serve it in this process; yields its base address, ``host:port``."""
    check_exposure(app.settings)
    sock = listen(app.settings)
    host, port = sock.getsockname()[:2]
    try:
        await app.start()
    except BaseException:
        sock.close()
        raise
    server = web_server(app)
    serving = asyncio.create_task(server.serve(sockets=[sock]), name="web-server")
    try:
        while not server.started:
            if serving.done():
                await serving
            await asyncio.sleep(0.01)
        yield f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    finally:
        server.should_exit = True
        await serving
        await app.stop()
        sock.close()
