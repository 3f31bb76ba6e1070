"""Rows 44 to 49: forms made to hurt. Each is served right or refused by name in bounded time, while
a stream beside it goes on and the worker lives."""

import json
import random
import re
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import psutil
import pytest

from tests.hostile.asking import BOUND_S, CHAT, as_tool, ask, refused, refused_or_served
from tests.hostile.conftest import Canary
from tests.hostile.expect import refusal
from tests.journeys.server import RunningServer, serving

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def watched() -> Iterator[RunningServer]:
    """A server of its own, whose worker's memory is looked at."""
    with serving("--cache-ram=0") as server:
        yield server
    assert not [line for line in server.log if "yet holds" in line], "something leaked"


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+b",
        "(a|aa)+b",
        "(a*)*b",
        "([a-zA-Z]+)*b",
        "(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)[^x]{5}",
        "(a?){500}a{500}",
    ],
)
def test_row_44_patterns_that_explode_elsewhere(client: httpx.Client, pattern: str) -> None:
    text = refused_or_served(client, "guided_regex", guided_regex=pattern, max_tokens=30)
    assert text is None or len(text) <= 30 * 64


BLOW_UPS = [
    "(a|b)*a(a|b){18}",
    "(a|b)*a(a|b){60}c",
    "(?:.*a.{25}){3}",
    "((a{1,100}){1,100}){1,100}",
    "(x{0,1000}y{0,1000}){0,1000}",
    "[a-z]{1,20000}" * 20,
    "(.{0,200}a.{0,200}b){20}",
    "|".join(f"(.*{chr(97 + i % 26)}){{{i}}}" for i in range(1, 60)),
    "\\w{1,5000}\\d{1,5000}",
    "(?i)" + "[\u0430-\u044f\u0410-\u042f]{1,300}" * 30,
]


@pytest.mark.parametrize("pattern", BLOW_UPS, ids=lambda pattern: pattern[:40])
def test_row_44_automata_that_blow_up(client: httpx.Client, canary: Canary, pattern: str) -> None:
    """Compiled within the limits or refused; and again where a schema or a tool hides it."""
    refused_or_served(client, "guided_regex", guided_regex=pattern)
    canary.must_sing()
    member = {"type": "string", "pattern": f"^({pattern})$"}
    schema = {"type": "object", "properties": {"a": member}, "required": ["a"]}
    refused_or_served(client, "guided_json", guided_json=schema)
    canary.must_sing()
    refused_or_served(client, "tools", tools=[as_tool(schema)], tool_choice="required")
    grammar = f"start: A\nA: /{pattern}/"
    refused_or_served(client, "guided_grammar", guided_grammar=grammar)


