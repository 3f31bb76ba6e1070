"""Forms of xLAM 1 and 2."""

import pytest

from pippin.output.families.xlam import XLAM
from pippin.output.pieces import Arguments, Call, Content
from tests.output.families.reading import TOOLS, Recorded, check, read

WEATHER = ("get_weather", {"city": "Rome"})
ROME = '{"name": "get_weather", "arguments": {"city": "Rome"}}'
PING = '{"name": "ping", "arguments": {}}'
HALF = '[{"name": "add", "argum'
NUMBERS = 'As JSON: [1, 2, {"name": "Bob", "arguments": {}}] and {"a": [ ]}'

FORMS = {
    "a list": Recorded(f"[{ROME}]", [WEATHER]),
    "two": Recorded(f"[{ROME}, {PING}]", [WEATHER, ("ping", {})]),
    "one object": Recorded(ROME, [WEATHER]),
    "xLAM 1": Recorded(
        f'{{\n  "tool_calls": [\n    {ROME},\n    {PING}\n  ]\n}}', [WEATHER, ("ping", {})]
    ),
    "a fence": Recorded(f"I see.\n```json\n[{ROME}]\n```", ["I see.", WEATHER]),
    "a fence without a word": Recorded(f"```\n[{ROME}]\n```\n", [WEATHER]),
    "xLAM 1 in a fence": Recorded(f'```json\n{{"tool_calls": [{ROME}]}}\n```', [WEATHER]),
    "Mistral's mark": Recorded(f"I look.[TOOL_CALLS][{ROME}]", ["I look.", WEATHER]),
    "Hermes's marks": Recorded(f"I look.<tool_call>[{ROME}]</tool_call>", ["I look.", WEATHER]),
    "behind thoughts": Recorded(f"<think>So.</think>[{ROME}]", ["<think>So.</think>", WEATHER]),
    "no calls": Recorded('{"tool_calls": []}', ['{"tool_calls": []}']),
    "an empty list": Recorded("[]\n", ["[]\n"]),
    "other JSON": Recorded(NUMBERS, [NUMBERS]),
    "code": Recorded("```python\nx = [{}]\n```", ["```python\nx = [{}]\n```"]),
    "half a call": Recorded(HALF, [HALF]),
    "no arguments": Recorded('[{"name": "ping"}]', ['[{"name": "ping"}]']),
    "more members": Recorded(
        '[{"name": "ping", "age": 3, "arguments": {}}]',
        ['[{"name": "ping", "age": 3, "arguments": {}}]'],
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_recorded_forms(form: str) -> None:
    check(XLAM(), FORMS[form])


def test_other_json_leaves_as_soon_as_it_is_certain() -> None:
    scanner = XLAM().scanner(TOOLS, enforced=False)
    assert scanner.add("[1") == [Content("[", 0), Content("1", 1)]
    assert scanner.add(' {"name": "Bo') == []
    assert scanner.add('b"') == [Content(' {"name": "Bob"', 2)]


def test_enforced_calls_leave_once_a_grammar_has_noticed_them() -> None:
    scanner = XLAM().scanner(TOOLS, enforced=True)
    assert scanner.add('[{"name": "add", "arguments"') == []
    assert scanner.add(': {"a": 1') == [Call("add"), Arguments('{"a": 1')]
    assert scanner.add("}}, ") == [Arguments("}")]
    assert scanner.finish() == []


def test_what_no_grammar_has_noticed_is_content_of_an_enforced_answer() -> None:
    text = '{"id": "7", "name": "add", "arguments": {"a": 1}}'
    assert read(XLAM().scanner(TOOLS, enforced=True), text) == [Content(text, 0)]
