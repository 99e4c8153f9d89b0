"""The FastAPI application. Its lifespan is the caller's: the parts are started before it serves and stopped after."""

from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import (
    audio_socket,
    calls,
    cards,
    desktop_socket,
    editing,
    flows,
    health,
    learning,
    orders,
    records,
    schemas,
    sentiment,
    summaries,
    tags,
)
from api.desktop_socket import CardTexts
from api.faults import FaultBarrier
from api.guard import LOOPBACK, LocalGuard
from api.openapi import DESCRIPTION, document
from api.problems import answer_error, invalid_fields, problem_response
from api.services import Services
from callcue.core.errors import BadInput, CallCueError, NotFound

OPEN_PATHS = frozenset(
    {
        "/healthz",
        "/readyz",
        "/",
        "/desk.js",
        "/desk_flow.js",
        "/desk_facts.js",
        "/desk_summary.js",
        "/desk_feelings.js",
        "/desk_record.js",
        "/desk.css",
        "/desk.svg",
        "/openapi.json",
    }
    | {"/v1/schemas/audio-socket.json", "/v1/schemas/desktop-socket.json"}
)
"""What needs no token: nothing there says anything about a call, a card or a person."""


def create_app(services: Services) -> FastAPI:
    """The edge over ``services``. No page of it loads anything from elsewhere."""
    app = FastAPI(
        title="CallCue",
        version=_version(),
        summary="Live assistance for the people who answer customers' calls",
        description=DESCRIPTION,
        docs_url=None,  # these pages load their scripts from a CDN
        redoc_url=None,
        redirect_slashes=False,
        # FastAPI's own telemetry can export request data as environment variables say; metrics are ours.
        telemetry={"auto_configure": False, "tracing": False, "metrics": False, "logs": False},
    )
    app.state.services = services
    app.state.card_texts = CardTexts(services.knowledge.store)
    parts = (
        calls,
        orders,
        records,
        flows,
        summaries,
        sentiment,
        editing,  # before cards: /cards/check is no card
        cards,
        learning,
        tags,
        health,
        schemas,
        audio_socket,
        desktop_socket,
    )
    for part in parts:
        app.include_router(part.router)
    app.openapi = document(app, OPEN_PATHS)  # type: ignore[method-assign]
    app.add_exception_handler(CallCueError, answer_error)
    app.add_exception_handler(RequestValidationError, _answer_validation)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_middleware(FaultBarrier)
    app.add_middleware(SecurityHeaders)
    if services.auth.open:
        app.add_middleware(LocalGuard, hosts=LOOPBACK | {services.settings.server.host})
    return app


class SecurityHeaders:
    """ASGI middleware: headers that keep browsers from guessing types, framing and telling others where they were."""

    HEADERS = (
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"cross-origin-resource-policy", b"same-origin"),
        (b"x-frame-options", b"DENY"),
    )

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, adding the headers to the answer."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *self.HEADERS]
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


def _version() -> str:
    try:
        return version("callcue")
    except PackageNotFoundError:
        return "0"


class _NoSuchMethod(BadInput):
    code = "method_not_allowed"


async def _answer_validation(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type only
    return problem_response(invalid_fields(error.errors(), "request"))


async def _answer_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type only
    if error.status_code == 404:
        return problem_response(NotFound("there is nothing at this address; /openapi.json lists what there is"))
    if error.status_code == 405:
        response = problem_response(_NoSuchMethod(f"this address does not take {request.method[:16]}"))
        response.headers.update(error.headers or {})
        return response
    return problem_response(BadInput("the request cannot be read"))
