"""Events to JSON and back: the one place that knows how an event looks outside this process.

The form is the dataclass, field by field, with ``type`` as the discriminator. Decoding is strict: an unknown type, an
unknown or missing field and a value of the wrong type are refused; nothing is coerced except a JSON list to a tuple.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from callcue.core.errors import BadInput
from callcue.core.events import AnyEvent, Event

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True, hide_input_in_errors=True)
"""How dataclasses of the core are read from JSON, here and in the stores. Errors do not quote what was said."""


@cache
def _adapter() -> TypeAdapter[AnyEvent]:
    return TypeAdapter(Annotated[AnyEvent, Field(discriminator="type")], config=STRICT)


def encode(event: AnyEvent) -> dict[str, Any]:
    """The event as a JSON-ready dictionary that ``decode`` will accept.

    Raises BadInput for an event that could not be read back: NaN, half a surrogate pair, a value of the wrong type.
    """
    body = _encode(event)
    decode(body)
    return body


def decode(body: Mapping[str, object]) -> AnyEvent:
    """The event that ``body`` describes. Raises BadInput that names the field."""
    return _decode(dump_json(body))


def dump_json(value: object) -> str:
    """Compact JSON with readable Chinese. Raises BadInput where JSON has no form for the value."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)
    except (TypeError, ValueError) as error:
        raise BadInput(f"not expressible in JSON: {error}") from error


def event_schema() -> dict[str, Any]:
    """JSON Schema of every event as it is written and sent, with the units from the docstrings."""
    schema = _adapter().json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "CallCue event", **schema}


def explain(error: ValidationError) -> str:
    """What is wrong and where, without repeating the values: they may be transcript text or a caller's number."""
    problems = [
        f"{'.'.join(str(part) for part in item['loc']) or 'event'}: {item['msg'][:200]}"
        for item in error.errors(include_input=False, include_url=False, include_context=False)
    ]
    shown = "; ".join(problems[:5])
    return shown if len(problems) <= 5 else f"{shown}; and {len(problems) - 5} more"


def _encode(event: AnyEvent) -> dict[str, Any]:
    if not isinstance(event, Event):
        raise BadInput(f"{type(event).__name__} is not an event that may leave the process")
    try:
        body: dict[str, Any] = _adapter().dump_python(event, mode="json", warnings="error")
    except PydanticSerializationError as error:
        raise BadInput(
            f"this {type(event).__name__} cannot be written: a field has a value of the wrong type"
        ) from error
    return body


def _decode(text: str) -> AnyEvent:
    try:
        return _adapter().validate_json(text.encode(), strict=True)
    except UnicodeEncodeError as error:
        raise BadInput("this event holds text that is not valid Unicode (half a surrogate pair)") from error
    except ValidationError as error:
        raise BadInput(f"not an event: {explain(error)}") from error


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
