"""Forms of LFM2, as its templates have them and as the models are known to err."""

import json
from typing import Any

import pytest
from hypothesis import given, settings

from pippin.core.tools import Tool, ToolUse
from pippin.errors import InvalidRequest
from pippin.output.families.lfm import LFM2
from pippin.output.pieces import Arguments, Call
from tests.output.families.grammars import accepts
from tests.output.families.reading import Recorded, plainly, read
from tests.output.families.shop import SHOP, VALUES, check_shop
from tests.output.families.walking import Bytes

FAMILY = LFM2()


def calls(text: str) -> str:
    return f"<|tool_call_start|>[{text}]<|tool_call_end|>"


A = calls('edit(path="a.py")')
PATH = ("edit", {"path": "a.py"})
UNKNOWN = calls('rm(path="/")')
BY_PLACE = calls('edit("a.py")')
NO_END = calls('edit(path="a.py)')
TWICE = calls('edit(path="a", path="b")')
NO_COMMA = calls('edit(path="a" line=1)')
NAME = calls("edit(path=a.py)")
HALF_CODE = calls('edit(path="\\u12")')
HALF = A[: A.index(")")]
CODE = 'def f(x):\n\treturn [x, "\']"]'

UNDERSTOOD: dict[str, tuple[str, list[Any]]] = {
    "as the template has it": (A, [PATH]),
    "as LFM2.5's template has it": (A.replace('"', "'"), [PATH]),
    "no arguments": (calls("ping()"), [("ping", {})]),
    "two calls and text": (
        f"So.\n{calls('edit(path=chr), ping()').replace('chr', repr('a.py'))}\nDone.",
        ["So.", PATH, ("ping", {}), "Done."],
    ),
    "all kinds": (
        calls("edit(line=12, ratio=-0.5, force=True, note=None, how='insert')"),
        [("edit", {"line": 12, "ratio": -0.5, "force": True, "note": None, "how": "insert"})],
    ),
    "words of JSON": (
        calls("edit(force=false, note=null)"),
        [("edit", {"force": False, "note": None})],
    ),
    "lists and dictionaries": (
        calls("edit(tags=['a', \"b)]\"], place={'x': 1}, any=[{\"a\": (1, 2.5), 'b': {}}, []])"),
        [
            (
                "edit",
                {"tags": ["a", "b)]"], "place": {"x": 1}, "any": [{"a": [1, 2.5], "b": {}}, []]},
            )
        ],
    ),
    "escapes": (
        calls(r"""edit(path="a\"b\\\n\t\x41\u00e9\ud83d\ude00\U0001F600\d\/")"""),
        [("edit", {"path": 'a"b\\\n\tAé\U0001f600\U0001f600\\d/'})],
    ),
    "code with line breaks": (
        calls(f"edit(path='{CODE}')").replace('"\']"', '"]"'),
        [("edit", {"path": CODE.replace('"\']"', '"]"')})],
    ),
    "spaces and commas too many": (
        calls(" edit( path = 'a.py' , line = 3, ) , "),
        [("edit", {"path": "a.py", "line": 3})],
    ),
    "no brackets": (A.replace("[", "").replace("]", ""), [PATH]),
    "no closing mark": (A.removesuffix("<|tool_call_end|>"), [PATH]),
    "JSON": (calls('{"name": "edit", "arguments": {"path": "a.py"}}'), [PATH]),
    "two calls as JSON": (
        calls('{"name": "ping", "arguments": {}}, {"name": "edit", "arguments": {"path": "a.py"}}'),
        [("ping", {}), PATH],
    ),
    "JSON without brackets": (
        '<|tool_call_start|>{"name": "ping", "arguments": {}}<|tool_call_end|>',
        [("ping", {})],
    ),
}
NOT_JSON = {"lists and dictionaries", "escapes"}
"""A grammar has JSON for them."""
CONTENT = {
    "an unknown tool": (UNKNOWN, True),
    "arguments by their places": (BY_PLACE, False),
    "a string without an end": (NO_END, False),
    "a key twice": (TWICE, False),
    "a comma too few": (NO_COMMA, False),
    "a name for a value": (NAME, False),
    "half an escape": (HALF_CODE, False),
    "half a call": (HALF, False),
    "no call": (calls(""), True),
    "too deep": (calls(f"edit(any={'[' * 200}{']' * 200})"), False),
    "half a mark": ("a <|tool_call", True),
}


