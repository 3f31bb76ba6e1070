"""Forms of MiniMax M1."""

import pytest

from pippin.core.tools import ToolUse
from pippin.output.families.minimax import MiniMaxM1
from pippin.output.pieces import Arguments, Call, Content
from tests.output.families.grammars import accepts
from tests.output.families.reading import TOOLS, Recorded, check, read

FAMILY = MiniMaxM1()
ROME = '{"name": "get_weather", "arguments": {"city": "Rome"}}'
PING = '{"name": "ping", "arguments": {}}'
WEATHER = ("get_weather", {"city": "Rome"})


def calls(*lines: str) -> str:
    return "\n".join(["<tool_calls>", *lines, "</tool_calls>"])


UNKNOWN = calls('{"name": "rm", "arguments": {}}')
BROKEN = calls('{"name": "add", "arguments": {a}}')
HALF = calls(ROME)[:40]
FORMS = {
    "as the template has it": Recorded(calls(ROME), [WEATHER]),
    "two calls": Recorded(calls(ROME, PING), [WEATHER, ("ping", {})]),
    "text around": Recorded(f"So. {calls(PING)}\n\nDone.", ["So.", ("ping", {}), "Done."]),
    "not closed": Recorded(f"<tool_calls>\n{PING}", [("ping", {})]),
    "an end in a string": Recorded(
        calls('{"name": "add", "arguments": {"a": "</tool_calls>"}}'),
        [("add", {"a": "</tool_calls>"})],
    ),
    "an unknown tool": Recorded(UNKNOWN, [UNKNOWN]),
    "a broken object": Recorded(BROKEN, [BROKEN], enforceable=False),
    "half a call": Recorded(HALF, [HALF], enforceable=False),
    "nothing": Recorded(calls(), [calls()]),
    "half a tag": Recorded("<tool_call", ["<tool_call"]),
}


@pytest.mark.parametrize("form", FORMS)
def test_recorded_forms(form: str) -> None:
    check(FAMILY, FORMS[form])


@pytest.mark.parametrize("cut", range(len('<tool_calls>\n{"name": "ping"'), len(calls(PING))))
def test_an_enforced_call_that_is_cut_off_stands(cut: int) -> None:
    first, *rest = read(FAMILY.scanner(TOOLS, enforced=True), calls(PING)[:cut])
    assert first == Call("ping")
    assert all(isinstance(piece, Arguments) for piece in rest)


def test_what_is_broken_behind_a_whole_call_is_content() -> None:
    text = calls(PING, "{x}")
    pieces = read(FAMILY.scanner(TOOLS, enforced=False), text)
    at = text.index("{x}")
    assert pieces == [Call("ping"), Arguments("{}"), Content(text[at - 1 :], at - 1)]


@pytest.mark.parametrize("special", [True, False])
def test_the_grammar(special: bool) -> None:
    for text in (calls(ROME), calls(ROME, PING)):
        assert accepts(FAMILY, TOOLS, text, special=special)
        assert accepts(FAMILY, TOOLS, f"Well. {text}", ToolUse(), special=special)
    for text in ("Hi", UNKNOWN, BROKEN, HALF, calls(), calls(ROME)[:-1]):
        assert not accepts(FAMILY, TOOLS, text, special=special)


def test_it_is_known_by_its_template() -> None:
    assert FAMILY.writes('<tool_calls>\n{"name": <tool-name>, "arguments": <args-json-object>}')
    assert not FAMILY.writes("<tool_call>")
