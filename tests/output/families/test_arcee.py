"""Forms of Arcee Agent."""

import pytest

from pippin.output.families.arcee import Arcee
from tests.output.families.reading import Recorded, check

WEATHER = ("get_weather", {"city": "Rome"})
FUNCTION = '<function=get_weather>{"city": "Rome"}</function>'
INVOKE = """<invoke>
<tool_name>get_weather</tool_name>
<parameters>
<city>Rome</city>
</parameters>
</invoke>"""
PLAIN = "<invoke><tool_name>add</tool_name><a>5</a><b>x < y</b></invoke>"
HERMES = '<tool_call>{"name": "get_weather", "arguments": {"city": "Rome"}}</tool_call>'
UNKNOWN = "<function_calls><invoke><tool_name>rm</tool_name></invoke></function_calls>"
HALF = "<function_calls>\n<function=add>{"

FORMS = {
    "a function": Recorded(f"<function_calls>\n{FUNCTION}\n</function_calls>", [WEATHER]),
    "two functions": Recorded(
        f"<function_calls>\n{FUNCTION}\n{FUNCTION}\n</function_calls>", [WEATHER, WEATHER]
    ),
    "text around": Recorded(
        f"Let me see.\n  <function_calls>\n{FUNCTION}\n</function_calls>\nSo.",
        ["Let me see.", WEATHER, "So."],
    ),
    "an invocation": Recorded(
        f"<function_calls>\n{INVOKE}\n</function_calls>", [WEATHER], enforceable=False
    ),
    "arguments without a tag around": Recorded(
        f"<function_calls>{PLAIN}</function_calls>",
        [("add", {"a": 5, "b": "x < y"})],
        enforceable=False,
    ),
    "both": Recorded(
        f"<function_calls>{FUNCTION}{INVOKE}</function_calls>",
        [WEATHER, WEATHER],
        enforceable=False,
    ),
    "as Hermes": Recorded(f"Yes. {HERMES}", ["Yes.", WEATHER], enforceable=False),
    "without an end": Recorded(f"<function_calls>{FUNCTION}", [WEATHER]),
    "an unknown tool": Recorded(UNKNOWN, [UNKNOWN]),
    "half a call": Recorded(HALF, [HALF], enforceable=False),
    "half a tag": Recorded("Use <function_cal", ["Use <function_cal"]),
    "something else": Recorded(
        "<function_calls>none</function_calls>", ["<function_calls>none</function_calls>"]
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_recorded_forms(form: str) -> None:
    check(Arcee(), FORMS[form])