@pytest.mark.parametrize("form", UNDERSTOOD)
def test_recorded_forms(form: str) -> None:
    check_shop(FAMILY, Recorded(*UNDERSTOOD[form], enforceable=form not in NOT_JSON))


@pytest.mark.parametrize("form", CONTENT)
def test_what_is_broken_is_content(form: str) -> None:
    text, enforceable = CONTENT[form]
    check_shop(FAMILY, Recorded(text, [text], enforceable))


@settings(deadline=None)
@given(VALUES)
def test_what_python_writes_is_read(value: Any) -> None:
    text = calls(f"edit(any={value!r})")
    assert plainly(read(FAMILY.scanner(SHOP, enforced=False), text)) == [("edit", {"any": value})]
    text = calls(f"edit(any={json.dumps(value)})")
    for enforced in (False, True):
        pieces = read(FAMILY.scanner(SHOP, enforced=enforced), text)
        assert plainly(pieces) == [("edit", {"any": value})]


def test_enforced_arguments_leave_as_they_come() -> None:
    scanner = FAMILY.scanner(SHOP, enforced=True)
    assert scanner.add('<|tool_call_start|>[edit(path="a.') == [
        *(Call("edit"), Arguments("{"), Arguments('"path": '), Arguments('"a.')),
    ]
    assert scanner.add('py", force=Tr') == [Arguments('py"'), Arguments(', "force": ')]
    assert scanner.add("ue)") == [Arguments("true"), Arguments("}")]


@pytest.mark.parametrize("cut", range(len("<|tool_call_start|>[edit("), 90))
def test_an_enforced_call_that_is_cut_off_stands(cut: int) -> None:
    text = calls('edit(path="a\\n", line=12, force=True, any=[{"a": 1}])')
    first, *rest = read(FAMILY.scanner(SHOP, enforced=True), text[:cut])
    assert first == Call("edit")
    assert all(isinstance(piece, Arguments) for piece in rest)
    given = "".join(piece.text for piece in rest if isinstance(piece, Arguments))
    assert '{"path": "a\\n", "line": 12, "force": true, "any": [{"a": 1}]}'.startswith(given)


ALLOWED = {
    "required only": A,
    "all in order": calls(
        'edit(path="p\\n", line=1, ratio=0.5, force=True, how="insert", note=null, '
        'tags=["a", "b"], place={"x": 1}, any={"é": []})'
    ),
    "two calls": calls('edit(path=""), ping()'),
}
REFUSED = {
    "a required one is missing": calls("edit()"),
    "out of order": calls('edit(line=1, path="a")'),
    "too small": calls('edit(path="a", line=0)'),
    "not one of some": calls('edit(path="a", how="delete")'),
    "an unknown argument": calls('edit(path="a", x=1)'),
    "an unknown tool": UNKNOWN,
    "no calls": calls(""),
    "half a call": HALF,
    "text": "Hi",
}


@pytest.mark.parametrize("special", [True, False])
@pytest.mark.parametrize("case", ALLOWED)
def test_the_grammar_allows_what_is_right(case: str, special: bool) -> None:
    assert accepts(FAMILY, SHOP, ALLOWED[case], special=special)
    assert accepts(FAMILY, SHOP, f"So. {ALLOWED[case]}", ToolUse(), special=special)
    pieces = read(FAMILY.scanner(SHOP, enforced=True), ALLOWED[case])
    assert all(isinstance(piece, (Call, Arguments)) for piece in pieces)


@pytest.mark.parametrize("special", [True, False])
@pytest.mark.parametrize("case", REFUSED)
def test_the_grammar_refuses_what_is_wrong(case: str, special: bool) -> None:
    assert not accepts(FAMILY, SHOP, REFUSED[case], special=special)


def test_names_that_are_none_in_python_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="'a b'"):
        FAMILY.rules([Tool(name="f", parameters={"properties": {"a b": {}}})], Bytes().mark)


def test_it_is_known_by_its_template() -> None:
    assert FAMILY.writes('{{- "<|tool_call_start|>[" + calls + "]<|tool_call_end|>" -}}')
    assert FAMILY.writes("List of tools: <|tool_list_start|>[")
    assert not FAMILY.writes("<tool_call>")
