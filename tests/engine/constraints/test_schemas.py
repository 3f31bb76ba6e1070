"""JSON schemas: what is generated is valid, and what is refused is named."""

import json
import math
import random
from typing import Any

import jsonschema
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pippin.core.constraint import JSONSchema
from pippin.engine.constraints.compiler import Compiler
from pippin.errors import InvalidRequest
from tests.engine.constraints.vocabularies import accepts, demo, walk

DEMO = demo()
COMPILER = Compiler(DEMO)


def fits(schema: Any, text: str) -> bool:
    return accepts(COMPILER.compile(JSONSchema(schema=json.dumps(schema))).matcher(), DEMO, text)


def refusal(schema: Any) -> str:
    with pytest.raises(InvalidRequest) as caught:
        COMPILER.compile(JSONSchema(schema=json.dumps(schema)))
    return caught.value.message


NAMES = st.sampled_from(["a", "b", 'c"', "né", "aa", "x-y"])
SMALL = st.integers(0, 4)
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-20, 20),
        st.sampled_from([0.5, -1.25, 3.75]),
        st.sampled_from(["", "a", "ab", 'q"\n', "né"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(NAMES, inner, max_size=2)),
    max_leaves=3,
)
NUMBERS = st.one_of(st.integers(-12, 12), st.sampled_from([0.5, -0.25, 1.5, 2.75, -3.1]))
SIMPLE = st.one_of(
    st.just({}),
    st.just(True),
    st.builds(
        lambda name: {"type": name},
        st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"]),
    ),
    st.builds(lambda value: {"const": value}, VALUES),
    st.builds(lambda values: {"enum": values}, st.lists(VALUES, min_size=1, max_size=4)),
    st.builds(
        lambda low, n: {"type": "string", "minLength": low, "maxLength": low + n}, SMALL, SMALL
    ),
    st.builds(
        lambda pattern: {"type": "string", "pattern": pattern},
        st.sampled_from(["^a", "b$", r"^\d{2,3}$", "^(a|é)*$", "x", r"^[^\s]+$"]),
    ),
    st.builds(
        lambda low, more: {"minimum": low, "maximum": low + more}, NUMBERS, st.integers(1, 9)
    ),
    st.builds(lambda low: {"type": "number", "exclusiveMinimum": low}, NUMBERS),
    st.builds(lambda high: {"type": "integer", "exclusiveMaximum": high}, NUMBERS),
    st.builds(
        lambda step: {"type": "number", "multipleOf": step}, st.sampled_from([1, 2, 3, 7, 0.5])
    ),
)


def _composed(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        st.builds(
            lambda properties, required, rest: {
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": rest,
            },
            st.dictionaries(NAMES, inner, max_size=3),
            st.lists(NAMES, max_size=2, unique=True),
            st.one_of(inner, st.just(False)),
        ),
        st.builds(
            lambda low, more, rest: {
                "type": "object",
                "properties": rest,
                "additionalProperties": False,
                "minProperties": low,
                "maxProperties": low + more,
            },
            st.integers(0, 2),
            st.integers(0, 2),
            st.dictionaries(NAMES, inner, max_size=3),
        ),
        st.builds(
            lambda pattern, value, rest: {
                "type": "object",
                "patternProperties": {pattern: value},
                "additionalProperties": rest,
            },
            st.sampled_from(["^a", "é", "^.{1,2}$"]),
            inner,
            st.one_of(inner, st.just(False)),
        ),
        st.builds(
            lambda prefix, rest, low: {
                "type": "array",
                "prefixItems": prefix,
                "items": rest,
                "minItems": low,
                "maxItems": low + 2,
            },
            several,
            st.one_of(inner, st.just(False)),
            SMALL,
        ),
        *[
            st.builds(lambda parts, keyword=keyword: {keyword: parts}, several)
            for keyword in ("allOf", "anyOf", "oneOf")
        ],
        st.builds(
            lambda one, two: {"allOf": [one], "anyOf": [two, {"type": "null"}]}, inner, inner
        ),
        st.builds(lambda part: {"not": part}, inner),
        st.builds(
            lambda name, one, two: {
                "type": "object",
                "if": {"properties": {name: one}, "required": [name]},
                "then": two,
                "else": {"required": ["b"]},
            },
            NAMES,
            inner,
            inner,
        ),
        st.builds(
            lambda name, names, part: {
                "type": "object",
                "dependentRequired": {name: names},
                "dependentSchemas": {"b": part},
            },
            NAMES,
            st.lists(NAMES, max_size=2, unique=True),
            inner,
        ),
    )


