"""What may stand under each keyword, and which keywords are known."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from pippin.engine.constraints.schemas.document import Position, pointer
from pippin.engine.constraints.schemas.refusal import NotEnforced, SchemaRefused

TYPES = ("null", "boolean", "number", "integer", "string", "array", "object")

_REFUSED = {
    "$recursiveRef": "use $ref",
    "contains": "describe all items with items or prefixItems",
    "unevaluatedItems": "use items with prefixItems",
    "unevaluatedProperties": "use additionalProperties",
}


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_schemas(value: Any) -> bool:
    return isinstance(value, list) and bool(value)


def _is_map(value: Any) -> bool:
    return isinstance(value, dict)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_types(value: Any) -> bool:
    names = value if isinstance(value, list) and value else [value]
    return all(isinstance(name, str) and name in TYPES for name in names)


_SHAPES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "type": (_is_types, f"one or a list of {', '.join(TYPES)}"),
    "enum": (lambda value: isinstance(value, list), "a list"),
    "required": (_is_names, "a list of names"),
    "pattern": (_is_text, "a text"),
    "format": (_is_text, "a text"),
    "uniqueItems": (_is_flag, "true or false"),
    "multipleOf": (lambda value: _is_number(value) and value > 0, "a number greater than 0"),
}
_SHAPES |= dict.fromkeys(
    (
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "minProperties",
        "maxProperties",
        "minContains",
        "maxContains",
    ),
    (_is_count, "a whole number, 0 or more"),
)
_SHAPES |= dict.fromkeys(("minimum", "maximum"), (_is_number, "a number"))
_SHAPES |= dict.fromkeys(("allOf", "anyOf", "oneOf"), (_is_schemas, "a list of schemas"))
_SHAPES |= dict.fromkeys(
    (
        "properties",
        "patternProperties",
        "dependentSchemas",
        "dependentRequired",
        "dependencies",
        "$defs",
        "definitions",
    ),
    (_is_map, "an object"),
)


def check(position: Position, draft: int) -> None:
    """Raises ``SchemaRefused``: a keyword has a value that it cannot have, or is refused."""
    node = position.node
    for keyword, value in node.items():
        shape = _SHAPES.get(keyword)
        if keyword in ("exclusiveMinimum", "exclusiveMaximum"):
            shape = (_is_flag, "true or false") if draft == 4 else (_is_number, "a number")
        if shape and not shape[0](value):
            raise SchemaRefused(f"it has to be {shape[1]}", pointer((*position.path, keyword)))
        if keyword in _REFUSED and not _is_empty(keyword, value):
            raise NotEnforced(
                f"the keyword {keyword} cannot be enforced; {_REFUSED[keyword]}",
                pointer((*position.path, keyword)),
            )


def _is_empty(keyword: str, value: Any) -> bool:
    """Whether the keyword is there and says nothing."""
    return keyword.startswith("unevaluated") and value in (True, {})
