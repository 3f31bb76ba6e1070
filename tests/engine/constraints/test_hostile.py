"""Hostile inputs 41 to 49: refused in words, or compiled and followed within limits."""

import json
import random
import socket
from typing import Any, NoReturn

import pytest

from pippin.core.constraint import Choice, Constraint, Grammar, JSONSchema, Regex
from pippin.engine.constraints.compiler import Compiler
from pippin.engine.constraints.limits import MAX_CACHED
from pippin.errors import InvalidRequest
from tests.engine.constraints.vocabularies import all_allowed, allowed, demo

DEMO = demo()
EOS = frozenset(DEMO.eos_tokens)
COMPILER = Compiler(DEMO)


def schema(value: Any) -> JSONSchema:
    return JSONSchema(schema=value if isinstance(value, str) else json.dumps(value))


def refused(constraint: Constraint) -> str:
    with pytest.raises(InvalidRequest) as caught:
        COMPILER.compile(constraint)
    message = caught.value.message
    assert caught.value.param == constraint.param
    assert len(message) < 500
    for inside in ("Rust", "panic", "llguidance", "x-guidance", "/work", "fuel", "Traceback"):
        assert inside not in message
    return message


def survives(constraint: Constraint, *, steps: int = 150) -> None:
    """It is refused, or can be followed token by token until it ends or says that it cannot."""
    try:
        compiled = COMPILER.compile(constraint)
    except InvalidRequest as error:
        if error.param != constraint.param:
            pytest.fail("the error names another field")
        return
    lane, dice = compiled.matcher(), random.Random(1)
    for _ in range(steps):
        bits = lane.compute_bitmask()
        choices = all_allowed(bits, DEMO.vocab_size)
        if lane.is_error():
            assert set(choices) <= EOS
            return
        assert choices
        token = dice.choice(choices)
        if token in EOS:
            return
        assert lane.consume_token(token)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "nul",
        "[1]",
        "3",
        '"text"',
        "null",
        "NaN",
        '{"minimum": NaN}',
        '{"minimum": 1e999}',
        '{"minimum": ' + "9" * 5_000 + "}",
        '{"type": "strin"}',
        '{"type": []}',
        '{"type": 3}',
        '{"type": "object", "properties": []}',
        '{"properties": {"a": 3}}',
        '{"required": "a"}',
        '{"enum": 3}',
        '{"enum": []}',
        '{"anyOf": []}',
        '{"anyOf": {}}',
        '{"minLength": -1}',
        '{"minLength": 1.5}',
        '{"multipleOf": 0}',
        '{"multipleOf": "2"}',
        '{"pattern": 3}',
        '{"pattern": "("}',
        '{"items": 3}',
        '{"const": "\\ud800"}',
        '{"$ref": 3}',
        '{"$schema": "https://example.com/mine"}',
        '{"$ref": "#/nowhere"}',
        "false",
    ],
)
def test_41_invalid_schemas(text: str) -> None:
    refused(schema(text))


@pytest.mark.parametrize("pattern", ["(", "[", "*", "a{2,1}", "(?P<n", "\\", "(?<n", "[[:x"])
def test_42_invalid_patterns(pattern: str) -> None:
    refused(Regex(pattern=pattern))


def test_43_names_the_keyword_and_its_place() -> None:
    message = refused(schema({"properties": {"a": {"items": {"pattern": "a(?=b)"}}}}))
    assert "#/properties/a/items/pattern" in message
    assert "lookahead" in message
    message = refused(schema({"properties": {"a/b": {"type": "integr"}}}))
    assert "#/properties/a~1b/type" in message


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+b",
        "(x+x+)+y",
        "(a|b)*a(a|b){20}",
        "(a|b)*a(a|b){2000}",
        "(.*a){30}",
        "(.*a){3000}",
        "(a?){20000}a{20000}",
        "((a{0,100}){0,100}){0,100}",
        r"(\p{L}{1,1000}){1,50}",
        r"\w{20000}",
        "x*" * 2_000,
        "a" * 200_000,
        "(?i)" + "straße" * 2_000,
        "|".join(".*" + "abcde"[i % 5] * (i % 7) for i in range(500)),
    ],
)
def test_44_exploding_patterns(pattern: str) -> None:
    survives(Regex(pattern=pattern))
    survives(schema({"pattern": pattern}))
    survives(schema({"patternProperties": {pattern: {}}, "additionalProperties": False}))


