"""Faults inside the service: told to the log by kind and place, to the client not at all.

The message of an unforeseen exception may repeat what a caller said or a number, so it stays out of the log.
"""

import traceback

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem_response
from callcue.core.errors import CallCueError

FRAMES = 12

_log = structlog.get_logger(__name__)


def log_fault(event: str, error: BaseException, **context: str) -> None:
    """One log line: the kind of the exception, of its cause, and the innermost places in the code."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    places = [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in frames]
    cause = error.__cause__ or error.__context__
    _log.error(
        event, kind=type(error).__name__, cause=type(cause).__name__ if cause else None, places=places, **context
    )


class FaultBarrier:
    """ASGI middleware: what no handler expected becomes a 500 without details."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; answer for an exception when nothing was answered yet."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answered = False

        async def watched(message: Message) -> None:
            nonlocal answered
            answered = answered or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:  # noqa: BLE001 - boundary: one request's fault is that request's only
            log_fault("request.failed", error)
            if not answered:
                await problem_response(CallCueError("a fault inside the service"))(scope, receive, send)
