"""JSON schemas as clients write them, bounded before anything is done with them.

Tools, ``response_format`` and ``guided_json`` all come through here. What a schema's keywords mean
is for the worker, which compiles it.
"""

import json
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from pippin.api.strict_json import parse_object
from pippin.core.constraint import MAX_CONSTRAINT_CHARS, MAX_SCHEMA_DEPTH
from pippin.errors import BodyNotJSON

MAX_INTEGER, MIN_INTEGER = 2**64 - 1, -(2**63)
"""What crosses to a worker as an integer."""


def _parts(value: object) -> Iterator[tuple[object, int]]:
    """Every value and every name inside, with how many objects and lists are around it."""
    pending = [(value, 0)]
    while pending:
        item, depth = pending.pop()
        yield item, depth
        if isinstance(item, dict):
            for name, inner in item.items():
                yield name, depth
                pending.append((inner, depth + 1))
        elif isinstance(item, list):
            pending += [(inner, depth + 1) for inner in item]


def check_size(value: Any) -> Any:
    """Raises pydantic's error where it has too many characters, about as JSON counts them."""
    size = 0
    for part, _ in _parts(value):
        size += len(part) + 2 if isinstance(part, str) else 2
        if size > MAX_CONSTRAINT_CHARS:
            raise PydanticCustomError(
                "pippin_too_long", f"must have at most {MAX_CONSTRAINT_CHARS} characters in all."
            )
    return value


def check_schema(value: Any) -> Any:
    """Raises pydantic's error for a schema that is too large, too deep, or has huge integers."""
    check_size(value)
    for part, depth in _parts(value):
        if isinstance(part, dict | list) and depth >= MAX_SCHEMA_DEPTH:
            raise PydanticCustomError(
                "pippin_schema", f"must have at most {MAX_SCHEMA_DEPTH} objects and lists nested."
            )
        if isinstance(part, int) and not MIN_INTEGER <= part <= MAX_INTEGER:
            raise PydanticCustomError("pippin_schema", "must have integers of 64 bits at most.")
    return value


def _parsed(value: Any) -> Any:
    """JSON text → the object that it is."""
    if not isinstance(value, str):
        return value
    check_size(value)
    try:
        return parse_object(value.encode())
    except BodyNotJSON as error:
        why = error.message.replace("The body", "the text")
        raise PydanticCustomError(
            "pippin_schema", "must be a JSON schema: {why}", {"why": why}
        ) from None


def of_an_object(value: dict[str, Any]) -> dict[str, Any]:
    """Raises pydantic's error for a schema of anything else."""
    if value.get("type", "object") != "object":
        raise PydanticCustomError("pippin_schema", "must be the JSON schema of an object.")
    return value


Schema = Annotated[dict[str, Any], BeforeValidator(check_schema)]
SchemaOrText = Annotated[
    dict[str, Any],
    BeforeValidator(check_schema),
    BeforeValidator(_parsed, json_schema_input_type=dict[str, Any] | str),
]


def as_text(schema: dict[str, Any]) -> str:
    """A schema as JSON text, its names in the client's order."""
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
