"""The grammar of bare calls: other JSON is free, calls of known tools are noticed."""

import pytest

from pippin.core.tools import Tool, ToolUse
from pippin.output.families.family import Family
from pippin.output.families.grammar import answer_grammar
from pippin.output.families.llama import Llama
from pippin.output.families.xlam import XLAM
from tests.output.families.reading import CITY
from tests.output.families.walking import Bytes, taken

BOTH = pytest.mark.parametrize("family", [Llama(), XLAM()], ids=["llama", "xlam"])
TOOLS = (Tool(name="get", parameters=CITY), Tool(name="get_more"), Tool(name="a.b/c-d"))
CALL = '{"name": "get", "parameters": {"city": "Rome"}}'


def judged(family: Family, text: str, use: ToolUse | None = None) -> tuple[bool, bool]:
    """Whether the whole text is taken, and whether it may end there (or where it was refused)."""
    vocabulary = Bytes(family.marks)
    rules = family.rules(TOOLS, vocabulary.mark)
    grammar = answer_grammar(rules, use or ToolUse(), vocabulary.mark)
    tokens = vocabulary.encode(text)
    count, ends = taken(grammar, vocabulary.tokenizer, tokens)
    return count == len(tokens), ends


@BOTH
@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"name":',
        'So: {"name": "ge',
        '{"name": "get"}, [{"name": "get", "id": 3}]',
        '{"name": "Bob", "parameters": [1]} {"name" : 7}',
        '{"name": "getter", "parameters": [1]}',
        '{"function": {"name": "get"}}',
    ],
)
def test_other_json_is_free(family: Family, text: str) -> None:
    assert judged(family, text) == (True, True)


@BOTH
@pytest.mark.parametrize(
    "begin",
    [
        '{"name": "get", "parameters":',
        '{"name": "Bob"} {"name":"get","arguments":',
        'So:\n{\n  "type": "function",\n  "name": "get",\n  "parameters":',
        '{"type": "function", "function": "get", "parameters":',
        '{"name": {"name": "get", "parameters":',
    ],
)
def test_calls_of_known_tools_are_noticed(family: Family, begin: str) -> None:
    assert judged(family, begin) == (True, False)
    assert judged(family, f'{begin} {{"city": "Rome"}}}}') == (True, True)
    assert judged(family, f"{begin} [") == (False, False)
    assert judged(family, f'{begin} {{"city": 3') == (False, False)


def test_llama_separates_calls_by_semicolons() -> None:
    assert judged(Llama(), f"{CALL}; {CALL}") == (True, True)
    assert judged(Llama(), f"{CALL}; {CALL}", ToolUse(parallel=False)) == (False, True)
    assert judged(Llama(), f"<|python_tag|>{CALL}; {CALL}") == (True, True)
    assert judged(Llama(), f"{CALL} So") == (False, True)


def test_xlam_writes_a_list() -> None:
    call = CALL.replace("parameters", "arguments")
    assert judged(XLAM(), f"[{call}, {call}]", ToolUse(mode="required")) == (True, True)
    assert judged(XLAM(), f"[{call}, {call}]", ToolUse(parallel=False)) == (False, True)
    assert judged(XLAM(), f"[{call}]So") == (False, True)


@BOTH
@pytest.mark.parametrize("text", ["Hi", '{"name": "Bob"', '{"name": "get", "id"', "[]"])
def test_only_calls_where_a_call_must_be(family: Family, text: str) -> None:
    assert judged(family, text, ToolUse(mode="required")) == (False, False)


@BOTH
def test_names_with_odd_characters(family: Family) -> None:
    text = '{"name": "a.b/c-d", "arguments": {"x": 1}}'
    assert judged(family, text, ToolUse(mode="required"))[0]
    assert judged(family, text.replace("a.b", "axb"), ToolUse(mode="required")) == (False, False)
