"""What a text between tags is, by the schema of its parameter."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pippin.core.tools import Tool
from pippin.output.families.values import ValueForm, escaped, kind_of, value_form, value_forms

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
KIND = {str: "string", bool: "boolean", type(None): "null", list: "array", dict: "object"}


def form(schema: Any, **root: Any) -> ValueForm:
    return value_form(schema, {"properties": {"x": schema}, **root})


def converted(schema: Any, text: str, *, enforced: bool = False) -> Any:
    value = form(schema).convert(text, enforced=enforced)
    return "broken" if value is None else [json.loads(value)]


@settings(deadline=None)
@given(VALUES)
def test_each_value_is_read_as_it_is_written(value: Any) -> None:
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        kind = "number" if isinstance(value, float) else "integer"
    else:
        kind = KIND[type(value)]
    assert converted({"type": kind}, written) == [value]
    if not isinstance(value, str):
        assert converted({}, written) == [value]


@settings(deadline=None)
@given(st.text(), st.integers(0, 20))
def test_strings_are_escaped_piece_by_piece(text: str, cut: int) -> None:
    assert json.loads(f'"{escaped(text[:cut])}{escaped(text[cut:])}"') == text


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        *(("1", "integer"), ("-0", "integer"), ("1.0", "integer"), ("1.5", "number")),
        *(("1e3", "number"), ("1e999", "number"), ("true", "boolean"), ("null", "null")),
        *(('"a"', "string"), ("[1]", "array"), ("{}", "object")),
        *(("", None), ("01", None), ("1.", None), ("NaN", None), ("Infinity", None)),
        *(("{'a': 1}", None), ("[1] 2", None), ("True", None)),
    ],
)
def test_kinds(text: str, kind: str | None) -> None:
    assert kind_of(text) == kind


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "integer"}, " 7\n", [7]),
        ({"type": "integer"}, "7.0", [7.0]),
        ({"type": "integer"}, "7.5", "broken"),
        ({"type": "integer"}, "seven", "broken"),
        ({"type": "integer"}, '"7"', "broken"),
        ({"type": "number"}, "7", [7]),
        ({"type": "boolean"}, "True", [True]),
        ({"type": "boolean"}, "yes", "broken"),
        ({"type": "null"}, "None", [None]),
        ({"type": "string"}, "7", ["7"]),
        ({"type": "string"}, '"7"', ['"7"']),
        ({"type": ["string", "null"]}, "null", [None]),
        ({"type": ["string", "null"]}, "7", ["7"]),
        ({"type": ["string", "integer"]}, "7", [7]),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "None", [None]),
        ({"enum": ["a", 1, None]}, "1", [1]),
        ({"enum": ["a", 1, None]}, "a", ["a"]),
        ({"enum": ["1", 2]}, "1", ["1"]),
        ({"const": "x"}, "x", ["x"]),
        ({"allOf": [{"type": "integer"}]}, "7", [7]),
        ({"type": "string", "x-order": 1, "title": "T"}, "7", ["7"]),
        ({"allOf": [{"type": "string", "enum": ["a", "b"]}], "default": "a"}, "a", ["a"]),
        ({}, "7", [7]),
        ({}, "text", ["text"]),
        (True, "text", ["text"]),
        ({"type": "object"}, "[1]", "broken"),
        ({"type": "array"}, "[1, ", "broken"),
        ({"$ref": "#/$defs/Missing"}, "text", ["text"]),
        ({"$ref": "#/properties/x"}, "text", ["text"]),
        ({"type": 5}, "text", ["text"]),
    ],
)
def test_conversion(schema: Any, text: str, value: Any) -> None:
    assert converted(schema, text) == value


def test_references_are_followed() -> None:
    definitions = {"A": {"$ref": "#/$defs/B/C"}, "B": {"C": {"type": "integer"}}}
    found = form({"$ref": "#/$defs/A"}, **{"$defs": definitions})
    assert found.kinds == {"integer"}
    assert found.target == {"type": "integer"}


@pytest.mark.parametrize(
    ("reference", "kind"),
    [
        ("#/properties/x/anyOf/1/items", "integer"),
        ("#/properties/x/anyOf/0", "null"),
        ("#/%24defs/a~1b", "boolean"),
    ],
)
def test_references_lead_anywhere_in_the_schema(reference: str, kind: str) -> None:
    some = {"anyOf": [{"type": "null"}, {"type": "array", "items": {"type": "integer"}}]}
    root = {"properties": {"x": some}, "$defs": {"a/b": {"type": "boolean"}}}
    assert value_form({"$ref": reference}, root).kinds == {kind}


@pytest.mark.parametrize("reference", ["#/properties/y", "#anchor", "x.json", 3])
def test_references_that_lead_nowhere_promise_nothing(reference: Any) -> None:
    found = value_form({"$ref": reference}, {"properties": {"x": {}}})
    assert found.quoted


def test_a_part_of_a_schema_means_the_same_alone() -> None:
    node = {"type": "array", "items": {"$ref": "#/properties/x"}, "$defs": {"own": {}}}
    root = {"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"x": node}}
    alone = value_form(node, root).schema
    assert alone["$schema"] == root["$schema"]
    assert alone["items"] == {"$ref": "#/$defs/arguments/properties/x"}
    assert alone["$defs"]["own"] == {}
    kept = alone["$defs"]["arguments"]
    assert kept["properties"]["x"]["items"] == alone["items"]
    assert "$schema" not in kept


def test_a_reference_with_more_beside_it_is_left_to_the_grammar_of_json() -> None:
    beside = {"$ref": "#/$defs/A", "minLength": 3}
    assert form(beside, **{"$defs": {"A": {"type": "string"}}}).quoted


def test_what_a_grammar_can_promise_of_strings() -> None:
    assert form({"type": "string", "minLength": 2}).lengths == (2, None)
    assert form({"type": "string", "maxLength": 5}).lengths == (0, 5)
    patterned = form({"type": "string", "pattern": "^a"})
    assert patterned.quoted
    assert patterned.streams(enforced=False)
    assert not patterned.streams(enforced=True)
    assert converted({"type": "string", "pattern": "^a"}, '"ab"', enforced=True) == ["ab"]
    assert not form({"type": "string", "format": "date", "x-order": 1}).quoted
    assert not form({"type": "string", "minLength": "2"}).streams(enforced=True)


def test_enumerations_keep_what_their_type_allows() -> None:
    assert form({"type": "string", "enum": ["a", None]}).texts == {"a": '"a"'}
    assert form({"anyOf": [{"enum": ["a"]}, {"type": "null"}]}).texts == {
        "a": '"a"',
        "null": "null",
    }
    assert form({"enum": ["a"], "minLength": 3}).texts is None


def test_forms_are_those_of_a_tools_parameters() -> None:
    tool = Tool(
        name="f",
        parameters={
            "$ref": "#/$defs/F",
            "$defs": {"F": {"properties": {"b": {"type": "string"}, "a": {}}}},
        },
    )
    assert list(value_forms(tool)) == ["b", "a"]
    assert value_forms(Tool(name="f", parameters={"properties": 5})) == {}
