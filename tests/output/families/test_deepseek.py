"""Forms of DeepSeek V3, R1 and V3.1, as their templates have them and as the models err."""

# ruff: noqa: RUF001  the bars in its marks are wide ones

import pytest

from pippin.core.tools import Tool, ToolUse
from pippin.output.families.deepseek import DeepSeekV3, DeepSeekV31
from pippin.output.pieces import Arguments, Call
from tests.output.families.grammars import accepts
from tests.output.families.reading import TOOLS, Recorded, read
from tests.output.families.shop import check_shop

FAMILY = DeepSeekV3()
V31 = DeepSeekV31()
BEGIN, END = "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"


def fenced(name: str, arguments: str) -> str:
    begin, end = "<｜tool▁call▁begin｜>function<｜tool▁sep｜>", "<｜tool▁call▁end｜>"
    return f"{begin}{name}\n```json\n{arguments}\n```{end}"


def plain(name: str, arguments: str) -> str:
    return f"<｜tool▁call▁begin｜>{name}<｜tool▁sep｜>{arguments}<｜tool▁call▁end｜>"


ROME = fenced("get_weather", '{"city": "Rome"}')
PING = fenced("ping", "{}")
WEATHER = ("get_weather", {"city": "Rome"})
ROME31 = plain("get_weather", '{"city": "Rome"}')
PING31 = plain("ping", "{}")
UNKNOWN = BEGIN + fenced("rm", "{}") + END
BROKEN = BEGIN + fenced("add", "{'a': 1}") + END
HALF = BEGIN + ROME[: ROME.index('"}')]

UNDERSTOOD = {
    "as V3's template has it": Recorded(BEGIN + ROME + END, [WEATHER]),
    "two calls": Recorded(BEGIN + ROME + "\n" + PING + END, [WEATHER, ("ping", {})]),
    "as V3.1's template has it": Recorded(BEGIN + ROME31 + END, [WEATHER]),
    "two calls of V3.1": Recorded(BEGIN + ROME31 + PING31 + END, [WEATHER, ("ping", {})]),
    "text around": Recorded(f"I look.\n\n{BEGIN}{ROME}{END}\n.", ["I look.", WEATHER, "."]),
    "R1 without the mark of the call": Recorded(
        "<｜tool▁calls｜>" + (ROME + END).removeprefix("<｜tool▁call▁begin｜>"), [WEATHER]
    ),
    "R1 with underscores": Recorded("<｜tool_calls_begin｜>" + ROME + END, [WEATHER]),
    "R1 with spaces": Recorded("<｜tool calls begin｜>" + ROME + END, [WEATHER]),
    "R1 with escaped underscores": Recorded("<｜tool\\_calls\\_begin｜>" + ROME + END, [WEATHER]),
    "R1 with space in its fence": Recorded(
        BEGIN + ROME.replace("\n```<", "\n```\n <") + END, [WEATHER]
    ),
    "without the outer marks": Recorded(f"So: {ROME31}", ["So:", WEATHER]),
    "without the last marks": Recorded(
        (BEGIN + ROME).removesuffix("<｜tool▁call▁end｜>"), [WEATHER]
    ),
    "a fence without a language": Recorded(
        (BEGIN + ROME + END).replace("```json", "```"), [WEATHER]
    ),
    "a tool that is called function": Recorded(
        BEGIN + plain("function", '{"a": 1}') + END, [("function", {"a": 1})]
    ),
    "a fence in a string": Recorded(
        BEGIN + fenced("add", '{"a": "```<｜tool▁call▁end｜>"}') + END,
        [("add", {"a": "```<｜tool▁call▁end｜>"})],
    ),
}
CONTENT = {
    "an unknown tool": Recorded(UNKNOWN, [UNKNOWN]),
    "Python for JSON": Recorded(BROKEN, [BROKEN], enforceable=False),
    "half a call": Recorded(HALF, [HALF], enforceable=False),
    "half a mark": Recorded("a <｜tool▁", ["a <｜tool▁"]),
    "a bar": Recorded("1 <｜ 2", ["1 <｜ 2"]),
    "no calls": Recorded(BEGIN + END, [BEGIN + END]),
}


@pytest.mark.parametrize("form", [*UNDERSTOOD, *CONTENT])
def test_recorded_forms(form: str) -> None:
    tools = (*TOOLS, Tool(name="function"))
    for family in (FAMILY, V31):
        check_shop(family, {**UNDERSTOOD, **CONTENT}[form], tools)


def test_enforced_arguments_leave_as_they_come() -> None:
    scanner = FAMILY.scanner(TOOLS, enforced=True)
    assert scanner.add(f"{BEGIN}<｜tool▁call▁begin｜>function<｜tool▁sep｜>add\n``") == []
    assert scanner.add('`json\n{"a"') == [Call("add"), Arguments('{"a"')]
    assert scanner.add(": 1}\n``") == [Arguments(": 1}")]
    assert scanner.finish() == []


@pytest.mark.parametrize("cut", range((BEGIN + ROME).index("{") + 1, len(BEGIN + ROME + END)))
def test_an_enforced_call_that_is_cut_off_stands(cut: int) -> None:
    first, *rest = read(FAMILY.scanner(TOOLS, enforced=True), (BEGIN + ROME + END)[:cut])
    assert first == Call("get_weather")
    assert all(isinstance(piece, Arguments) for piece in rest)


@pytest.mark.parametrize("special", [True, False])
def test_the_grammar(special: bool) -> None:
    for text in (BEGIN + ROME + END, f"{BEGIN}{ROME}\n{PING}{END}"):
        assert accepts(FAMILY, TOOLS, text, special=special)
        assert accepts(FAMILY, TOOLS, f"Well. {text}", ToolUse(), special=special)
        assert not accepts(V31, TOOLS, text, special=special)
    for text in (BEGIN + ROME31 + END, BEGIN + ROME31 + PING31 + END):
        assert accepts(V31, TOOLS, text, special=special)
        assert not accepts(FAMILY, TOOLS, text, special=special)
    for text in ("Hi", UNKNOWN, BROKEN, BEGIN + ROME, HALF, ROME):
        assert not accepts(FAMILY, TOOLS, text, special=special)


def test_they_are_known_by_their_templates() -> None:
    v3 = "'<｜tool▁sep｜>' + tool['function']['name'] + '\\n```json\\n'"
    v31 = "tool['function']['name'] + '<｜tool▁sep｜>' + tool['function']['arguments']"
    assert FAMILY.writes(v3)
    assert V31.writes(v31)
    assert not FAMILY.writes(v31)
