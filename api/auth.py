"""Who is calling: the bearer token of a request or a socket, and what its role may do.

A token is taken from the ``Authorization: Bearer`` header or, for browsers, whose WebSockets cannot set headers, from
the sub-protocols offered: ``new WebSocket(url, ["callcue.v1", "callcue.bearer." + token])``. In the query it is
refused, because addresses end up in logs and histories.
"""

from collections.abc import Awaitable, Callable

from fastapi import Request, WebSocket
from starlette.requests import HTTPConnection

from api.services import Services
from callcue.core.errors import BadInput, NotAuthenticated
from callcue.infra.auth import Permission, Principal, require

PROTOCOL = "callcue.v1"
"""The sub-protocol that the server chooses when it is offered."""
BEARER = "callcue.bearer."
MAX_TOKEN = 512
QUERY_NAMES = ("access_token", "token")


def token_of(connection: HTTPConnection) -> str | None:
    """The token sent with a request or a handshake; None for none."""
    if any(name in connection.query_params for name in QUERY_NAMES):
        raise BadInput(
            "a token must not be part of the address: send it as 'Authorization: Bearer TOKEN', or from a browser's "
            f"WebSocket as the sub-protocol '{BEARER}TOKEN' beside '{PROTOCOL}'"
        )
    token: str | None = None
    header = connection.headers.get("authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise NotAuthenticated("only bearer tokens are taken: send 'Authorization: Bearer TOKEN'")
        token = token.strip()
    else:
        offered = connection.scope.get("subprotocols", [])
        token = next((name.removeprefix(BEARER) for name in offered if name.startswith(BEARER)), None)
    if token is not None and len(token) > MAX_TOKEN:
        raise NotAuthenticated("this is not a token of this server")
    return token


def permitted(connection: HTTPConnection, services: Services, permission: Permission) -> Principal:
    """The caller, if it may do this; raises NotAuthenticated or NotAllowed."""
    principal = services.auth.authenticate(token_of(connection))
    require(principal, permission)
    return principal


def needs(permission: Permission) -> Callable[[Request], Awaitable[Principal]]:
    """A dependency that demands a permission and gives the caller."""

    async def check(request: Request) -> Principal:
        return permitted(request, request.app.state.services, permission)

    return check


async def accept(socket: WebSocket) -> None:
    """Answer the handshake at once; what is wrong with it is said in an error frame, which browsers can read."""
    await socket.accept(subprotocol=PROTOCOL if PROTOCOL in socket.scope.get("subprotocols", []) else None)
