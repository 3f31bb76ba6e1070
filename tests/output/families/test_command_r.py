"""Forms of Command R, and of Command R7B and A."""

import pytest

from pippin.output.families.command_r import CommandR, CommandR7B
from tests.output.families.reading import Recorded, check

WEATHER = ("get_weather", {"city": "Rome"})
INDENTED = """
    {
        "tool_name": "get_weather",
        "parameters": {
            "city": "Rome"
        }
    }"""
ACTION = f"Action: ```json\n[{INDENTED}\n]```"
TWO = f"Action: ```json\n[{INDENTED},{INDENTED}\n]```"
DIRECTLY = 'Action: ```json\n[\n    {"tool_name": "directly_answer", "parameters": {}}\n]```'
ROME = '{"tool_call_id": "0", "tool_name": "get_weather", "parameters": {"city": "Rome"}}'
PING = '{"tool_call_id": "1", "tool_name": "ping", "parameters": {}}'
HALF = 'Action: ```json\n[{"tool_name": "add", "para'

FENCED = {
    "one": Recorded(ACTION, [WEATHER]),
    "two": Recorded(TWO, [WEATHER, WEATHER]),
    "a plan before": Recorded(f"Plan: I look it up.\n{ACTION}\n", ["Plan: I look it up.", WEATHER]),
    "on a line of its own": Recorded(
        ACTION.replace("Action: ", "Action:\n"), [WEATHER], enforceable=False
    ),
    "without a fence": Recorded(f"Action: [{INDENTED}]", [WEATHER], enforceable=False),
    "an answer without a tool": Recorded(
        f"{DIRECTLY}\nGrounded answer: 4.", [f"{DIRECTLY}\nGrounded answer: 4."]
    ),
    "the word": Recorded("Action: none.\nAction", ["Action: none.\nAction"]),
    "half a call": Recorded(HALF, [HALF], enforceable=False),
    "a fence with something else": Recorded(
        "Action: ```json\n{}```", ["Action: ```json\n{}```"], enforceable=False
    ),
}
MARKED = {
    "one": Recorded(f"<|START_ACTION|>[\n    {ROME}\n]<|END_ACTION|>", [WEATHER]),
    "two": Recorded(
        f"<|START_ACTION|>\n[\n    {ROME},\n    {PING}\n]\n<|END_ACTION|>", [WEATHER, ("ping", {})]
    ),
    "text before": Recorded(f"So.<|START_ACTION|>[{ROME}]<|END_ACTION|>", ["So.", WEATHER]),
    "without an end": Recorded(f"<|START_ACTION|>[{ROME}", [WEATHER]),
    "an injected document": Recorded(
        '<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "direct-injected-document"}]',
        ['<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "direct-injected-document"}]'],
    ),
    "an empty list": Recorded(
        "<|START_ACTION|>[]<|END_ACTION|>", ["<|START_ACTION|>[]<|END_ACTION|>"]
    ),
}


@pytest.mark.parametrize("form", FENCED)
def test_command_r(form: str) -> None:
    check(CommandR(), FENCED[form])


@pytest.mark.parametrize("form", MARKED)
def test_command_r7b(form: str) -> None:
    check(CommandR7B(), MARKED[form])