@pytest.mark.parametrize("steps", [9973, 123456789, 2**31 - 1, 1e-9, 1e300])
def test_44_division_by_large_numbers(steps: float) -> None:
    survives(schema({"multipleOf": steps}))
    survives(schema({"type": "integer", "multipleOf": steps}))
    survives(schema({"allOf": [{"multipleOf": n} for n in range(1, 100)]}))


def test_44_many_patterns_at_once() -> None:
    survives(schema({"allOf": [{"pattern": f"(a|b)*a(a|b){{{n}}}$"} for n in range(1, 25)]}))
    survives(schema({"allOf": [{"pattern": f"{c}.*{c}"} for c in "abcdefghijklmnop"]}))
    survives(schema({"patternProperties": {f"^a{n}.*b$": {} for n in range(100)}}))


DEEP = 30_000


@pytest.mark.parametrize(
    "constraint",
    [
        Regex(pattern="(" * DEEP + "a" + ")" * DEEP),
        Regex(pattern="[" * DEEP),
        Regex(pattern="(a" * 59 + ")*" * 59),
        Grammar(text="start: " + "(" * DEEP + '"a"' + ")" * DEEP),
        Grammar(text="start: " + "(" * 500 + '"a"' + ")" * 500),
        Grammar(text="root ::= " + "(" * DEEP + '"a"' + ")" * DEEP),
        Grammar(
            text="start: r0\n" + "".join(f"r{i}: r{i + 1}\n" for i in range(3_000)) + 'r3000: "x"'
        ),
        Grammar(
            text="start: T0\n" + "".join(f"T{i}: T{i + 1}\n" for i in range(3_000)) + 'T3000: "x"'
        ),
        Grammar(
            text="start: r0\n"
            + "".join(f"r{i}: r{i + 1} r{i + 1}\n" for i in range(60))
            + 'r60: "x"'
        ),
        schema("[" * 100_000),
        schema('{"not":' * 1_000 + "{}" + "}" * 1_000),
        schema(
            {
                "$ref": "#/$defs/0",
                "$defs": {str(i): {"$ref": f"#/$defs/{i + 1}"} for i in range(3000)},
            }
        ),
        schema(
            {
                "$ref": "#/$defs/0",
                "$defs": {str(i): {"items": {"$ref": f"#/$defs/{i + 1}"}} for i in range(2_000)}
                | {"2000": {}},
            }
        ),
    ],
    ids=range(13),
)
def test_45_deep_nesting(constraint: Constraint) -> None:
    survives(constraint)


@pytest.mark.parametrize(
    "grammar",
    [
        'start: start start | "a"?',
        'start: a\na: a a a | b\nb: "x" | "x" b | b "x" | \n',
        'start: a\na: b a | b\nb: a b | a | "x"\n',
        'start: "a" start | "a"',
        "start: /[a-z]/* /[a-y]/* /[a-x]/* /[a-w]/*",
        'start: ((A{0,2000}){0,2000}){0,2000}\nA: "a"',
        'start: start start start | start start | "a"',
        'root ::= root root | [a-z] root | root [a-z] | "a"',
        'root ::= (("a"{0,2000}){0,2000}){0,2000}',
    ],
)
def test_45_recursive_and_ambiguous_grammars(grammar: str) -> None:
    survives(Grammar(text=grammar), steps=60)


