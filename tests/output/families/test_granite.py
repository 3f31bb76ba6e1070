"""Forms of Granite 3."""

import pytest

from pippin.output.families.granite import Granite
from tests.output.families.reading import Recorded, check

WEATHER = ("get_weather", {"city": "Rome"})
ROME = '{"name": "get_weather", "arguments": {"city": "Rome"}}'
PING = '{"name": "ping", "arguments": {}}'
HALF = '<|tool_call|> [{"name": "add", "arguments": {'

FORMS = {
    "3.0": Recorded(f"<|tool_call|>[{ROME}]", [WEATHER]),
    "3.1": Recorded(f"<tool_call>[{ROME}]", [WEATHER]),
    "a space": Recorded(f"<|tool_call|> [{ROME}]", [WEATHER]),
    "two, indented": Recorded(f"<|tool_call|> [\n  {ROME},\n  {PING}\n]", [WEATHER, ("ping", {})]),
    "arguments before the name": Recorded(
        '<|tool_call|>[{"arguments": {"city": "Rome"}, "name": "get_weather"}]', [WEATHER]
    ),
    "a closing tag": Recorded(f"<tool_call>[{ROME}]</tool_call>\n", [WEATHER]),
    "no list": Recorded(f"<|tool_call|>{ROME}", [WEATHER]),
    "text around": Recorded(f"Yes.\n<|tool_call|>[{ROME}]\nWait.", ["Yes.", WEATHER, "Wait."]),
    "a string for arguments": Recorded(
        '<|tool_call|>[{"name": "add", "arguments": "one"}]',
        ['<|tool_call|>[{"name": "add", "arguments": "one"}]'],
        enforceable=False,
    ),
    "half a call": Recorded(HALF, [HALF], enforceable=False),
    "an empty list": Recorded("<|tool_call|>[]", ["<|tool_call|>[]"]),
    "no function": Recorded(
        '<function_call> {"name": "no_function", "arguments": {}}',
        ['<function_call> {"name": "no_function", "arguments": {}}'],
    ),
    "a list without a mark": Recorded(f"[{ROME}]", [f"[{ROME}]"]),
}


@pytest.mark.parametrize("form", FORMS)
def test_recorded_forms(form: str) -> None:
    check(Granite(), FORMS[form])
