"""Rows 41 to 43: forms that are wrong are refused by name, before anything is generated."""

import json
from typing import Any

import httpx
import pytest

from tests.hostile.asking import as_tool, refused

BAD_SCHEMAS: dict[str, Any] = {
    "unknown type": {"type": "strin"},
    "type is a number": {"type": 5},
    "type is an object": {"properties": {"a": {"type": {"x": 1}}}},
    "properties is a list": {"type": "object", "properties": []},
    "property is a number": {"properties": {"a": 7}},
    "required is a text": {"type": "object", "required": "a"},
    "required of numbers": {"type": "object", "required": [1]},
    "enum is empty": {"type": "object", "properties": {"a": {"enum": []}}, "required": ["a"]},
    "enum is a text": {"properties": {"a": {"enum": "ab"}}},
    "minLength is a text": {"properties": {"a": {"type": "string", "minLength": "2"}}},
    "maxItems is negative": {"properties": {"a": {"type": "array", "maxItems": -1}}},
    "pattern is broken": {"properties": {"a": {"type": "string", "pattern": "(a"}}},
    "pattern is a number": {"properties": {"a": {"type": "string", "pattern": 5}}},
    "pattern looks ahead": {"properties": {"a": {"type": "string", "pattern": "^(?=a)b"}}},
    "pattern backtracks": {"properties": {"a": {"type": "string", "pattern": r"^(a)\1$"}}},
    "anyOf is an object": {"properties": {"a": {"anyOf": {"type": "string"}}}},
    "reference to nowhere": {"properties": {"a": {"$ref": "#/$defs/none"}}},
    "reference to itself": {"$ref": "#"},
    "references in a ring": {
        "$ref": "#/$defs/a",
        "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}},
    },
    "no value fits": {
        "type": "object",
        "properties": {"a": {"type": "integer", "minimum": 5, "maximum": 4}},
        "required": ["a"],
    },
}


@pytest.mark.parametrize("name", BAD_SCHEMAS)
def test_row_41_invalid_schemas(client: httpx.Client, name: str) -> None:
    schema = BAD_SCHEMAS[name]
    refused(client, "guided_json", guided_json=schema)
    refused(client, "guided_json", guided_json=json.dumps(schema))
    refused(client, "structured_outputs", structured_outputs={"json": schema})
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    refused(client, "response_format", response_format=form)


@pytest.mark.parametrize("name", BAD_SCHEMAS)
def test_row_43_the_same_in_tools(client: httpx.Client, name: str) -> None:
    """Whatever of it is used: all tools are checked before anything is generated."""
    good = {"type": "function", "function": {"name": "good", "parameters": {}}}
    tools = [good, as_tool(BAD_SCHEMAS[name])]
    refused(client, "tools", tools=tools)
    refused(client, "tools", tools=tools, tool_choice="required")


@pytest.mark.parametrize(
    "tools",
    [
        [5],
        [None],
        ["f"],
        [{}],
        [{"type": "function"}],
        [{"type": "function", "function": 5}],
        [{"type": "function", "function": {}}],
        [{"type": "function", "function": {"name": 5}}],
        [{"type": "function", "function": {"name": "f" * 100}}],
        [{"type": "function", "function": {"name": 'a", "arguments": {}}'}}],
        [{"type": "retrieval", "function": {"name": "f"}}],
        [as_tool(5)],
        [as_tool("{}")],
        [as_tool([])],
        [as_tool({"type": "array"})],
        [as_tool({"type": ["object"]})],
        {"f": {}},
        "f",
        [as_tool({})] * 1000,
    ],
    ids=lambda tools: str(tools)[:50],
)
def test_row_43_malformed_tools(client: httpx.Client, tools: Any) -> None:
    refused(client, "tools", tools=tools)


BAD_PATTERNS = ["(", ")", "[", "a{2,1}", "*", "(?P<x>a)(?P=x)", "(?=a)", "(?<!a)b", "\\", "[z-a]"]
BAD_PATTERNS += [
    "a{99999999}",
    "\\p{Nonsense}",
    "(?R)",
    "(a)\\1",
    "a++",
    "(?>a)",
    "\ud800"[:0] or "(?",
]


@pytest.mark.parametrize("pattern", BAD_PATTERNS)
def test_row_42_invalid_patterns(client: httpx.Client, pattern: str) -> None:
    refused(client, "guided_regex", guided_regex=pattern)
    refused(client, "structured_outputs", structured_outputs={"regex": pattern})
