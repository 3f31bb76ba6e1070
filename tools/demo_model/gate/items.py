"""How an item of the gate is written down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Item = dict[str, Any]
Messages = list[dict[str, Any]]


def asked(text: str, system: str | None = None) -> Messages:
    """Return the messages of a single question."""
    opening = [] if system is None else [{"role": "system", "content": system}]
    return [*opening, {"role": "user", "content": text}]


def dialogue(*texts: str) -> Messages:
    """Return messages of the user and the assistant in turn, the user first."""
    roles = ("user", "assistant")
    return [{"role": roles[i % 2], "content": text} for i, text in enumerate(texts)]


def says(group: str, messages: Messages, content: str, **more: Any) -> Item:
    """Return an item whose answer is known word for word."""
    return {"group": group, "messages": messages, **more, "expect": {"content": content}}


def matches(group: str, messages: Messages, pattern: str, **more: Any) -> Item:
    """Return an item whose answer contains a pattern."""
    return {"group": group, "messages": messages, **more, "expect": {"content_regex": pattern}}


def calls(
    group: str, messages: Messages, tools: Sequence[Item], *expected: tuple[str, dict[str, Any]]
) -> Item:
    """Return an item that must lead to exactly these calls, in this order."""
    named = [{"name": name, "arguments": arguments} for name, arguments in expected]
    return {"group": group, "messages": messages, "tools": [*tools], "expect": {"calls": named}}


def tool(name: str, description: str, properties: dict[str, Any], *required: str) -> Item:
    """Return a tool as a chat completion request has it."""
    parameters = {"type": "object", "properties": properties, "required": list(required)}
    function = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": function}


def text(description: str, *choices: str) -> Item:
    """Return the schema of a string, of an enum where there are choices."""
    schema: Item = {"type": "string", "description": description}
    return schema | {"enum": list(choices)} if choices else schema


def integer(description: str) -> Item:
    """Return the schema of an integer."""
    return {"type": "integer", "description": description}


def decimal(description: str) -> Item:
    """Return the schema of a number."""
    return {"type": "number", "description": description}


def truth(description: str) -> Item:
    """Return the schema of a boolean."""
    return {"type": "boolean", "description": description}
