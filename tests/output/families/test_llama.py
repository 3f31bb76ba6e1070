"""Forms of Llama 3.1, 3.2 and 3.3."""

import pytest

from pippin.core.tools import Tool
from pippin.output.families.llama import Llama
from pippin.output.pieces import Arguments, Call, Content
from tests.output.families.reading import TOOLS, Recorded, check, plainly, read

WEATHER = ("get_weather", {"city": "Rome"})
ROME = '{"name": "get_weather", "parameters": {"city": "Rome"}}'
PING = '{"name": "ping", "parameters": {}}'
HALF = '{"name": "add", "parameters": {"a": 1'
BROKEN = '{"name": "add", "parameters": {no json}'
JSON = '{"person": {"name": "Bob", "parameters": {"age": 3}}, "list": [{}, {"name": "ping"}]}'
CODE = "function f() { return {a: 1}; }\nint x[] = {1, 2};"
IN_TEXT = f"Here it is: {ROME} Would you like {{more}}?"

FORMS = {
    "one": Recorded(ROME, [WEATHER]),
    "two": Recorded(f"{ROME}; {PING}", [WEATHER, ("ping", {})]),
    "two, close": Recorded(f"{ROME};{PING}", [WEATHER, ("ping", {})]),
    "two lines": Recorded(f"{ROME}\n{PING}\n", [WEATHER, ("ping", {})]),
    "a list": Recorded(f"[{ROME}, {PING}]", [WEATHER, ("ping", {})]),
    "a tag": Recorded(f"<|python_tag|>{ROME}", [WEATHER]),
    "a tag and two": Recorded(f"<|python_tag|>{ROME}; {PING}", [WEATHER, ("ping", {})]),
    "Llama 4's marks": Recorded(f"<|python_start|>{ROME}<|python_end|>", [WEATHER]),
    "a type": Recorded(ROME.replace("{", '{"type": "function", ', 1), [WEATHER]),
    "function for name": Recorded(
        ROME.replace('{"name"', '{"type": "function", "function"'), [WEATHER]
    ),
    "arguments for parameters": Recorded(ROME.replace("parameters", "arguments"), [WEATHER]),
    "newlines": Recorded(ROME.replace(" ", "\n  "), [WEATHER]),
    "arguments in a string": Recorded(
        '{"name": "get_weather", "parameters": "{\\"city\\": \\"Rome\\"}"}',
        [WEATHER],
        enforceable=False,
    ),
    "in text": Recorded(IN_TEXT, ["Here it is:", WEATHER, "Would you like {more}?"]),
    "other JSON": Recorded(JSON, [JSON]),
    "code": Recorded(CODE, [CODE]),
    "half a call": Recorded(HALF, [HALF], enforceable=False),
    "a broken call": Recorded(BROKEN, [BROKEN], enforceable=False),
    "without parameters": Recorded('{"name": "ping"}', ['{"name": "ping"}']),
    "without a name": Recorded('{"parameters": {}}', ['{"parameters": {}}']),
    "an unknown tool": Recorded(
        ROME.replace("weather", "water"), [ROME.replace("weather", "water")]
    ),
    "a semicolon only": Recorded(f"{ROME}; so", [WEATHER, "; so"]),
    "Python": Recorded("<|python_tag|>import os", ["<|python_tag|>import os"]),
}


@pytest.mark.parametrize("form", FORMS)
def test_recorded_forms(form: str) -> None:
    check(Llama(), FORMS[form])


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ('brave_search.call(query="who?")', [("brave_search", {"query": "who?"})]),
        ('brave_search.call( query = "a)", n=3 )', [("brave_search", {"query": "a)", "n": 3})]),
        ("brave_search.call()", [("brave_search", {})]),
        ('wolfram_alpha.call(query="x")', ['<|python_tag|>wolfram_alpha.call(query="x")']),
        ('brave_search.call(query="x"', ['<|python_tag|>brave_search.call(query="x"']),
        ("brave_search.call('x')", ["<|python_tag|>brave_search.call('x')"]),
    ],
)
def test_tools_that_were_trained_in(text: str, meaning: list[object]) -> None:
    tools = (Tool(name="brave_search"),)
    text = f"<|python_tag|>{text}"
    for cuts in ([], [1] * len(text)):
        assert plainly(read(Llama().scanner(tools, enforced=False), text, cuts)) == meaning


def test_enforced_calls_leave_once_a_grammar_has_noticed_them() -> None:
    scanner = Llama().scanner(TOOLS, enforced=True)
    assert scanner.add('So: {"name": "add", "parameters"') == [Content("So:", 0)]
    assert scanner.add(': {"a": 1') == [Call("add"), Arguments('{"a": 1')]
    assert scanner.add("}}; ") == [Arguments("}")]
    assert scanner.finish() == []


def test_what_no_grammar_has_noticed_is_content_of_an_enforced_answer() -> None:
    text = '{"name": "add", "id": "7", "parameters": {"a": 1}}'
    assert read(Llama().scanner(TOOLS, enforced=True), text) == [Content(text, 0)]
