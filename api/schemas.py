"""JSON Schema of both sockets, made from the models that read and write their frames. Served without a token."""

from functools import cache
from typing import Any

from fastapi import APIRouter
from pydantic import TypeAdapter

from api.frames import AUDIO_IN, AUDIO_OUT, DESKTOP_IN, DESKTOP_OUT
from callcue.infra.codec import event_schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"

router = APIRouter(prefix="/v1/schemas", tags=["service"])


@router.get("/audio-socket.json")
async def get_audio_schema() -> dict[str, Any]:
    """The text frames of /v1/calls/audio; audio goes in binary frames between them."""
    return audio_schema()


@router.get("/desktop-socket.json")
async def get_desktop_schema() -> dict[str, Any]:
    """The frames of /v1/desktop."""
    return desktop_schema()


@cache
def audio_schema() -> dict[str, Any]:
    """``$defs/Client`` is what a client may send, ``$defs/Server`` what it gets."""
    definitions = _definitions(AUDIO_IN, AUDIO_OUT)
    return _document("CallCue audio socket, text frames", definitions)


@cache
def desktop_schema() -> dict[str, Any]:
    """``$defs/Client`` is what a desktop may send, ``$defs/Server`` what it gets: events and control frames."""
    definitions = _definitions(DESKTOP_IN, DESKTOP_OUT)
    events = dict(event_schema())
    definitions.update(events.pop("$defs", {}))
    push = definitions["CardPush"]
    card = {"type": ["object", "null"], "description": "The card in the import form, at the pushed version."}
    definitions["CardPush"] = push | {"properties": push["properties"] | {"card": card}}
    definitions["Event"] = {name: value for name, value in events.items() if name not in ("$schema", "title")}
    definitions["Server"] = {"anyOf": [{"$ref": "#/$defs/Event"}, definitions["Server"]]}
    return _document("CallCue desktop socket", definitions)


def _definitions(incoming: TypeAdapter[Any], outgoing: TypeAdapter[Any]) -> dict[str, Any]:
    found, shared = TypeAdapter.json_schemas(
        [("Client", "validation", incoming), ("Server", "serialization", outgoing)], ref_template="#/$defs/{model}"
    )
    definitions: dict[str, Any] = dict(shared.get("$defs", {}))
    definitions["Client"] = found["Client", "validation"]
    definitions["Server"] = found["Server", "serialization"]
    return definitions


def _document(title: str, definitions: dict[str, Any]) -> dict[str, Any]:
    sides = [{"$ref": "#/$defs/Client"}, {"$ref": "#/$defs/Server"}]
    return {"$schema": DIALECT, "title": title, "anyOf": sides, "$defs": definitions}
