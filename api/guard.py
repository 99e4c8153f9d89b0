"""Keeps web pages of other origins away from a server without tokens.

Without tokens everyone on this machine is admin, and a browser on this machine runs pages of strangers. Two checks stop
those: the Host header must name this machine (or a page could rebind its own name to 127.0.0.1), and an Origin header,
which browsers send with every WebSocket handshake and every request that changes something, must be this server's own.
With tokens neither is needed: a token is not sent by the browser on its own accord.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import problem_response
from callcue.core.errors import NotAllowed

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class ForeignOrigin(NotAllowed):
    """A request made by a web page of another origin, or to a name that is not this machine's."""

    code = "foreign_origin"


class LocalGuard:
    """ASGI middleware: refuses foreign Host and Origin headers with 403, WebSocket handshakes included."""

    def __init__(self, app: ASGIApp, *, hosts: Iterable[str] = LOOPBACK) -> None:
        self._app = app
        self._hosts = frozenset(host.strip("[]").lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, then pass on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        error = self._check(Headers(scope=scope), secure=scope["scheme"] in ("https", "wss"))
        if error is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
            await problem_response(error)(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": error.code})

    def _check(self, headers: Headers, *, secure: bool) -> ForeignOrigin | None:
        default_port = 443 if secure else 80
        hosts = headers.getlist("host")
        address = _address(f"//{hosts[0]}", default_port) if len(hosts) == 1 else None
        if address is None or address[0] not in self._hosts:
            return ForeignOrigin("without tokens this server answers on loopback names only; see auth.tokens")
        for origin in headers.getlist("origin"):
            scheme, _, rest = origin.partition("://")
            if scheme not in ("http", "https") or _address(f"//{rest}", default_port) != address:
                return ForeignOrigin("this server has no tokens and takes nothing from web pages of other origins")
        return None


def _address(url: str, default_port: int) -> tuple[str, int] | None:
    """Host in lower case and port; None where they cannot be read."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or parts.username is not None or parts.path or parts.query or parts.fragment:
        return None
    return parts.hostname.lower(), default_port if port is None else port
