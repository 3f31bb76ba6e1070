"""Forms of Hermes and Qwen, as their templates show them and as their models are known to err."""

import pytest

from pippin.output.families.hermes import Hermes
from pippin.output.pieces import Arguments, Call, Content
from tests.output.families.reading import TOOLS, Recorded, check, joined, read

ROME = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n</tool_call>'
ADD = '<tool_call>\n{"name": "add", "arguments": {"a": 1, "b": [2, {"c": "}"}]}}\n</tool_call>'
WEATHER = ("get_weather", {"city": "Rome"})
SUM = ("add", {"a": 1, "b": [2, {"c": "}"}]})
RAW_NEWLINE = '<tool_call>\n{"name": "add", "arguments": {"a": "x\ny"}}\n</tool_call>'
NESTED = '<tool_call>{"name": "add", "arguments": {"a": "say "hi" to her"}}</tool_call>'
NO_OBJECT = '<tool_call>\n{"name": "add", "arguments": [1, 2]}\n</tool_call>'
UNKNOWN = '<tool_call>\n{"name": "format_disk", "arguments": {}}\n</tool_call>'
BRACE = '<tool_call>\n{"name": "add", "arguments": {"a": 1}}}\n</tool_call>'
ESCAPE = '<tool_call>{"name": "add", "arguments": {"a": "\\\\d+ and \\d+"}}</tool_call>'
COMMA = '<tool_call>{"name": "add", "arguments": {"a": 1,}}</tool_call>'
QUOTES = "<tool_call>{'name': 'add', 'arguments': {}}</tool_call>"
COLON = '<tool_call>{"name":": "add", "arguments": {}}</tool_call>'
TWICE = '<tool_call>{"name": "add", "arguments": {"a": 1}{"a": 1}}</tool_call>'
HALF = '<tool_call>\n{"name": "add", "argum'

UNDERSTOOD = {
    "as the template has it": Recorded(ROME, [WEATHER]),
    "two calls": Recorded(f"{ROME}\n{ADD}", [WEATHER, SUM]),
    "text before": Recorded(f"I look it up. \n\n{ROME}\n", ["I look it up.", WEATHER]),
    "text behind": Recorded(f"{ROME}\n\nThat is it.\n", [WEATHER, "That is it.\n"]),
    "on one line": Recorded(ROME.replace("\n", ""), [WEATHER]),
    "without a closing tag, at the end": Recorded(ROME[: ROME.index("</")], [WEATHER]),
    "without a closing tag, between": Recorded(ROME.replace("</tool_call>", ADD), [WEATHER, SUM]),
    "two objects in one pair of tags": Recorded(
        ROME.replace("</tool_call>", ADD.removeprefix("<tool_call>\n")), [WEATHER, SUM]
    ),
    "parameters for arguments": Recorded(ROME.replace("arguments", "parameters"), [WEATHER]),
    "arguments first": Recorded(
        '<tool_call>{"arguments": {"city": "Rome"}, "name": "get_weather"}</tool_call>', [WEATHER]
    ),
    "an id and a type": Recorded(
        '<tool_call>{"id": 7, "type": "function", "name": "ping", "arguments": {}}</tool_call>',
        [("ping", {})],
    ),
    "spaces": Recorded(ROME.replace("}}", "} } "), [WEATHER]),
    "no arguments": Recorded('<tool_call>\n{"name": "ping"}\n</tool_call>', [("ping", {})]),
    "arguments in a string": Recorded(
        '<tool_call>{"name": "get_weather", "arguments": "{\\"city\\": \\"Rome\\"}"}</tool_call>',
        [WEATHER],
        enforceable=False,
    ),
    "tags inside of a string": Recorded(
        '<tool_call>\n{"name": "add", "arguments": {"a": "</tool_call><tool_call>"}}\n</tool_call>',
        [("add", {"a": "</tool_call><tool_call>"})],
    ),
    "escapes": Recorded(
        '<tool_call>{"name": "get_weather", "arguments": {"city": "\\u00e9\\"\\\\"}}</tool_call>',
        [("get_weather", {"city": 'é"\\'})],
    ),
}

