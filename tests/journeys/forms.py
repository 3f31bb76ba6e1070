"""Many unlike forms, each with a judge that knows nothing of how it is enforced."""

import datetime
import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jsonschema
import lark

Schema = dict[str, Any]
Judge = Callable[[str], object]
"""Raises where a text does not have the form."""

FORMATS = jsonschema.FormatChecker(formats=["ipv4", "ipv6", "uuid", "email"])
_TIME = r"\d\d:\d\d:\d\d(\.\d+)?([zZ]|[+-]\d\d:\d\d)"


def _is_date(value: object) -> bool:
    return not isinstance(value, str) or bool(datetime.date.fromisoformat(value))


def _is_time(value: object) -> bool:
    return not isinstance(value, str) or bool(re.fullmatch(_TIME, value, re.ASCII))


def _is_date_time(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return _is_date(value[:10]) and value[10:11] in ("t", "T") and _is_time(value[11:])


FORMATS.checks("date", raises=ValueError)(_is_date)
FORMATS.checks("time")(_is_time)
FORMATS.checks("date-time", raises=ValueError)(_is_date_time)


@dataclass(frozen=True)
class Form:
    """What a request asks for, and who judges the answer."""

    fields: dict[str, Any]
    judge: Judge
    is_json: bool = False


def schemas(count: int) -> list[Schema]:
    """Always the same ones: objects, lists, unions and references in one another, all bounded."""
    rng = random.Random(4)
    return [*BY_HAND, *(_document(rng) for _ in range(count - len(BY_HAND)))]


def _document(rng: random.Random) -> Schema:
    """A schema whose parts refer to two definitions."""
    shared = {"a": _leaf(rng), "b": _object(rng, 1, refs=False)}
    schema = _object(rng, 3) if rng.random() < 0.8 else _array(rng, 2)
    return {**schema, "$defs": shared}


def _any(rng: random.Random, depth: int, refs: bool = True) -> Schema:
    if depth == 0 or rng.random() < 0.3:
        return _leaf(rng)
    kinds = [_object, _array, _union]
    if refs and rng.random() < 0.3:
        return {"$ref": f"#/$defs/{rng.choice('ab')}"}
    return rng.choice(kinds)(rng, depth - 1, refs)


def _object(rng: random.Random, depth: int, refs: bool = True) -> Schema:
    names = rng.sample(["id", "name", "Größe", 'a"b', "with space", "x/y", "z~0", "últ", ""], 3)
    properties = {name: _any(rng, depth, refs) for name in names}
    required = rng.sample(names, rng.randint(0, 3))
    rest: Any = False
    if rng.random() < 0.2:
        rest = _leaf(rng)
    schema: Schema = {"type": "object", "properties": properties, "required": required}
    schema["additionalProperties"] = rest
    if rest is not False:
        schema["maxProperties"] = 4
    return schema


def _array(rng: random.Random, depth: int, refs: bool = True) -> Schema:
    least = rng.randint(0, 2)
    schema: Schema = {"type": "array", "minItems": least, "maxItems": least + rng.randint(0, 2)}
    if rng.random() < 0.3:
        schema["prefixItems"] = [_leaf(rng), _leaf(rng)]
    schema["items"] = _any(rng, depth, refs)
    return schema


def _union(rng: random.Random, depth: int, refs: bool = True) -> Schema:
    return {"anyOf": [_any(rng, depth, refs), _leaf(rng), {"type": "null"}]}


PATTERNS = [
    "^[A-Z]{2}-[0-9]{3}$",
    "^(foo|bar){1,3}$",
    r"^\d{4}-\d{2}$",
    "^[^aeiou]{3,5}$",
    "^(\\+1)?[0-9]{3}$",
    "^$",
]
LEAVES: list[Callable[[random.Random], Schema]] = [
    lambda rng: {"type": "string", "maxLength": rng.randint(0, 8)},
    lambda rng: {"type": "string", "minLength": 2, "maxLength": rng.randint(2, 6)},
    lambda rng: {"type": "integer", "minimum": rng.randint(-300, 0), "maximum": 45},
    lambda rng: {"type": "integer", "exclusiveMinimum": 7, "exclusiveMaximum": 1000},
    lambda rng: {"type": "number", "minimum": -1.5, "maximum": rng.choice([0, 2.25, 100])},
    lambda rng: {"type": "boolean"},
    lambda rng: {"type": ["integer", "null", "boolean"], "minimum": 0, "maximum": 9},
    lambda rng: {"enum": rng.sample(["red", "Grün", 1, 2.5, None, True, [1, 2], {"a": "b"}], 3)},
    lambda rng: {"const": rng.choice(["yes", 0, None, {"k": [1, {"l": "m"}]}, '\n"\\'])},
    lambda rng: {"type": "string", "format": rng.choice(["date", "uuid", "ipv4", "time"])},
    lambda rng: {"type": "string", "format": rng.choice(["date-time", "ipv4", "date"])},
    lambda rng: {"type": "string", "pattern": rng.choice(PATTERNS)},
]


def _leaf(rng: random.Random) -> Schema:
    return rng.choice(LEAVES)(rng)


BY_HAND: list[Schema] = [
    {"enum": ["a", "b", 3]},
    {"const": {"a": [1, 2, {"b": None}]}},
    {"type": "integer", "minimum": -5, "maximum": 5},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    {"type": "string", "maxLength": 10},
    {"type": "string", "pattern": "^(a|b|cd)*e$", "maxLength": 9},
    {"type": "string", "format": "date-time"},
    {"type": "string", "format": "uuid"},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 3, "maxItems": 3},
    {"type": "array", "prefixItems": [{"const": 1}, {"const": "x"}], "items": False},
    {"anyOf": [{"const": 1}, {"type": "array", "maxItems": 1, "items": {"const": 2}}]},
    {"oneOf": [{"const": "cat"}, {"type": "integer", "minimum": 1, "maximum": 3}]},
    {"type": ["boolean", "null"]},
    {
        "$ref": "#/$defs/tree",
        "$defs": {
            "tree": {
                "type": "object",
                "properties": {
                    "v": {"type": "integer", "minimum": 0, "maximum": 9},
                    "kids": {"type": "array", "maxItems": 1, "items": {"$ref": "#/$defs/tree"}},
                },
                "required": ["v"],
                "additionalProperties": False,
            }
        },
    },
    {
        "allOf": [{"$ref": "#/definitions/base"}, {"required": ["b"]}],
        "definitions": {
            "base": {
                "type": "object",
                "properties": {"a": {"const": 1}, "b": {"enum": ["x", "y"]}},
                "additionalProperties": False,
            }
        },
    },
]

