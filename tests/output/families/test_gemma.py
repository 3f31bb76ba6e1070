"""Forms of FunctionGemma and Gemma 4, as their templates have them and as the models err."""

import json
from typing import Any

import pytest
from hypothesis import given, settings

from pippin.core.tools import Tool, ToolUse
from pippin.output.families.gemma import FunctionGemma, Gemma4
from pippin.output.pieces import Arguments, Call
from tests.output.families.grammars import accepts
from tests.output.families.reading import Recorded, plainly, read
from tests.output.families.shop import SHOP, VALUES, check_shop

FAMILY = Gemma4()
SMALL = FunctionGemma()


def call(body: str, name: str = "edit") -> str:
    """As Gemma 4 writes it; ``'`` stands for its quotes."""
    quoted = body.replace("'", '<|"|>')
    return f"<|tool_call>call:{name}{{{quoted}}}<tool_call|>"


def small(text: str) -> str:
    """The same as FunctionGemma writes it."""
    for old, new in (
        ("<|tool_call>", "<start_function_call>"),
        ("<tool_call|>", "<end_function_call>"),
        ('<|"|>', "<escape>"),
    ):
        text = text.replace(old, new)
    return text


A = call("path:'a.py'")
PATH = ("edit", {"path": "a.py"})
PING = call("", "ping")
UNKNOWN = call("x:1", "rm")
NO_NUMBER = call("line:ten")
TWICE = call("path:'a',path:'b'")
HALF = A[:-16]
OPEN_QUOTE = call("path:'a.py")

UNDERSTOOD: dict[str, tuple[str, list[Any]]] = {
    "as the template has it": (A, [PATH]),
    "no arguments": (PING, [("ping", {})]),
    "two calls and text": (f"So.\n{A}{PING}\nDone.", ["So.", PATH, ("ping", {}), "Done."]),
    "braces, commas and quotes in a string": (
        call("path:'a{b},\"c\": d\n\\'"),
        [("edit", {"path": 'a{b},"c": d\n\\'})],
    ),
    "all kinds": (
        call("line:12,ratio:-0.5,force:true,note:null,how:'insert'"),
        [("edit", {"line": 12, "ratio": -0.5, "force": True, "note": None, "how": "insert"})],
    ),
    "lists and objects": (
        call("tags:['a','b,]'],place:{x:1},any:{a:[],b:{c:'d'},e:[{f:1.5}]}"),
        [
            (
                "edit",
                {
                    "tags": ["a", "b,]"],
                    "place": {"x": 1},
                    "any": {"a": [], "b": {"c": "d"}, "e": [{"f": 1.5}]},
                },
            )
        ],
    ),
    "spaces": (call(" path : 'a.py' , line : 3 "), [("edit", {"path": "a.py", "line": 3})]),
    "a line break behind the mark": (A.replace("call:", "\ncall:"), [PATH]),
    "quoted keys": (call("any:{'a':1}"), [("edit", {"any": {"a": 1}})]),
    "JSON": (
        call('path:"a.py",any:{"a": ["b"]}'),
        [("edit", {"path": "a.py", "any": {"a": ["b"]}})],
    ),
    "no quotes": (call("path:a.py"), [PATH]),
    "a string of digits": (call("path:7"), [("edit", {"path": "7"})]),
    "words of Python": (call("force:True,note:None"), [("edit", {"force": True, "note": None})]),
    "two calls between two marks": (
        A.replace("<tool_call|>", "call:ping{}<tool_call|>"),
        [PATH, ("ping", {})],
    ),
    "no closing mark": (A.removesuffix("<tool_call|>"), [PATH]),
}
CONTENT = {
    "an unknown tool": (UNKNOWN, True),
    "no number": (NO_NUMBER, False),
    "a key twice": (TWICE, False),
    "half a call": (HALF, False),
    "an open quote": (OPEN_QUOTE, False),
    "no call": ("<|tool_call>I call<tool_call|>", True),
    "half a mark": ("a <|tool_", True),
    "too deep": (call(f"any:{'[' * 200}{']' * 200}"), False),
}


@pytest.mark.parametrize("form", UNDERSTOOD)
def test_recorded_forms(form: str) -> None:
    text, meaning = UNDERSTOOD[form]
    check_shop(FAMILY, Recorded(text, meaning))
    check_shop(SMALL, Recorded(small(text), meaning))


@pytest.mark.parametrize("form", CONTENT)
def test_what_is_broken_is_content(form: str) -> None:
    text, enforceable = CONTENT[form]
    check_shop(FAMILY, Recorded(text, [text], enforceable))


def written(value: Any) -> str:
    """As Gemma 4's template writes values."""
    if isinstance(value, str):
        return f'<|"|>{value}<|"|>'
    if isinstance(value, dict):
        return "{" + ",".join(f'<|"|>{k}<|"|>:{written(v)}' for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value)


