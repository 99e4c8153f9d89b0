"""The OpenAPI document: bodies, the uniform errors, and the bearer scheme, beside what FastAPI finds out by itself."""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from api.editing_wire import HitTestBody, QuestionBody, RestoreBody, StatusBody, TakenBody
from api.frames import CustomerFields
from api.learning_wire import OutcomeBody, TopicEdit, VerdictBody
from api.problems import KINDS, MEDIA_TYPE
from api.record_wire import RecordEdit, SchemaBody
from api.tags_wire import CustomerBody, EventsBody, HappenedBody, NoteBody, SwitchBody
from api.wire import AckBody, ProblemView, SearchBody
from callcue.core.cards import Card

REFERENCE = "#/components/schemas/{model}"
TAGS = [
    {"name": "calls", "description": "Calls, their events and transcripts"},
    {"name": "records", "description": "Call records: schema, values, versions, completion"},
    {"name": "cards", "description": "Knowledge cards and their search"},
    {"name": "learning", "description": "Open questions, top issues, the cards' ledger and audit"},
    {"name": "tags", "description": "Customer events, tags, shorthand, predictive tags"},
    {"name": "service", "description": "Health, metrics and the schemas of the sockets"},
]
DESCRIPTION = (
    "Live calls come in over the WebSocket /v1/calls/audio and go out to desktops over /v1/desktop; their frames are "
    "described by /v1/schemas/audio-socket.json and /v1/schemas/desktop-socket.json. Errors are problem+json "
    "(RFC 9457) with a stable code; on a socket the close code is 4000 + the status, or one of RFC 6455."
)
_METHODS = ("get", "put", "post", "patch", "delete")


def takes(model: str, *media_types: str) -> dict[str, object]:
    """``openapi_extra`` of a route whose body is read by ``api.body``."""
    schema = {"schema": {"$ref": REFERENCE.format(model=model)}}
    content = dict.fromkeys(("application/json", *media_types), schema)
    return {"requestBody": {"required": True, "content": content}}


def errors_of(*, secured: bool) -> dict[str, object]:
    """The error answers of a route."""
    content = {MEDIA_TYPE: {"schema": {"$ref": REFERENCE.format(model="ProblemView")}}}
    statuses = sorted({kind.status for kind in KINDS.values()} - (set() if secured else {401, 403, 409, 412, 428}))
    titles: dict[int, str] = {}
    for kind in KINDS.values():
        titles.setdefault(kind.status, kind.title)
    return {str(status): {"description": titles[status], "content": content} for status in statuses}


def document(app: FastAPI, open_paths: frozenset[str]) -> Callable[[], dict[str, Any]]:
    """A replacement of ``app.openapi``; ``open_paths`` need no token."""

    def build() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title,
                version=app.version,
                summary=app.summary,
                description=app.description,
                routes=app.routes,
                tags=TAGS,
            )
            _complete(schema, open_paths)
            app.openapi_schema = schema
        return app.openapi_schema

    return build


def _complete(schema: dict[str, Any], open_paths: frozenset[str]) -> None:
    components = schema.setdefault("components", {})
    schemas: dict[str, Any] = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas.update(_bodies())
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    for path, item in schema["paths"].items():
        secured = path not in open_paths
        for method in _METHODS:
            if method in item:
                operation = item[method]
                operation["responses"].pop("422", None)
                operation["responses"].update(errors_of(secured=secured))
                operation["security"] = [{"bearer": []}] if secured else []


def _bodies() -> Mapping[str, Any]:
    from api.flows import StepBody  # which needs this module
    from api.summaries import SummaryBody

    named = (
        AckBody,
        CustomerBody,
        CustomerFields,
        EventsBody,
        HappenedBody,
        HitTestBody,
        NoteBody,
        OutcomeBody,
        ProblemView,
        QuestionBody,
        RecordEdit,
        RestoreBody,
        SchemaBody,
        SearchBody,
        StatusBody,
        StepBody,
        SummaryBody,
        SwitchBody,
        TakenBody,
        TopicEdit,
        VerdictBody,
    )
    models: dict[str, Any] = {model.__name__: model for model in named}
    inputs: list[Any] = [(name, "validation", TypeAdapter(model)) for name, model in (*models.items(), ("Card", Card))]
    found, shared = TypeAdapter.json_schemas(inputs, ref_template=REFERENCE)
    schemas = dict(shared.get("$defs", {}))
    for (name, _mode), schema in found.items():
        schemas.setdefault(str(name), schema)
    schemas["Card"]["properties"].pop("version", None)
    return schemas