SCHEMAS = st.recursive(SIMPLE, _composed, max_leaves=5)


@given(SCHEMAS, st.integers(0, 2**32))
@settings(max_examples=120, deadline=None)
def test_what_is_generated_is_valid(schema: Any, seed: int) -> None:
    try:
        compiled = COMPILER.compile(JSONSchema(schema=json.dumps(schema)))
    except InvalidRequest:
        assume(False)
    for turn in range(3):
        text = walk(compiled.matcher(), DEMO, random.Random(seed + turn), most=120)
        if text is not None:
            value = json.loads(text)
            assume(_is_exact(value))
            jsonschema.Draft202012Validator(schema).validate(value)


def _is_exact(value: Any) -> bool:
    """Whether the judge can reckon with the numbers: it divides floats."""
    if isinstance(value, list):
        return all(map(_is_exact, value))
    if isinstance(value, dict):
        return all(map(_is_exact, value.values()))
    if isinstance(value, int | float):
        return math.isfinite(value) and abs(value) < 2**50
    return True


@given(SCHEMAS, VALUES)
@settings(max_examples=120, deadline=None)
def test_what_is_accepted_is_valid_and_what_is_valid_is_accepted(schema: Any, value: Any) -> None:
    try:
        compiled = COMPILER.compile(JSONSchema(schema=json.dumps(schema)))
    except InvalidRequest:
        assume(False)
    taken = accepts(compiled.matcher(), DEMO, json.dumps(value, ensure_ascii=False))
    valid = jsonschema.Draft202012Validator(schema).is_valid(value)
    if taken or not isinstance(value, dict | list):
        assert taken == valid


