"""What all bodies of the REST interface have in common, by the way they go."""

from pydantic import BaseModel, ConfigDict


class In(BaseModel):
    """From a client; unknown fields are refused by name."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


class Out(BaseModel):
    """To a client; made from the dataclass with the same fields, too."""

    model_config = ConfigDict(
        frozen=True,
        from_attributes=True,
        use_attribute_docstrings=True,
        json_schema_serialization_defaults_required=True,
    )