def test_row_44_many_at_once(client: httpx.Client, canary: Canary) -> None:
    threads = [
        threading.Thread(
            target=refused_or_served,
            args=(client, "guided_regex"),
            kwargs={"guided_regex": f"(a|b)*a(a|b){{{17 + number}}}"},
        )
        for number in range(16)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        canary.must_sing()


@pytest.mark.parametrize("count", [100, 30_000])
def test_row_45_parentheses(client: httpx.Client, canary: Canary, count: int) -> None:
    deep = "(" * count + "a" + ")" * count
    refused(client, "guided_regex", guided_regex=deep)
    refused(client, "guided_regex", guided_regex="(" * count)
    refused(client, "guided_json", guided_json={"type": "string", "pattern": deep})
    refused_or_served(client, "guided_grammar", guided_grammar=f"start: A\nA: /{deep}/")
    canary.must_sing()
    for grammar in ("start: " + deep.replace("a", '"a"'), "root ::= " + deep.replace("a", '"a"')):
        refused_or_served(client, "guided_grammar", guided_grammar=grammar)
    refused(client, "guided_grammar", guided_grammar="start: " + "(" * count)
    refused(client, "guided_grammar", guided_grammar="root ::= " + "[" * count)


@pytest.mark.parametrize("count", [300, 1500])
def test_row_45_parentheses_in_a_tool(client: httpx.Client, canary: Canary, count: int) -> None:
    """As many as a prompt has room for."""
    deep = "(" * count + "a" + ")" * count
    for pattern in (deep, "(" * count):
        parameters = {"type": "object", "properties": {"a": {"type": "string", "pattern": pattern}}}
        refused(client, "tools", tools=[as_tool(parameters)])
        refused(client, "tools", tools=[as_tool(parameters)], tool_choice="required")
    canary.must_sing()


@pytest.mark.parametrize("kind", ["properties", "items", "anyOf", "not", "enum", "$defs"])
@pytest.mark.parametrize("levels", [63, 3000])
def test_row_45_schemas_in_one_another(client: httpx.Client, kind: str, levels: int) -> None:
    shapes: dict[str, Any] = {
        "properties": lambda inner: {"type": "object", "properties": {"a": inner}},
        "items": lambda inner: {"type": "array", "items": inner},
        "anyOf": lambda inner: {"anyOf": [inner, {"type": "null"}]},
        "not": lambda inner: {"not": inner},
        "enum": lambda inner: {"enum": [inner]},
        "$defs": lambda inner: {"$defs": {"a": inner}, "$ref": "#/$defs/a"},
    }
    schema: Any = {"type": "null"}
    for _ in range(levels):
        schema = shapes[kind](schema)
    text = json.dumps({"guided_json": schema}) if levels < 900 else None
    if text is None:
        opened, closed = json.dumps(shapes[kind]("@")).split('"@"')
        text = '{"guided_json": ' + opened * levels + "{}" + closed * levels + "}"
    body = '{"messages": [{"role": "user", "content": "x"}], "max_tokens": 3, ' + text[1:]
    answer = client.post(
        CHAT, content=body, headers={"content-type": "application/json"}, timeout=BOUND_S
    )
    if levels > 64 or answer.status_code != 200:
        refusal(answer, 400)


RECURSIVE = [
    "start: start",
    "start: a\na: b\nb: a",
    'start: start "a"',
    'start: start start | "a"',
    'start: "a" start',
    "start: (start)*\n",
    'start: a*\na: b*\nb: "x"*',
    "root ::= root",
    'root ::= root root | "a"',
    "root ::= a\na ::= b\nb ::= a",
    'root ::= (("a"*)*)*',
    "\n".join(["start: r0", *(f"r{i}: r{i + 1} r{i + 1}" for i in range(60)), 'r60: "a"']),
    "\n".join(["start: T0", *(f"T{i}: T{i + 1} T{i + 1}" for i in range(60)), 'T60: "a"']),
    "\n".join(["root ::= r0", *(f"r{i} ::= r{i + 1} r{i + 1}" for i in range(60)), 'r60 ::= "a"']),
    'start: "a"~1..1000000',
    'start: ("a"~0..1000)~0..1000',
    'root ::= "a"{1,1000000}',
]


@pytest.mark.parametrize("grammar", RECURSIVE, ids=lambda grammar: grammar[:30])
def test_row_45_grammars_in_circles(client: httpx.Client, canary: Canary, grammar: str) -> None:
    text = refused_or_served(client, "guided_grammar", guided_grammar=grammar, max_tokens=20)
    assert text is None or set(text) <= {"a", "x"}
    canary.must_sing()


def test_row_45_a_recursive_schema_is_served(client: httpx.Client) -> None:
    tree = {
        "type": "object",
        "properties": {"kids": {"type": "array", "items": {"$ref": "#"}, "maxItems": 1}},
        "required": ["kids"],
        "additionalProperties": False,
    }
    answer = ask(client, guided_json=tree, max_tokens=60)
    assert answer.status_code == 200
    text = answer.json()["choices"][0]["message"]["content"]
    assert re.match(r'\{\s*"kids"', text)


def test_row_46_huge_enums(client: httpx.Client, canary: Canary) -> None:
    options = [f"option number {number:06}" for number in range(100_000)]
    few = options[:9000]
    for fields, param in (
        ({"guided_choice": options}, "guided_choice"),
        ({"guided_json": {"enum": options}}, "guided_json"),
        ({"tools": [as_tool({"properties": {"a": {"enum": options}}})]}, "tools"),
        ({"guided_json": {"properties": {name: {} for name in options[:20_000]}}}, "guided_json"),
        ({"guided_regex": "|".join(options[:20_000])}, "guided_regex"),
    ):
        answer = ask(client, **fields)
        if answer.status_code != 413:
            assert str(refusal(answer, 400)["param"]).startswith(param)
        canary.must_sing()
    assert refused_or_served(client, "guided_choice", guided_choice=few, max_tokens=60) in few
    canary.must_sing()
    text = refused_or_served(client, "guided_json", guided_json={"enum": few}, max_tokens=60)
    assert text is None or json.loads(text) in few


def test_row_46_one_huge_choice(client: httpx.Client) -> None:
    refused(client, "guided_choice", guided_choice=["x" * 400_000, "y"])
    long = refused_or_served(client, "guided_choice", guided_choice=["x" * 100_000])
    assert long is None or set(long) == {"x"}


def rss(server: RunningServer) -> int:
    return sum(worker.memory_info().rss for worker in server.workers)


@pytest.mark.timeout(240)
def test_row_47_endless_unique_schemas(watched: RunningServer) -> None:
    """Hundreds of schemas, patterns and tools that nobody has seen before, one after another."""
    rng = random.Random(1)

    def batch(client: httpx.Client, count: int) -> None:
        for _ in range(count):
            names = [f"{rng.getrandbits(64):x}" for _ in range(20)]
            members = {name: {"type": "string", "maxLength": 9} for name in names}
            schema = {"type": "object", "properties": members, "required": names[:1]}
            pattern = "|".join(f"{rng.getrandbits(200):x}" for _ in range(20))
            kinds: list[dict[str, Any]] = [{"guided_json": schema}, {"guided_regex": pattern}]
            few = {"type": "object", "properties": dict(list(members.items())[:2])}
            kinds.append({"tools": [as_tool(few)], "tool_choice": "required"})
            answer = ask(client, **rng.choice(kinds), max_tokens=2)
            assert answer.status_code == 200, answer.text

    with httpx.Client(base_url=watched.url) as client, Canary(watched.url) as canary:
        batch(client, 90)
        (worker,) = watched.workers
        before = rss(watched)
        files = len(worker.open_files())
        batch(client, 130)
        canary.must_sing()
        assert rss(watched) - before < 64 * MIB
        assert len(worker.open_files()) == files
        assert watched.workers == [worker]
        assert psutil.pid_exists(worker.pid)


def test_row_48_a_remote_reference_is_not_fetched(client: httpx.Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        url = f"http://127.0.0.1:{port}/schema.json"
        for reference in (url, f"{url}#/a", "file:///etc/passwd", "//localhost/x", "other.json"):
            for schema in (
                {"$ref": reference},
                {"type": "object", "properties": {"a": {"$ref": reference}}, "required": ["a"]},
                {"$defs": {"x": {"$ref": reference}}, "$ref": "#/$defs/x"},
                {"type": "object", "$dynamicRef": reference},
            ):
                refused(client, "guided_json", guided_json=schema)
                refused(client, "tools", tools=[as_tool(schema)])
        refused_or_served(client, "guided_json", guided_json={"$id": url, "type": "null"})
        refused_or_served(client, "guided_json", guided_json={"$schema": url, "type": "null"})
        refused_or_served(client, "guided_grammar", guided_grammar=f'%import "{url}"\nstart: "a"')
        listener.settimeout(0.2)
        with pytest.raises(TimeoutError):
            listener.accept()


@pytest.mark.parametrize(
    "form",
    [
        {"guided_regex": r"a\s*b", "logit_bias": {}},
        {"guided_regex": "a *", "ignore_eos": True},
        {"guided_json": {"type": "array", "items": {}}, "guided_whitespace_pattern": r"[ \n]*"},
        {"guided_grammar": 'start: "a" start | "b"'},
        {"guided_json": {"type": "string"}, "ignore_eos": True},
        {"guided_json": {"type": "integer"}, "min_tokens": 40},
    ],
    ids=str,
)
def test_row_49_a_form_that_never_ends(
    client: httpx.Client, canary: Canary, form: dict[str, Any]
) -> None:
    answer = ask(client, max_tokens=50, temperature=1.5, seed=3, **form).json()
    (choice,) = answer["choices"]
    assert choice["finish_reason"] in ("stop", "length")
    assert answer["usage"]["completion_tokens"] <= 50
    assert (choice["finish_reason"] == "length") == (answer["usage"]["completion_tokens"] == 50)
    canary.must_sing()


def test_row_49_blanks_have_a_bound(client: httpx.Client) -> None:
    """A model that would write blanks for ever has to go on after a few."""
    blanks = client.post("/v1/tokenize", json={"prompt": " \n\t    "}).json()["tokens"]
    bias = {str(token): 100 for token in blanks}
    schema = {"type": "array", "items": {"const": 1}, "minItems": 2, "maxItems": 2}
    form: dict[str, Any]
    for form in (
        {},
        {"guided_whitespace_pattern": r"[ \t\r\n]*"},
        {"guided_whitespace_pattern": r"[ ]+"},
    ):
        answer = ask(client, guided_json=schema, logit_bias=bias, max_tokens=1000, **form)
        (choice,) = answer.json()["choices"]
        assert choice["finish_reason"] == "stop"
        assert json.loads(choice["message"]["content"]) == [1, 1]
        assert max(map(len, re.findall(r"\s+", choice["message"]["content"]))) <= 64
    tool = as_tool({"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"]})
    tool["function"]["parameters"]["additionalProperties"] = False
    fields: dict[str, Any] = {"tools": [tool], "tool_choice": "required", "logit_bias": bias}
    answer = ask(client, **fields, parallel_tool_calls=False, max_tokens=1000)
    (choice,) = answer.json()["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert json.loads(choice["message"]["tool_calls"][0]["function"]["arguments"]) == {"a": 1}