CONTENT = {
    "nothing": Recorded("", []),
    "text": Recorded("Hello, <b>you</b>\n & <tool", ["Hello, <b>you</b>\n & <tool"]),
    "an unknown tool": Recorded(UNKNOWN, [UNKNOWN]),
    "half a call": Recorded(HALF, [HALF], enforceable=False),
    "half a name": Recorded(HALF[:25], [HALF[:25]]),
    "a lone tag": Recorded("so: <tool_call>", ["so: <tool_call>"]),
    "a raw newline in a string": Recorded(RAW_NEWLINE, [RAW_NEWLINE], enforceable=False),
    "quotes in quotes": Recorded(NESTED, [NESTED], enforceable=False),
    "arguments that are no object": Recorded(NO_OBJECT, [NO_OBJECT], enforceable=False),
    "an escape that JSON has not": Recorded(ESCAPE, [ESCAPE], enforceable=False),
    "a comma too many": Recorded(COMMA, [COMMA], enforceable=False),
    "quotes of Python": Recorded(QUOTES, [QUOTES]),
    "a colon in the name": Recorded(COLON, [COLON]),
    "arguments twice": Recorded(TWICE, [TWICE], enforceable=False),
    "one brace too many": Recorded(BRACE, [BRACE], enforceable=False),
    "a name twice": Recorded(
        '<tool_call>{"name": "add", "name": "ping"}</tool_call>',
        ['<tool_call>{"name": "add", "name": "ping"}</tool_call>'],
        enforceable=False,
    ),
    "half a call before a whole one": Recorded(
        f"{HALF}\n{ROME}", [HALF, WEATHER], enforceable=False
    ),
    "a tag twice": Recorded(f"<tool_call>\n{ROME}", ["<tool_call>\n", WEATHER]),
    "a broken call behind a whole one": Recorded(f"{ROME}\n{UNKNOWN}\n", [WEATHER, f"{UNKNOWN}\n"]),
    "XML in the tags": Recorded(
        "<tool_call>\n<function=ping>\n</function>\n</tool_call>",
        ["<tool_call>\n<function=ping>\n</function>\n</tool_call>"],
    ),
}


@pytest.mark.parametrize("form", [*UNDERSTOOD, *CONTENT])
def test_recorded_forms(form: str) -> None:
    check(Hermes(), {**UNDERSTOOD, **CONTENT}[form])


def test_enforced_arguments_leave_as_they_come() -> None:
    scanner = Hermes().scanner(TOOLS, enforced=True)
    assert scanner.add('<tool_call>\n{"name": "add"') == [Call("add")]
    assert scanner.add(', "arguments": {"a"') == [Arguments('{"a"')]
    assert scanner.add(': "x') == [Arguments(': "x')]
    assert scanner.add('"}}\n</tool_') == [Arguments('"}')]
    assert scanner.add("call>") == []
    assert scanner.finish() == []


def test_others_leave_when_they_are_complete() -> None:
    scanner = Hermes().scanner(TOOLS, enforced=False)
    assert scanner.add(ROME[:-1]) == []
    assert scanner.add(ROME[-1]) == [Call("get_weather"), Arguments('{"city": "Rome"}')]


@pytest.mark.parametrize("cut", range(len('<tool_call>\n{"name": "add"'), len(ADD)))
def test_an_enforced_call_that_is_cut_off_stands(cut: int) -> None:
    first, *rest = read(Hermes().scanner(TOOLS, enforced=True), ADD[:cut])
    assert first == Call("add")
    given = "".join(piece.text for piece in rest if isinstance(piece, Arguments))
    assert len(joined(rest)) <= 1
    assert '{"a": 1, "b": [2, {"c": "}"}]}'.startswith(given)


def test_what_breaks_against_the_promise_is_content_from_there() -> None:
    pieces = read(Hermes().scanner(TOOLS, enforced=True), BRACE)
    assert pieces == [Call("add"), Arguments('{"a": 1}'), Content("}}\n</tool_call>", 49)]


def test_without_tools_all_is_content() -> None:
    assert read(Hermes().scanner((), enforced=False), ROME) == [Content(ROME, 0)]


def test_text_leaves_as_soon_as_it_is_certain() -> None:
    scanner = Hermes().scanner(TOOLS, enforced=False)
    assert scanner.add("a <tool") == [Content("a", 0)]
    assert scanner.add("s>") == [Content(" <", 1), Content("tools>", 3)]
    assert scanner.add(" \n") == []
    assert scanner.add(".") == [Content(" \n.", 9)]
