"""Reading what clients send: bounded, strict JSON into models, and nothing coerced."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from email.message import Message
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, TypeAdapter, ValidationError

from api.problems import FieldProblem, InvalidFields, TooLarge, WrongContentType, invalid_fields
from callcue.core.errors import BadInput

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

DISCARD_BYTES = 4_000_000
DISCARD_S = 2.0
"""How much of a body that is too large is read and thrown away, and for how long, before the answer."""


def parse_json(adapter: TypeAdapter[T], data: str | bytes, where: str) -> T:
    """``data`` as the adapter's type. Raises InvalidFields, also for JSON that is broken, too deep or not UTF-8."""
    try:
        return adapter.validate_json(data, strict=True)
    except ValidationError as error:
        raise invalid_fields(error.errors(include_input=False, include_url=False), where) from None
    except UnicodeEncodeError:
        raise BadInput(f"{where}: half a surrogate pair is not text") from None


def parse_free_json(data: bytes, where: str) -> Any:
    """``data`` as plain JSON values, for readers with checks of their own. NaN and Infinity are refused."""
    try:
        return json.loads(data.decode("utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise BadInput(f"{where} is not valid UTF-8") from None
    except json.JSONDecodeError as error:
        reason = f"{error.msg} at position {error.pos}"
        raise InvalidFields([FieldProblem(where, f"not valid JSON: {reason}")]) from None
    except (ValueError, RecursionError):
        reason = "a number too long or a nesting too deep"
        raise InvalidFields([FieldProblem(where, f"not valid JSON: {reason}")]) from None


def _no_constant(_name: str) -> Any:
    raise BadInput("NaN and Infinity are not JSON")


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body, never holding more than ``limit`` bytes; raises TooLarge, also for bodies sent in chunks."""
    error = TooLarge(f"the body is larger than {limit} bytes")
    declared = request.headers.get("content-length", "")
    stream = request.stream()
    if declared.isdecimal() and int(declared[:20]) > limit:
        await _discard(stream)
        raise error
    parts: list[bytes] = []
    size = 0
    async for part in stream:
        size += len(part)
        if size > limit:
            await _discard(stream)
            raise error
        parts.append(part)
    return b"".join(parts)


async def _discard(stream: AsyncIterator[bytes]) -> None:
    """Read on for a little: a sender that is cut off in the middle never sees why."""
    left = DISCARD_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DISCARD_S):
            async for part in stream:
                left -= len(part)
                if left <= 0:
                    return


def content_type(request: Request) -> str:
    """The media type without its parameters, in lower case; empty when none was sent."""
    message = Message()
    message["content-type"] = request.headers.get("content-type", "")
    return message.get_content_type() if request.headers.get("content-type") else ""


def demand_json(request: Request, *also: str) -> None:
    """Raise WrongContentType for anything but JSON: a web page of another origin cannot send JSON unasked."""
    if content_type(request) not in ("application/json", *also):
        raise WrongContentType("send the body as application/json")


def json_body(model: type[M], *also: str) -> Callable[[Request], Awaitable[M]]:
    """A dependency that reads a body as ``model``. Comes after the permission check: strangers' bodies stay unread."""
    adapter = TypeAdapter(model)

    async def read(request: Request) -> M:
        demand_json(request, *also)
        limit: int = request.app.state.services.settings.server.max_frame_bytes
        return parse_json(adapter, await read_body(request, limit), "body")

    return read
