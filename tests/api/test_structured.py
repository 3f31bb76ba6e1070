"""The form of an answer, in three dialects; one of them at a time, on both routes."""

import itertools
from typing import Any

import pytest

from pippin.core.constraint import (
    MAX_CONSTRAINT_CHARS,
    MAX_SCHEMA_DEPTH,
    Choice,
    Constraint,
    Grammar,
    JSONSchema,
    Regex,
)
from pippin.errors import InvalidRequest, UnsupportedParameter
from tests.api import test_chat as chat
from tests.api import test_completions as completions
from tests.api.test_tools import TIME, deep, through_the_wire

SCHEMA = {"type": "object", "properties": {"é": {"type": "integer"}, "a": {"maximum": 2.5}}}
TEXT = '{"type":"object","properties":{"é":{"type":"integer"},"a":{"maximum":2.5}}}'
ANY = '{"type":"object"}'


def named(schema: Any, **more: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, **more}}


FORMAT_PARAM = "response_format.json_schema.schema"
FORMS: list[tuple[dict[str, Any], Constraint]] = [
    ({"response_format": {"type": "json_object"}}, JSONSchema(closed=True, schema=ANY)),
    (
        {"response_format": named(SCHEMA, strict=True, description="d")},
        JSONSchema(closed=True, schema=TEXT, param=FORMAT_PARAM),
    ),
    ({"response_format": named(None)}, JSONSchema(closed=True, schema=ANY, param=FORMAT_PARAM)),
    ({"guided_json": SCHEMA}, JSONSchema(closed=True, schema=TEXT, param="guided_json")),
    ({"guided_json": TEXT}, JSONSchema(closed=True, schema=TEXT, param="guided_json")),
    ({"guided_json": {}}, JSONSchema(closed=True, schema="{}", param="guided_json")),
    ({"guided_choice": ["a", "b c"]}, Choice(options=("a", "b c"))),
    ({"guided_regex": "[a-z]+"}, Regex(pattern="[a-z]+")),
    ({"guided_grammar": 'start: "x"'}, Grammar(text='start: "x"')),
    (
        {"structured_outputs": {"json": SCHEMA}},
        JSONSchema(closed=True, schema=TEXT, param="structured_outputs.json"),
    ),
    (
        {"structured_outputs": {"json": TEXT, "regex": None, "json_object": False}},
        JSONSchema(closed=True, schema=TEXT, param="structured_outputs.json"),
    ),
    (
        {"structured_outputs": {"json_object": True}},
        JSONSchema(closed=True, schema=ANY, param="structured_outputs.json_object"),
    ),
    (
        {"structured_outputs": {"regex": "a"}},
        Regex(pattern="a", param="structured_outputs.regex"),
    ),
    (
        {"structured_outputs": {"choice": ["a"]}},
        Choice(options=("a",), param="structured_outputs.choice"),
    ),
    (
        {"structured_outputs": {"grammar": "root ::= 'a'"}},
        Grammar(text="root ::= 'a'", param="structured_outputs.grammar"),
    ),
]


def on_both(**fields: Any) -> Constraint | None:
    """What both routes make of these fields."""
    (said,) = completions.asked(prompt="x", **fields)
    request = chat.one(**fields)
    assert through_the_wire(request) == request
    assert said.constraint == request.constraint
    return request.constraint


def refused_on_both(**fields: Any) -> InvalidRequest:
    error = completions.refused(prompt="x", **fields)
    assert chat.refused(**fields).message == error.message
    assert len(error.message) < 300
    return error


@pytest.mark.parametrize(("fields", "meant"), FORMS)
def test_every_form(fields: dict[str, Any], meant: Constraint) -> None:
    assert on_both(**fields) == meant


@pytest.mark.parametrize(
    "fields", [{}, {"response_format": {"type": "text"}}, {"response_format": None}]
)
def test_any_text(fields: dict[str, Any]) -> None:
    assert on_both(**fields) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (one, other)
        for (one, _), (other, _) in itertools.combinations(FORMS, 2)
        if one.keys() != other.keys()
    ],
)
def test_two_forms_are_refused_and_both_named(one: dict[str, Any], other: dict[str, Any]) -> None:
    error = refused_on_both(**one, **other)
    assert "give one" in error.message
    for name in (*one, *other):
        assert name in error.message
    assert error.param is not None
    assert error.param.split(".")[0] in {*one, *other}


