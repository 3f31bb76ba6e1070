"""Forms of Mistral's models: lists up to 2024 and of Small 3.1, names and arguments since then."""

import pytest

from pippin.output.families.family import Family
from pippin.output.families.mistral import Mistral, MistralNamed
from pippin.output.pieces import Arguments, Call
from tests.output.families.reading import TOOLS, Recorded, check, read

WEATHER = ("get_weather", {"city": "Rome"})
ROME = '{"name": "get_weather", "arguments": {"city": "Rome"}}'
NAMED = '[TOOL_CALLS]get_weather[ARGS]{"city": "Rome"}'
UNKNOWN = '[TOOL_CALLS]format_disk[ARGS]{"all": true}'
HALF = '[TOOL_CALLS]add[ARGS]{"a": [1, 2'
GARBLED = '[TOOL_CALLS]add[ARGS][ARGS]{"a": 1}'

FORMS = {
    "a list": Recorded(f"[TOOL_CALLS] [{ROME}]", [WEATHER]),
    "a list of two": Recorded(f"[TOOL_CALLS][{ROME}, {ROME}]", [WEATHER, WEATHER]),
    "ids": Recorded(f'[TOOL_CALLS][{ROME[:-1]}, "id": "a1b2c3d4e"}}]', [WEATHER]),
    "text, then a list": Recorded(f"Let me see.[TOOL_CALLS][{ROME}]", ["Let me see.", WEATHER]),
    "a list without its end": Recorded(f"[TOOL_CALLS][{ROME}", [WEATHER]),
    "one object": Recorded(f"[TOOL_CALLS]{ROME}", [WEATHER]),
    "a name": Recorded(NAMED, [WEATHER]),
    "two names": Recorded(NAMED + NAMED, [WEATHER, WEATHER]),
    "an id": Recorded(NAMED.replace("[ARGS]", "[CALL_ID]a1b2c3d4e[ARGS]"), [WEATHER]),
    "without [ARGS]": Recorded(NAMED.replace("[ARGS]", ""), [WEATHER]),
    "space before the name": Recorded("[TOOL_CALLS] ping[ARGS] {}", [("ping", {})]),
    "text behind a call": Recorded(f"{NAMED}\n\nLet me look.", [WEATHER, "Let me look."]),
    "braces and marks in a string": Recorded(
        '[TOOL_CALLS]add[ARGS]{"a": "}{ [TOOL_CALLS]ping[ARGS]{}"}',
        [("add", {"a": "}{ [TOOL_CALLS]ping[ARGS]{}"})],
    ),
    "text only": Recorded("No [tools] here [TOOL_", ["No [tools] here [TOOL_"]),
    "an unknown tool": Recorded(UNKNOWN, [UNKNOWN]),
    "half a call": Recorded(HALF, [HALF], enforceable=False),
    "marks out of order": Recorded(GARBLED, [GARBLED], enforceable=False),
    "no arguments": Recorded(
        "[TOOL_CALLS]ping[ARGS]", ["[TOOL_CALLS]ping[ARGS]"], enforceable=False
    ),
    "a list that breaks": Recorded(
        f'[TOOL_CALLS][{ROME}, {{"name": 3}}]', [WEATHER, ', {"name": 3}]']
    ),
    "arguments that are a list": Recorded(
        "[TOOL_CALLS]add[ARGS][1]", ["[TOOL_CALLS]add[ARGS][1]"], enforceable=False
    ),
}


@pytest.mark.parametrize("family", [Mistral(), MistralNamed()], ids=["list", "named"])
@pytest.mark.parametrize("form", FORMS)
def test_recorded_forms(family: Family, form: str) -> None:
    check(family, FORMS[form])


def test_enforced_arguments_leave_as_they_come() -> None:
    scanner = MistralNamed().scanner(TOOLS, enforced=True)
    assert scanner.add('[TOOL_CALLS]add[ARGS]{"a') == [Call("add"), Arguments('{"a')]
    assert scanner.add('": 1}[TOOL') == [Arguments('": 1}')]
    assert scanner.add("_CALLS]ping[ARGS]{}") == [Call("ping"), Arguments("{}")]
    assert scanner.finish() == []


def test_half_an_enforced_call_stands() -> None:
    scanner = MistralNamed().scanner(TOOLS, enforced=True)
    assert read(scanner, HALF) == [Call("add"), Arguments('{"a": [1, 2')]