@pytest.mark.parametrize(
    "constraint",
    [
        schema({"enum": [str(i) for i in range(100_000)]}),
        schema({"enum": [f"value {i}" for i in range(9_000)]}),
        schema({"enum": list(range(9_000))}),
        schema({"enum": [{"a": i, "b": [i]} for i in range(2_000)]}),
        Choice(options=tuple(map(str, range(100_000)))),
        Choice(options=tuple(map(str, range(10_000)))),
        schema({"properties": {f"p{i}": {"type": "string"} for i in range(4_000)}}),
        schema(
            {"anyOf": [{"properties": {f"p{i}": {}}, "required": [f"p{i}"]} for i in range(900)]}
        ),
        schema(
            {
                "allOf": [
                    {"anyOf": [{"required": [f"a{i}{j}"]} for j in range(10)]} for i in range(10)
                ]
            }
        ),
        schema({"oneOf": [{"properties": {f"p{i}": {"type": "integer"}}} for i in range(40)]}),
        schema({"minItems": 10**6}),
        schema({"maxItems": 10**6, "items": {"maxItems": 10**6}}),
        schema({"minLength": 10**6}),
        schema({"type": "object", "minProperties": 10**6}),
        schema({"dependentRequired": {f"a{i}": [f"b{i}"] for i in range(30)}}),
        schema(
            {
                "$ref": "#/$defs/0",
                "$defs": {str(i): {"allOf": [{"$ref": f"#/$defs/{i + 1}"}] * 10} for i in range(30)}
                | {"30": {"type": "string"}},
            }
        ),
        schema(
            {
                "$ref": "#/$defs/0",
                "$defs": {
                    str(i): {
                        "properties": {f"p{j}": {"$ref": f"#/$defs/{i + 1}"} for j in range(10)}
                    }
                    for i in range(30)
                }
                | {"30": {"type": "string"}},
            }
        ),
    ],
    ids=range(17),
)
def test_46_bombs(constraint: Constraint) -> None:
    survives(constraint)


def test_47_endless_unique_schemas_are_not_kept() -> None:
    compiler = Compiler(DEMO)
    first = compiler.compile(schema({"const": "first"}))
    for i in range(MAX_CACHED + 5):
        compiler.compile(schema({"const": i}))
    assert compiler.compile(schema({"const": "first"})) is not first


@pytest.mark.parametrize(
    "reference",
    [
        "http://127.0.0.1:9/s.json",
        "https://example.com/s",
        "file:///etc/passwd",
        "other.json",
        "//x",
    ],
)
def test_48_nothing_is_fetched(reference: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object) -> NoReturn:
        pytest.fail("a socket was opened")

    monkeypatch.setattr(socket, "socket", no_network)
    message = refused(schema({"properties": {"a": {"$ref": reference}}}))
    assert "#/properties/a/$ref" in message
    assert "not in this schema" in message


def test_48_schemas_that_are_only_themselves() -> None:
    assert "itself" in refused(schema({"$ref": "#"}))
    assert "itself" in refused(
        schema({"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}]}}})
    )
    endless = {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}
    assert "no value fits" in refused(schema(endless))


def longest_run(constraint: Constraint, start: str, padding: str) -> int:
    """How often ``padding`` is allowed in a row after ``start``."""
    lane = COMPILER.compile(constraint).matcher()
    for token in DEMO.tokenize_str(start):
        assert lane.consume_token(token)
    token = DEMO.tokenize_str(padding)[0]
    for count in range(1_000):
        if not allowed(lane.compute_bitmask(), token):
            return count
        assert lane.consume_token(token)
    return 1_000


@pytest.mark.parametrize("padding", [" ", "\n", "\t"])
@pytest.mark.parametrize("start", ["{", '{"a"', '{"a":', '{"a":1', '{"a":1,'])
def test_49_whitespace_has_an_end(start: str, padding: str) -> None:
    plain = schema({"type": "object", "additionalProperties": {"type": "integer"}})
    assert longest_run(plain, start, padding) <= 40
    for pattern in (r"[ \n\t]*", r"\s*"):
        endless = JSONSchema(schema=plain.schema, whitespace=pattern)
        assert 32 <= longest_run(endless, start, padding) <= 64
    none = JSONSchema(schema=plain.schema, whitespace="")
    assert longest_run(none, start, padding) == 0


def test_49_the_end_is_allowed_once_it_is_complete_and_not_before() -> None:
    lane = COMPILER.compile(schema({"type": "object", "required": ["a"]})).matcher()
    for token in DEMO.tokenize_str('{"a":1}'):
        assert not any(allowed(lane.compute_bitmask(), end) for end in DEMO.eos_tokens)
        assert lane.consume_token(token)
    assert all(allowed(lane.compute_bitmask(), end) for end in DEMO.eos_tokens)


@pytest.mark.parametrize("pattern", ["x*", r"\S*", "[ a]*", r"[ \u00a0]", "("])
def test_49_whitespace_is_whitespace(pattern: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        COMPILER.compile(JSONSchema(schema="{}", whitespace=pattern))
    assert caught.value.param == "guided_whitespace_pattern"
