"""How errors look to clients: problem+json (RFC 9457) over HTTP, an error frame and a close code over a socket.

The code of an error is stable and is for programs; the detail is for people. What a client sent is never repeated to
it, and what went wrong inside is not described to it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import JSONResponse
from pydantic_core import ErrorDetails

from api.editing_wire import CurrentCardView
from callcue.core.errors import BadInput, CallCueError, Conflict, StaleCard

MEDIA_TYPE = "application/problem+json"
MAX_NAMED_FIELDS = 20

WS_NORMAL = 1000
WS_GOING_AWAY = 1001
WS_TOO_BIG = 1009
WS_INTERNAL = 1011
WS_TRY_LATER = 1013
"""RFC 6455 and the IANA registry of close codes; 4xxx codes are ours: 4000 + the HTTP status of the same error."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How one error code is shown."""

    status: int
    close: int
    title: str
    headers: Mapping[str, str] | None = None
    says_why: bool = True
    """False: the message may describe the inside of the service and is replaced by the title."""


_RETRY = {"Retry-After": "5"}
_BEARER = {"WWW-Authenticate": 'Bearer realm="callcue"'}

KINDS: Mapping[str, Kind] = {
    "bad_input": Kind(400, 4400, "The request is not valid"),
    "bad_audio": Kind(400, 4400, "The audio cannot be used"),
    "bad_card": Kind(400, 4400, "The card breaks the import format"),
    "not_authenticated": Kind(401, 4401, "A valid token is needed", _BEARER),
    "not_allowed": Kind(403, 4403, "The role does not allow this"),
    "not_found": Kind(404, 4404, "There is no such thing"),
    "method_not_allowed": Kind(405, 4400, "This address does not take this method"),
    "conflict": Kind(409, 4409, "The state does not allow this"),
    "stale_version": Kind(412, 4409, "It was changed by somebody else"),
    "version_needed": Kind(428, 4409, "Say which version the edit was made from"),
    "too_large": Kind(413, WS_TOO_BIG, "Too large", {"Connection": "close"}),
    "wrong_content_type": Kind(415, 4400, "This content type is not taken here"),
    "foreign_origin": Kind(403, 4403, "Web pages of other origins may not use this server"),
    "too_slow": Kind(408, 4408, "Nothing arrived in time"),
    "overloaded": Kind(503, WS_TRY_LATER, "No capacity at the moment", _RETRY),
    "orders_unavailable": Kind(503, WS_INTERNAL, "The order service cannot be asked; try again", _RETRY),
    "storage_failed": Kind(503, WS_INTERNAL, "The database cannot be reached; try again", _RETRY, says_why=False),
    "engine_failed": Kind(500, WS_INTERNAL, "Recognition failed", says_why=False),
    "internal": Kind(500, WS_INTERNAL, "Something went wrong inside; the log has the details", says_why=False),
}


class TooLarge(BadInput):
    """A body or a frame above its limit."""

    code = "too_large"


class TooSlow(BadInput):
    """A frame that did not arrive in time."""

    code = "too_slow"


class WrongContentType(BadInput):
    """A body of another type than the route takes."""

    code = "wrong_content_type"


class StaleVersion(Conflict):
    """An edit based on a version that is no longer the newest."""

    code = "stale_version"


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One field and what is wrong with it."""

    field: str
    message: str


class InvalidFields(BadInput):
    """Input that breaks its schema; names each field, repeats no value."""

    def __init__(self, problems: Iterable[FieldProblem]) -> None:
        self.problems = tuple(problems)
        shown = "; ".join(f"{problem.field}: {problem.message}" for problem in self.problems[:5])
        more = len(self.problems) - 5
        super().__init__(shown if more <= 0 else f"{shown}; and {more} more")


def invalid_fields(errors: Iterable[ErrorDetails], where: str = "body") -> InvalidFields:
    """Pydantic's findings as a problem."""
    found: list[FieldProblem] = []
    for error in errors:
        if len(found) == MAX_NAMED_FIELDS:
            break
        name = ".".join(_name(part) for part in error["loc"]) or where
        found.append(FieldProblem(name, _message(error)))
    return InvalidFields(found)


def _name(part: object) -> str:
    # Unknown fields are named by the sender: keep the name short and free of control characters.
    return re.sub(r"[^\w.:@ -]", "?", str(part))[:64]


def _message(error: ErrorDetails) -> str:
    if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        context = error.get("ctx", {})
        return f"event must be one of {context['expected_tags']}" if "expected_tags" in context else "event is missing"
    if error["type"] == "extra_forbidden":
        return "unknown field"
    return error["msg"]


def kind_of(error: CallCueError) -> Kind:
    """How the error is shown; codes without an entry are internal."""
    return KINDS.get(error.code, KINDS["internal"])


def public_code(error: CallCueError) -> str:
    """The code that a client may see."""
    return error.code if error.code in KINDS else "internal"


def public_message(error: CallCueError) -> str:
    """The message that a client may see."""
    kind = kind_of(error)
    return error.message if kind.says_why else kind.title


def problem_body(error: CallCueError) -> dict[str, object]:
    """The members of the problem document."""
    kind = kind_of(error)
    code = public_code(error)
    body: dict[str, object] = {
        "type": f"urn:callcue:problem:{code}",
        "title": kind.title,
        "status": kind.status,
        "code": code,
        "detail": public_message(error),
    }
    if isinstance(error, StaleCard):
        body["current"] = CurrentCardView.model_validate(error.current).model_dump(mode="json")
    if isinstance(error, InvalidFields):
        body["errors"] = [{"field": problem.field, "message": problem.message} for problem in error.problems]
    return body


def problem_response(error: CallCueError) -> JSONResponse:
    """The HTTP answer to an error."""
    kind = kind_of(error)
    return JSONResponse(
        problem_body(error),
        status_code=kind.status,
        media_type=MEDIA_TYPE,
        headers=dict(kind.headers) if kind.headers else None,
    )


async def answer_error(_request: Request, error: Exception) -> JSONResponse:
    """Exception handler for the tree of CallCueError."""
    assert isinstance(error, CallCueError)  # noqa: S101 - registered for this type only
    return problem_response(error)