@given(
    st.tuples(NUMBERS, NUMBERS),
    st.sampled_from(["minimum", "exclusiveMinimum"]),
    st.sampled_from(["maximum", "exclusiveMaximum"]),
    st.booleans(),
    st.lists(st.one_of(NUMBERS, st.floats(-15, 15).map(lambda n: round(n, 3))), max_size=8),
)
@settings(max_examples=120, deadline=None)
def test_ranges_are_exact(
    bounds: tuple[float, float], low: str, high: str, whole: bool, values: list[float]
) -> None:
    schema = {"type": "integer" if whole else "number", low: min(bounds), high: max(bounds)}
    try:
        compiled = COMPILER.compile(JSONSchema(schema=json.dumps(schema)))
    except InvalidRequest:
        assume(False)
    judge = jsonschema.Draft202012Validator(schema)
    for value in (*values, *bounds, 0):
        text = json.dumps(value)
        if text != "-0.0" and not (whole and "." in text):
            assert accepts(compiled.matcher(), DEMO, text) == judge.is_valid(value), text


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "string", "minLength": 2, "maxLength": 2}, ['"é🎉"', r'"\n\""'], ['"é"']),
        ({"type": "string", "pattern": "^🎉.$"}, ['"🎉🎉"'], ['"🎉"']),
        ({"properties": {"a": {"type": "integer"}}}, ['{"a":1}', "3"], ['{"\\u0061":"x"}']),
        (
            {"type": "object", "propertyNames": {"pattern": "^[ab]$"}},
            ['{"a":1,"b":2}'],
            ['{"c":1}'],
        ),
        ({"type": "object", "propertyNames": {"enum": ["a"]}}, ['{"a":1}', "{}"], ['{"b":1}']),
        ({"type": "object", "propertyNames": {"maxLength": 1}}, ['{"é":1}'], ['{"bb":1}']),
        (
            {"type": "object", "properties": {"a": {}, "b": {}}, "minProperties": 1},
            ['{"a":1}', '{"b":1}', '{"c":1}', '{"a":1,"b":1,"c":1}'],
            ["{}"],
        ),
        (
            {"type": "object", "properties": {"a": {}, "b": {}}, "maxProperties": 1},
            ["{}", '{"a":1}', '{"c":1}'],
            ['{"a":1,"b":2}', '{"a":1,"c":2}'],
        ),
        (
            {
                "$defs": {"tree": {"type": "array", "items": {"$ref": "#/$defs/tree"}}},
                "$ref": "#/$defs/tree",
            },
            ["[]", "[[],[[]]]"],
            ["[1]", "[[]"],
        ),
        (
            {"$id": "http://x/y", "$defs": {"a": {"$id": "z", "type": "null"}}, "$ref": "z"},
            ["null"],
            ["1"],
        ),
        (
            {
                "$schema": "http://json-schema.org/draft-07/schema#",
                "definitions": {"n": {"type": "integer"}},
                "items": [{"$ref": "#/definitions/n", "type": "string"}],
                "additionalItems": False,
                "type": "array",
            },
            ["[1]", "[]"],
            ['["a"]', "[1,2]"],
        ),
        ({"type": ["integer", "null"], "minimum": 3}, ["3", "null"], ["2", "3.5"]),
        ({"multipleOf": 0.01, "type": "number"}, ["0.07", "19.99", "-3"], ["0.005"]),
        ({"type": "integer", "multipleOf": 2.5}, ["5", "-10", "0"], ["2", "3"]),
        ({"format": "date-time"}, ['"2024-02-29T23:59:59Z"', "3"], ['"2023-02-29T00:00:00Z"']),
        (
            {
                "type": "array",
                "items": {"enum": ["a", 1, None]},
                "uniqueItems": True,
                "minItems": 1,
            },
            ['["a"]', '[null,1,"a"]', '[1,"a"]'],
            ["[]", '["a","a"]', '["b"]', '["a",1,null,1]'],
        ),
        ({"format": "uuid4"}, ['"0b4d6b0c-6a3e-4f0e-9a39-0f6f5e1d9a11"'], ['"0b4d6b0c"']),
        ({"format": "ipvanyaddress"}, ['"::1"', '"127.0.0.1"'], ['"127.0.0.256"']),
        (
            {"type": "string", "pattern": r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$"},
            ['"1"', '"-0.5"', '"+.5"', '"3."'],
            ['""', '"-"', '"."', '"1.2.3"'],
        ),
        ({"title": "t", "x-mine": 1, "nullable": True, "type": "null"}, ["null"], ["1"]),
        ({"x-guidance": {"lenient": True}, "type": "null"}, ["null"], ["1"]),
        ({"enum": ["\u0001", "a"]}, ['"\\u0001"', '"a"'], ['"b"']),
        (
            {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
            ["0", "-1", "9007199254740993", "9223372036854774784", "-9223372036854774784"],
            ["9223372036854775808", "-9223372036854775809", "1.5"],
        ),
        (
            {"type": "integer", "minimum": 0, "maximum": 2**64 - 1},
            ["0", "9223372036854774784"],
            ["-1", "18446744073709551616"],
        ),
        (
            {"type": "number", "minimum": -3.4028234663852886e38, "maximum": 3.4028234663852886e38},
            ["0", "-1.5", "9007199254740992"],
            ["1e39", "-1e39"],
        ),
        ({"type": "integer", "format": "uint8"}, ["3"], ['"3"']),
        (
            {
                "type": "string",
                "format": "email",
                "pattern": r"^(?!\.)(?!.*\.\.)([A-Za-z0-9_'+\-\.]*)[A-Za-z0-9_+-]@"
                r"([A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}$",
            },
            ['"jo.d+x@mail.example.com"', '"a@b.co"'],
            ['".a@b.co"', '"a..b@b.co"', '"a.@b.co"', '"a@b"', '"a"'],
        ),
        (
            {"type": "string", "pattern": r'^[^"<>]+$'},
            ['"a"', r'"\\"', r'"\n"', '"é"'],
            [r'"\""', '"<"', r'"a\"b"'],
        ),
        ({"type": "string", "pattern": r"^[^\\]$"}, ['"a"', r'"\""'], [r'"\\"']),
        ({"type": "string", "pattern": r"[^\\]"}, [r'"\\a"'], [r'"\\\\"', '""']),
        (
            {"type": "string", "pattern": r"^[\x00-!#-\[\]-~]+$"},
            ['"a"', r'"\n"', '"]"'],
            [r'"\""', r'"\\"'],
        ),
        ({"type": "string", "pattern": r"^[#-~\x00-!]$"}, ['"a"', r'"\\"'], [r'"\""']),
        ({"type": "string", "not": {"enum": ['"', "b"]}}, ['"a"', r'"\\"'], [r'"\""', '"b"']),
        ({"oneOf": [{"const": "\\"}, {"type": "string"}]}, ['"a"'], [r'"\\"']),
        ({"type": "string", "format": "colour"}, ['"red"'], ["1"]),
        ({"type": "string", "format": "base64"}, ['""', '"YQ=="'], ['"a"', '"_aaa"']),
        (
            {"type": "integer", "minimum": 2, "maximum": None, "enum": None, "format": None},
            ["2", "3"],
            ["1", "null"],
        ),
        (
            {"type": "object", "properties": {"a": {"const": None}}, "required": None},
            ["{}", '{"a":null}'],
            ['{"a":1}', "null"],
        ),
        ({"$schema": None, "type": "array", "items": None, "maxItems": 1}, ["[1]"], ["[1,2]"]),
        (
            {
                "oneOf": [
                    {"properties": {"k": {"const": "a"}, "v": {"type": "integer"}}},
                    {"properties": {"k": {"const": "b"}, "v": {"type": "string"}}},
                ],
                "type": "object",
                "required": ["k", "v"],
            },
            ['{"k":"a","v":1}', '{"k":"b","v":"x"}'],
            ['{"k":"a","v":"x"}', '{"k":"c","v":1}'],
        ),
    ],
)
def test_keywords(schema: Any, good: list[str], bad: list[str]) -> None:
    for text in good:
        assert fits(schema, text), text
    for text in bad:
        assert not fits(schema, text), text


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"items": {"uniqueItems": True}}, ["#/items/uniqueItems", "uniqueItems"]),
        ({"contains": {"type": "null"}}, ["#/contains"]),
        ({"properties": {"a": {"unevaluatedProperties": False}}}, ["#/properties/a/unevaluated"]),
        ({"pattern": r"(a)\1"}, ["#/pattern", "backreference"]),
        ({"not": {"pattern": "a"}}, ["#/not", "pattern"]),
        ({"oneOf": [{"pattern": "a"}, {"pattern": "b"}]}, ["#/oneOf", "anyOf"]),
        ({"minimum": 10**30}, ["too large"]),
        ({"multipleOf": 1e-12}, ["multipleOf"]),
        ({"patternProperties": {"a": {}, "b": {"type": "null"}}}, ["#/patternProperties"]),
        ({"type": "object", "minProperties": 2}, ["minProperties"]),
        ({"type": "string", "minLength": 3, "maxLength": 2}, ["no value fits"]),
        ({"allOf": [{"type": "string"}, {"type": "null"}]}, ["no value fits"]),
        ({"type": "string", "pattern": "^a$", "minLength": 5}, ["no "]),
    ],
)
def test_refusals(schema: Any, words: list[str]) -> None:
    message = refusal(schema)
    assert message.startswith("response_format")
    for word in words:
        assert word in message


def test_whitespace() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    text = json.dumps(schema)
    for spelling in ('{"a":1}', '{"a": 1}', '{\n  "a": 1\n}', '{\r\n\t"a": 1\r\n}'):
        assert fits(schema, spelling), spelling
    assert not fits(schema, ' {"a":1}')
    tight = COMPILER.compile(JSONSchema(schema=text, whitespace=""))
    assert accepts(tight.matcher(), DEMO, '{"a":1}')
    assert not accepts(tight.matcher(), DEMO, '{"a": 1}')
    spaced = COMPILER.compile(JSONSchema(schema=text, whitespace=r"[\n ]?"))
    assert accepts(spaced.matcher(), DEMO, '{\n"a": 1}')
    assert not accepts(spaced.matcher(), DEMO, '{"a":  1}')