REGEXES = [
    r"[A-Z]{3}-\d{2,4}",
    r"(\w+\s){1,3}\w+\.".replace("+", "{1,6}"),
    r"(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}",
    r"(?i)yes|no|maybe",
    r"[^\x00-\x7f]{2,4}",
    r"a{3,7}b?c{0,2}",
    r"(red|green|blue)(, (red|green|blue)){0,3}",
    r"[a-f0-9]{8}",
    r"#[0-9A-Fa-f]{6}",
    r"\S{4,8}",
    r"[äöüß€🙂]{1,5}",
    r"(\d{1,3},){2}\d{3}",
    r"-?(0|[1-9]\d{0,4})(\.\d{1,3})?([eE][+-]?\d{1,2})?",
    r"<(b|i)>[a-z ]{0,12}</(b|i)>",
    r"[\w.-]{1,8}@[a-z]{2,6}\.(com|org)",
    r".{5}",
    r"(a|ab)(c|bcd)(d*)".replace("d*", "d{0,3}"),
]

CHOICES = [
    ["yes", "no"],
    ["Paris", "Paris, France", "Par", "London"],
    ["a", "aa", "aaa", "aaaa"],
    ["", "x"][1:],
    ["🙂", "🙃", "né", "ne"],
    ["line\nbreak", 'quote"', "back\\slash", "tab\t"],
    [str(number) for number in range(200)],
    ["<|im_end|>", "<think>", "plain"],
    [" leading", "trailing ", "  "],
    ["{}", '{"a": 1}', "[]"],
    ["x" * 60, "x" * 59 + "y"],
    ["positive", "negative", "neutral", "mixed", "unknown"],
]

