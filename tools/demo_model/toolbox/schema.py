"""The shape of a made-up tool and of a request for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any


@dataclass(frozen=True)
class Request:
    """What a user asks, the arguments of each call that it needs, and what the tool returns."""

    text: str
    arguments: tuple[dict[str, Any], ...]
    results: tuple[str, ...]
    answer: str


@dataclass(frozen=True)
class Tool:
    """A function on offer, and a source of requests for it."""

    kind: str
    function: dict[str, Any]
    ask: Callable[[Random, int], Request]
    triggers: tuple[str, ...]
    most_calls: int = 3

    @property
    def name(self) -> str:
        """The name of the function."""
        return str(self.function["name"])

    @property
    def calculates(self) -> bool:
        """Whether the tool does sums, so that the model should not."""
        return self.kind.startswith("calculate")

    def could_answer(self, text: str) -> bool:
        """Tell whether a text looks like a request for this tool."""
        lowered = text.lower()
        return any(trigger in lowered for trigger in self.triggers)


def describe(rng: Random, *options: str) -> str:
    """Return one of the descriptions, or none."""
    return rng.choice(options) if rng.random() < 0.7 else ""


def parameter(type_name: str, description: str = "", **more: Any) -> dict[str, Any]:
    """Return the schema of one parameter."""
    schema: dict[str, Any] = {"type": type_name}
    if description:
        schema["description"] = description
    return schema | more


def function(
    rng: Random,
    name: str,
    description: str,
    parameters: dict[str, dict[str, Any]],
    required: list[str] | None = None,
) -> dict[str, Any]:
    """Return the schema of a function, in one of the styles that clients send."""
    needed = list(parameters) if required is None else required
    style = rng.random()
    if style < 0.15:
        parameters = {
            key: schema | {"title": key.replace("_", " ").title()}
            for key, schema in parameters.items()
        }
        shape: dict[str, Any] = {"properties": parameters, "required": needed, "type": "object"}
    else:
        shape = {"type": "object", "properties": parameters}
        if needed or style < 0.5:
            shape["required"] = needed
        if style > 0.85:
            shape["additionalProperties"] = False
    whole: dict[str, Any] = {"name": name}
    if description:
        whole["description"] = description
    whole["parameters"] = shape
    if style > 0.93:
        whole["strict"] = True
    return whole


def as_json(value: Any) -> str:
    """Return compact but readable JSON, as chat templates print it."""
    return json.dumps(value, ensure_ascii=False)


def listed(items: list[str]) -> str:
    """Join items as a sentence does: ``a``, ``a and b``, ``a, b and c``."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def distinct(rng: Random, draw: Callable[[Random], Any], how_many: int) -> list[Any]:
    """Draw values until enough of them differ."""
    values: list[Any] = []
    while len(values) < how_many:
        value = draw(rng)
        if value not in values:
            values.append(value)
    return values
