"""Arguments as JSON, in the grammars of families."""

import pytest

from pippin.core.tools import Tool
from pippin.output.families.schemas import arguments_rule
from tests.output.families.reading import CITY
from tests.output.families.walking import Bytes, taken


def accepts(tool: Tool, text: str) -> bool:
    vocabulary = Bytes()
    grammar = f"%llguidance {{}}\nstart: {arguments_rule(tool, vocabulary.mark)}\n"
    tokens = vocabulary.encode(text)
    return taken(grammar, vocabulary.tokenizer, tokens) == (len(tokens), True)


@pytest.mark.parametrize("text", ["{}", '{"a": [1, {"b": null}]}', '{\n  "é": ""\n}'])
def test_a_tool_without_parameters_takes_any_object(text: str) -> None:
    assert accepts(Tool(name="ping"), text)


@pytest.mark.parametrize("text", ["[]", "1", '"{}"', "null", "", "{,}"])
def test_arguments_are_an_object(text: str) -> None:
    assert not accepts(Tool(name="ping"), text)
    assert not accepts(Tool(name="ping", parameters={"type": ["object", "null"]}), text)


@pytest.mark.parametrize("gap", ["", " ", "  ", "\n", "\r\n\t", "\n" + " " * 16])
def test_json_may_be_laid_out(gap: str) -> None:
    assert accepts(Tool(name="get", parameters=CITY), f'{{{gap}"city":{gap}"Rome"{gap}}}')


@pytest.mark.parametrize("gap", ["   ", "\n\n", "\n" + " " * 17, "\t"])
def test_white_space_is_bounded(gap: str) -> None:
    assert not accepts(Tool(name="get", parameters=CITY), f'{{{gap}"city": "Rome"}}')


def test_options_of_the_schema_cannot_change_the_layout() -> None:
    options = {"item_separator": ";", "whitespace_pattern": "x+", "lenient": True}
    tool = Tool(name="get", parameters={**CITY, "x-guidance": options})
    assert accepts(tool, '{"city": "Rome"}')
    assert not accepts(tool, '{x"city": "Rome"}')


def test_members_that_nobody_listed_are_left_out() -> None:
    assert not accepts(Tool(name="get", parameters=CITY), '{"city": "Rome", "more": 1}')
    assert not accepts(Tool(name="ping", parameters={"properties": {}}), '{"more": 1}')
    tool = Tool(name="get", parameters={**CITY, "additionalProperties": True})
    assert accepts(tool, '{"city": "Rome", "more": 1}')
    named = {"properties": {"a": {"type": "null"}}, "required": ["b"], "minProperties": 2}
    assert accepts(Tool(name="get", parameters=named), '{"a": null, "b": 1}')


def test_definitions_are_found() -> None:
    schema = {
        "properties": {"to": {"$ref": "#/$defs/place"}},
        "required": ["to"],
        "$defs": {"place": {"enum": ["Rome", "Oslo"]}},
    }
    tool = Tool(name="go", parameters=schema)
    assert accepts(tool, '{"to": "Oslo"}')
    assert not accepts(tool, '{"to": "Bonn"}')
