"""Forms of Llama 4, Llama 3.2 and ToolACE when they write Python."""

import pytest

from pippin.core.tools import ToolUse
from pippin.output.families.grammar import answer_grammar
from pippin.output.families.python_list import PythonList
from pippin.output.pieces import Arguments, Call
from tests.output.families.reading import TOOLS, Recorded, check, read
from tests.output.families.walking import Bytes, taken

WEATHER = ("get_weather", {"city": "Rome"})
UNKNOWN = "[get_events(location='Singapore')]"
HALF = '[get_weather(city="Ro'
CODE = "x = [1, 2]; y = [f(a=1)]; z = a[ping]"

FORMS = {
    "one": Recorded('[get_weather(city="Rome")]', [WEATHER]),
    "two": Recorded('[get_weather(city="Rome"), ping()]', [WEATHER, ("ping", {})]),
    "Python's quotes and words": Recorded(
        "[add(a='it is', b=[True, None, {'c': -1.5}])]",
        [("add", {"a": "it is", "b": [True, None, {"c": -1.5}]})],
        enforceable=False,
    ),
    "marks": Recorded('<|python_start|>[get_weather(city="Rome")]<|python_end|>', [WEATHER]),
    "text before": Recorded('I look: [get_weather(city="Rome")]', ["I look:", WEATHER]),
    "brackets in a string": Recorded('[get_weather(city=")]")]', [("get_weather", {"city": ")]"})]),
    "without a list": Recorded('get_weather(city="Rome")', ['get_weather(city="Rome")']),
    "an unknown tool": Recorded(UNKNOWN, [UNKNOWN]),
    "code": Recorded(CODE, [CODE]),
    "a link": Recorded("[ping](http://a)", ["[ping](http://a)"]),
    "half a call": Recorded(HALF, [HALF], enforceable=False),
}


@pytest.mark.parametrize("form", FORMS)
def test_recorded_forms(form: str) -> None:
    check(PythonList(), FORMS[form])


def test_enforced_arguments_leave_as_they_come() -> None:
    scanner = PythonList().scanner(TOOLS, enforced=True)
    assert Call("get_weather") in scanner.add("[get_weather(")
    rest = read(scanner, 'city="Rome")]')
    assert isinstance(rest[0], Arguments)


@pytest.mark.parametrize(
    ("text", "judgement"),
    [
        ("See [1] and [ping] and [pong(a=1)]", (True, True)),
        ('So: [get_weather(city="Rome"), ping(', (True, False)),
        ('[get_weather(city="Rome")]', (True, True)),
        ("[get_weather(city=3", (False, False)),
        ('[get_weather(city="Rome"), pong(', (False, False)),
        ('[get_weather(city="Rome")] So', (False, True)),
    ],
)
def test_calls_of_known_tools_are_noticed(text: str, judgement: tuple[bool, bool]) -> None:
    vocabulary = Bytes(PythonList.marks)
    rules = PythonList().rules(TOOLS, vocabulary.mark)
    grammar = answer_grammar(rules, ToolUse(), vocabulary.mark)
    tokens = vocabulary.encode(text)
    count, ends = taken(grammar, vocabulary.tokenizer, tokens)
    assert (count == len(tokens), ends) == judgement