GRAMMARS = [
    'start: "a" | "b" "c"',
    'start: WORD (" " WORD)~0..3\nWORD: /[a-z]{1,5}/',
    'start: pair ("," pair)~0..3\npair: KEY "=" VALUE\nKEY: /[a-z]{1,4}/\nVALUE: /[0-9]{1,3}/',
    'start: "(" start ")" | "x"',
    'start: sum\nsum: NUM | NUM OP sum\nNUM: /[1-9][0-9]{0,2}/\nOP: "+" | "-"',
    'start: "<" NAME ">" body "</end>"\nbody: TEXT | start\nNAME: /[a-z]{1,3}/\nTEXT: /[^<]{1,9}/',
    '?start: "SELECT " column " FROM " table\ncolumn: NAME\ntable: NAME\nNAME: /[a-z_]{1,6}/',
    'start: date\ndate: YEAR "-" MONTH\nYEAR: /[12][0-9]{3}/\nMONTH: /0[1-9]|1[0-2]/',
    'start: greeting ", " NAME "!"\ngreeting: "Hello"i | "Bye"\nNAME: "Ann" | "Bob"',
    'start: ["please "] VERB [" now"]\nVERB: "stop" | "go"',
    'start: A B? C+ D*\nA: "a"\nB: "b"\nC: "c"\nD: "d"',
    'start: list\nlist: "[" [item ("," item)*] "]"\nitem: "1" | "2" | list',
    'start: COLOUR " " COLOUR\nCOLOUR: "red" | "r" /[a-f]/ | "blue"',
    '// a comment\nstart: "é" | "日本" | "🙂" // another\n',
]


def whole_match(pattern: str) -> Judge:
    def judge(text: str) -> None:
        assert re.fullmatch(pattern, text), text

    return judge


def one_of(options: list[str]) -> Judge:
    def judge(text: str) -> None:
        assert text in options, text

    return judge


def valid_under(schema: Schema) -> Judge:
    validator = jsonschema.Draft202012Validator(schema, format_checker=FORMATS)

    def judge(text: str) -> None:
        validator.validate(json.loads(text, parse_constant=_no_constant))

    return judge


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def all_forms() -> list[Form]:
    """The whole list, kinds mixed."""
    found = [
        *(_of_schema(each, number) for number, each in enumerate(schemas(110))),
        *(Form({"guided_regex": each}, whole_match(each)) for each in REGEXES),
        *(Form({"guided_choice": each}, one_of(each)) for each in CHOICES),
        *(Form({"guided_grammar": each}, lark.Lark(each).parse) for each in GRAMMARS),
    ]
    random.Random(1).shuffle(found)
    return found


def _of_schema(schema: Schema, number: int) -> Form:
    """One in four may be laid out as the model likes, which for noise is mostly blanks."""
    fields: dict[str, Any] = {"guided_json": schema}
    if number % 4:
        fields["guided_whitespace_pattern"] = " ?"
    return Form(fields, valid_under(schema), is_json=True)


def is_beginning_of_json(text: str) -> bool:
    """Whether it can go on to be JSON: the reader stumbled at its very end, or within a text."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        rest = text[error.pos :].strip()
        cut_text = error.msg.startswith(("Unterminated string", "Invalid \\"))
        cut_number = re.fullmatch(r"[-+.eE]{0,2}", rest)
        cut_word = any(word.startswith(rest) for word in ("true", "false", "null"))
        return bool(cut_text or cut_number or cut_word)
    return True


def verdict(form: Form, text: str, reason: str) -> str | None:
    """What is wrong with an answer; ``None``: nothing."""
    if reason == "length":
        cut = is_beginning_of_json(text) if form.is_json else True
        return None if cut else f"no beginning of JSON: {text!r}"
    try:
        form.judge(text)
    except Exception as error:  # noqa: BLE001
        # Three libraries judge, each with errors of its own, and any of them is a verdict.
        return f"{type(error).__name__}: {json.dumps(form.fields)} {text!r}"
    return None if reason == "stop" else reason