def test_two_forms_in_one_field() -> None:
    error = refused_on_both(structured_outputs={"regex": "a", "choice": ["b"]})
    assert "structured_outputs.regex and structured_outputs.choice" in error.message


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"response_format": "json"}, "response_format"),
        ({"response_format": {}}, "response_format"),
        ({"response_format": {"type": "structural_tag"}}, "response_format"),
        ({"response_format": {"type": ["text"]}}, "response_format"),
        ({"response_format": {"type": "json_object", "schema": {}}}, "response_format.schema"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}},
            "response_format.json_schema.name",
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a b"}}},
            "response_format.json_schema.name",
        ),
        ({"response_format": named([])}, FORMAT_PARAM),
        ({"response_format": named("{}")}, FORMAT_PARAM),
        ({"response_format": named(deep(MAX_SCHEMA_DEPTH + 1))}, FORMAT_PARAM),
        ({"response_format": named({"enum": ["x"] * MAX_CONSTRAINT_CHARS})}, FORMAT_PARAM),
        ({"guided_json": 5}, "guided_json"),
        ({"guided_json": ""}, "guided_json"),
        ({"guided_json": "[]"}, "guided_json"),
        ({"guided_json": "{"}, "guided_json"),
        ({"guided_json": '{"a": 1, "a": 1}'}, "guided_json"),
        ({"guided_json": '{"a": NaN}'}, "guided_json"),
        ({"guided_json": '{"a": "\\ud800"}'}, "guided_json"),
        ({"guided_json": '{"a": ' * 9_000}, "guided_json"),
        ({"guided_json": '{"a": ' + "9" * 5_000 + "}"}, "guided_json"),
        ({"guided_json": " " * MAX_CONSTRAINT_CHARS}, "guided_json"),
        ({"guided_json": {"maximum": 10**30}}, "guided_json"),
        ({"guided_choice": []}, "guided_choice"),
        ({"guided_choice": "a"}, "guided_choice"),
        ({"guided_choice": [""]}, "guided_choice[0]"),
        ({"guided_choice": ["a", 1]}, "guided_choice[1]"),
        ({"guided_choice": ["x" * 30] * 9_999}, "guided_choice"),
        ({"guided_regex": ""}, "guided_regex"),
        ({"guided_regex": "a" * (MAX_CONSTRAINT_CHARS + 1)}, "guided_regex"),
        ({"guided_grammar": 5}, "guided_grammar"),
        ({"guided_grammar": "a" * (MAX_CONSTRAINT_CHARS + 1)}, "guided_grammar"),
        ({"structured_outputs": {}}, "structured_outputs"),
        ({"structured_outputs": {"json_object": False}}, "structured_outputs"),
        ({"structured_outputs": {"whitespace_pattern": " "}}, "structured_outputs"),
        ({"structured_outputs": {"json": []}}, "structured_outputs.json"),
        ({"structured_outputs": {"choices": ["a"]}}, "structured_outputs.choices"),
        ({"guided_whitespace_pattern": " "}, "guided_whitespace_pattern"),
        (
            {"guided_whitespace_pattern": " ", "guided_regex": "a"},
            "guided_whitespace_pattern",
        ),
        (
            {"guided_whitespace_pattern": " ", "response_format": {"type": "text"}},
            "guided_whitespace_pattern",
        ),
        (
            {"structured_outputs": {"regex": "a", "whitespace_pattern": " "}},
            "structured_outputs.whitespace_pattern",
        ),
        (
            {"guided_whitespace_pattern": "x" * 257, "guided_json": {}},
            "guided_whitespace_pattern",
        ),
        (
            {
                "guided_whitespace_pattern": " ",
                "structured_outputs": {"json": {}, "whitespace_pattern": " "},
            },
            "structured_outputs.whitespace_pattern",
        ),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], param: str) -> None:
    assert refused_on_both(**fields).param == param


@pytest.mark.parametrize(
    "name", ["structural_tag", "disable_any_whitespace", "disable_additional_properties"]
)
def test_what_structured_outputs_does_not_offer(name: str) -> None:
    error = refused_on_both(structured_outputs={"json": {}, name: True})
    assert isinstance(error, UnsupportedParameter)
    assert error.param == f"structured_outputs.{name}"


@pytest.mark.parametrize(
    "fields",
    [
        {"guided_json": {}, "guided_whitespace_pattern": "[ ]?"},
        {"response_format": {"type": "json_object"}, "guided_whitespace_pattern": "[ ]?"},
        {"structured_outputs": {"json": {}, "whitespace_pattern": "[ ]?"}},
    ],
)
def test_whitespace(fields: dict[str, Any]) -> None:
    constraint = on_both(**fields)
    assert isinstance(constraint, JSONSchema)
    assert constraint.whitespace == "[ ]?"


@pytest.mark.parametrize("choice", ["auto", "required", None])
def test_a_form_and_tools_that_may_be_called(choice: str | None) -> None:
    request = chat.one(tools=[TIME], tool_choice=choice, guided_regex="a")
    assert request.constraint == Regex(pattern="a")
    assert request.tool_use is not None


def test_a_form_and_tools_that_may_not_be_called() -> None:
    request = chat.one(tools=[TIME], tool_choice="none", guided_regex="a")
    assert (request.constraint, request.tool_use) == (Regex(pattern="a"), None)