@settings(deadline=None)
@given(VALUES)
def test_what_the_template_writes_is_read(value: Any) -> None:
    text = f"<|tool_call>call:edit{{any:{written(value)}}}<tool_call|>"
    for enforced in (False, True):
        pieces = read(FAMILY.scanner(SHOP, enforced=enforced), text)
        assert plainly(pieces) == [("edit", {"any": value})]


def test_enforced_strings_leave_as_they_come() -> None:
    scanner = FAMILY.scanner(SHOP, enforced=True)
    given = scanner.add('<|tool_call>call:edit{path:<|"|>a.')
    assert given == [
        *(Call("edit"), Arguments("{"), Arguments('"path": ')),
        *(Arguments('"'), Arguments("a.")),
    ]
    assert scanner.add('py<|"') == [Arguments("py")]
    assert scanner.add("|>,line:1") == [Arguments('"'), Arguments(', "line": ')]
    assert "".join(p.text for p in scanner.add("2}") if isinstance(p, Arguments)) == "12}"


@pytest.mark.parametrize("cut", range(len("<|tool_call>call:edit{"), 90))
def test_an_enforced_call_that_is_cut_off_stands(cut: int) -> None:
    text = call("any:[{a:'b'},1],line:12,note:null,path:'a.py'")
    first, *rest = read(FAMILY.scanner(SHOP, enforced=True), text[:cut])
    assert first == Call("edit")
    assert all(isinstance(piece, Arguments) for piece in rest)
    given = "".join(piece.text for piece in rest if isinstance(piece, Arguments))
    assert '{"any": [{"a": "b"}, 1], "line": 12, "note": null, "path": "a.py"}'.startswith(given)


ALLOWED = {
    "required only": A,
    "all, sorted": call(
        "any:'x',force:true,how:'insert',line:12,note:'n',path:'p',place:{x:1},ratio:0.5,tags:['a','b']"
    ),
    "other kinds": call("any:[1, {\"a\": null}],note:null,path:'',tags:[]"),
    "two calls": A + PING,
}
REFUSED = {
    "a required one is missing": call("line:1"),
    "not sorted": call("path:'a',line:1"),
    "too small": call("line:0,path:'a'"),
    "not one of some": call("how:'delete',path:'a'"),
    "an unknown key": call("path:'a',x:1"),
    "an unknown tool": UNKNOWN,
    "a string for an integer": call("path:'a',place:{x:'1'}"),
    "a member too many": call("path:'a',place:{x:1,y:2}"),
    "a comma too many": call("path:'a',"),
    "half a call": HALF,
    "no call": "Hi",
}


@pytest.mark.parametrize("special", [True, False])
@pytest.mark.parametrize("case", ALLOWED)
def test_the_grammar_allows_what_is_right(case: str, special: bool) -> None:
    for family, text in ((FAMILY, ALLOWED[case]), (SMALL, small(ALLOWED[case]))):
        assert accepts(family, SHOP, text, special=special)
        assert accepts(family, SHOP, f"So. {text}", ToolUse(), special=special)
        pieces = read(family.scanner(SHOP, enforced=True), text)
        assert all(isinstance(piece, (Call, Arguments)) for piece in pieces)


@pytest.mark.parametrize("special", [True, False])
@pytest.mark.parametrize("case", REFUSED)
def test_the_grammar_refuses_what_is_wrong(case: str, special: bool) -> None:
    assert not accepts(FAMILY, SHOP, REFUSED[case], special=special)
    assert not accepts(SMALL, SHOP, small(REFUSED[case]), special=special)


def test_schemas_that_refer_to_themselves() -> None:
    below = {"$ref": "#/$defs/N"}
    node = {"type": "object", "properties": {"left": below, "right": below}}
    tool = Tool(
        name="f", parameters={"properties": {"n": {"$ref": "#/$defs/N"}}, "$defs": {"N": node}}
    )
    deep = "{left:" * 12 + "{}" + "}" * 12
    assert not accepts(FAMILY, [tool], call(f"n:{deep}", "f"))
    outer, inner = "{left:" * 8, json.loads('{"right": {"left": {}}}')
    assert accepts(FAMILY, [tool], call(f"n:{outer}{json.dumps(inner)}{'}' * 8}", "f"))
    assert not accepts(FAMILY, [tool], call("n:{left:1}", "f"))


def test_they_are_known_by_their_templates() -> None:
    assert FAMILY.writes("'<|tool_call>call:' + function['name'] + '{'")
    assert SMALL.writes("'<start_function_call>call:' + function['name'] + '{'")
    assert not FAMILY.writes("<tool_call>")
