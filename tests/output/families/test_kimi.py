"""Forms of Kimi K2, as its template shows them and as the models are known to err."""

import pytest

from pippin.core.tools import ToolUse
from pippin.output.families.kimi import KimiK2
from pippin.output.pieces import Arguments, Call, Content
from tests.output.families.grammars import accepts
from tests.output.families.reading import TOOLS, Recorded, check, read

FAMILY = KimiK2()
BEGIN, END = "<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"


def call(name: str, arguments: str) -> str:
    return f"<|tool_call_begin|>{name}<|tool_call_argument_begin|>{arguments}<|tool_call_end|>"


ROME = call("functions.get_weather:0", '{"city": "Rome"}')
PING = call("functions.ping:1", "{}")
WEATHER = ("get_weather", {"city": "Rome"})
REMOVE = call("functions.rm:0", "{}")
UNKNOWN = f"{BEGIN}{call('functions.format_disk:0', '{}')}{END}"
MARK_INSIDE = '{"a": "<|tool_call_begin|>"}'
HALF = f'{BEGIN}<|tool_call_begin|>functions.add:0<|tool_call_argument_begin|>{{"a": 1'
BROKEN = f"{BEGIN}{call('functions.add:0', '{a: 1}')}{END}"
LIST = f"{BEGIN}{call('functions.add:0', '[1]')}{END}"
EMPTY = f"{BEGIN}{END}"

UNDERSTOOD = {
    "as the template has it": Recorded(BEGIN + ROME + END, [WEATHER]),
    "two calls": Recorded(BEGIN + ROME + PING + END, [WEATHER, ("ping", {})]),
    "text before": Recorded(f"I look.\n {BEGIN}{ROME}{END}", ["I look.", WEATHER]),
    "text behind": Recorded(f"{BEGIN}{ROME}{END}\nSo.", [WEATHER, "So."]),
    "white space between all": Recorded(
        f"{BEGIN} {ROME} {PING} {END}".replace("|>", "|> ").replace("<|", " <|"),
        [WEATHER, ("ping", {})],
    ),
    "without a number": Recorded(BEGIN + ROME.replace(":0", "") + END, [WEATHER]),
    "without functions": Recorded(BEGIN + ROME.replace("functions.", "") + END, [WEATHER]),
    "without its section": Recorded(f"I look. {ROME}", ["I look.", WEATHER]),
    "a section that does not end": Recorded(BEGIN + ROME, [WEATHER]),
    "a call that is not closed": Recorded(
        (BEGIN + ROME + PING + END).replace("<|tool_call_end|>", ""), [WEATHER, ("ping", {})]
    ),
    "the section in singular": Recorded(
        f"<|tool_call_section_begin|>{ROME}<|tool_call_section_end|>", [WEATHER]
    ),
    "two sections": Recorded(f"{BEGIN}{ROME}{END}\n{BEGIN}{PING}{END}", [WEATHER, ("ping", {})]),
    "a mark in a string": Recorded(
        BEGIN + call("functions.add:0", MARK_INSIDE) + END, [("add", {"a": "<|tool_call_begin|>"})]
    ),
}
CONTENT = {
    "an unknown tool": Recorded(UNKNOWN, [UNKNOWN]),
    "an unknown tool before another": Recorded(
        BEGIN + REMOVE + PING + END, [BEGIN + REMOVE, ("ping", {})]
    ),
    "half a call": Recorded(HALF, [HALF], enforceable=False),
    "no JSON": Recorded(BROKEN, [BROKEN], enforceable=False),
    "a list": Recorded(LIST, [LIST], enforceable=False),
    "an empty section": Recorded(EMPTY, [EMPTY]),
    "half a mark": Recorded("x <|tool_call", ["x <|tool_call"]),
}


@pytest.mark.parametrize("form", [*UNDERSTOOD, *CONTENT])
def test_recorded_forms(form: str) -> None:
    check(FAMILY, {**UNDERSTOOD, **CONTENT}[form])


def test_enforced_arguments_leave_as_they_come() -> None:
    scanner = FAMILY.scanner(TOOLS, enforced=True)
    assert scanner.add(f"{BEGIN}<|tool_call_begin|>functions.add:0<|tool_call_arg") == []
    assert scanner.add('ument_begin|>{"a"') == [Call("add"), Arguments('{"a"')]
    assert scanner.add(": 1}") == [Arguments(": 1}")]
    assert scanner.add("<|tool_call_end|>") == []
    assert scanner.finish() == []


@pytest.mark.parametrize("cut", range((BEGIN + ROME).index("{"), len(BEGIN + ROME + END)))
def test_an_enforced_call_that_is_cut_off_stands(cut: int) -> None:
    first, *rest = read(FAMILY.scanner(TOOLS, enforced=True), (BEGIN + ROME + END)[:cut])
    assert first == Call("get_weather")
    assert all(isinstance(piece, Arguments) for piece in rest)


def test_what_breaks_against_the_promise_is_content_from_there() -> None:
    pieces = read(FAMILY.scanner(TOOLS, enforced=True), BROKEN)
    assert pieces == [Call("add"), Arguments("{"), Content(BROKEN[len(HALF) - 6 :], len(HALF) - 6)]


@pytest.mark.parametrize("special", [True, False])
def test_the_grammar(special: bool) -> None:
    for text in (BEGIN + ROME + END, BEGIN + ROME + PING + END):
        assert accepts(FAMILY, TOOLS, text, special=special)
        assert accepts(FAMILY, TOOLS, f"Well. {text}", ToolUse(), special=special)
    for text in ("Hi", UNKNOWN, BROKEN, LIST, EMPTY, BEGIN + ROME, HALF, ROME):
        assert not accepts(FAMILY, TOOLS, text, special=special)
    assert accepts(FAMILY, TOOLS, "Hi", ToolUse(), special=special)
    one = ToolUse(mode="required", parallel=False)
    assert accepts(FAMILY, TOOLS, BEGIN + ROME + END, one, special=special)
    assert not accepts(FAMILY, TOOLS, BEGIN + ROME + PING + END, one, special=special)


def test_it_is_known_by_its_template() -> None:
    assert FAMILY.writes("<|tool_call_begin|>{{ id }}<|tool_call_argument_begin|>")
    assert not FAMILY.writes("<tool_call>")
