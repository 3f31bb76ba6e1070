"""A schema's text → values, with every number exact."""

import json
from decimal import Decimal
from typing import Any, NoReturn

from pippin.core.constraint import MAX_CONSTRAINT_CHARS, MAX_SCHEMA_DEPTH
from pippin.engine.constraints.schemas.refusal import SchemaRefused


def read(text: str) -> Any:
    """Whole numbers come as ``int``, also 1.0 and 1e3; others as ``Decimal``.

    Raises ``SchemaRefused``: it is no JSON, too long or too deep.
    """
    if len(text) > MAX_CONSTRAINT_CHARS:
        raise SchemaRefused(f"it has more than {MAX_CONSTRAINT_CHARS} characters", "#")
    if _depth(text) > MAX_SCHEMA_DEPTH:
        raise SchemaRefused(f"it is nested more than {MAX_SCHEMA_DEPTH} deep", "#")
    try:
        text.encode()
        value = json.loads(text, parse_float=_number, parse_int=_number, parse_constant=_no_number)
        json.dumps(value, default=str, ensure_ascii=False).encode()
    except (ValueError, ArithmeticError):
        raise SchemaRefused("it is not valid JSON", "#") from None
    return value


def _number(digits: str) -> int | Decimal:
    value = Decimal(digits)
    if not -400 <= value.adjusted() <= 400 or len(digits) > 400:
        raise SchemaRefused(f"the number {digits[:40]} is out of reach", "#")
    return int(value) if value == value.to_integral_value() else value.normalize()


def _no_number(name: str) -> NoReturn:
    raise SchemaRefused(f"{name} is no JSON number", "#")


def _depth(text: str) -> int:
    """How deep brackets stand in one another, those in texts not counted."""
    deepest = depth = 0
    inside = escaped = False
    for char in text:
        if inside:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                inside = False
        elif char == '"':
            inside = True
        elif char in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in "]}":
            depth -= 1
    return deepest
