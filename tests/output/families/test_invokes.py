"""Forms of MiniMax M2 and of DeepSeek V3.2 and V4: calls between tags that are alike."""

# ruff: noqa: RUF001  the bars in DeepSeek's marks are wide ones

import re
from typing import Any

import pytest

from pippin.core.tools import Tool, ToolUse
from pippin.output.families.deepseek import DeepSeekV4, DeepSeekV32
from pippin.output.families.family import Family
from pippin.output.families.minimax import MiniMaxM2
from pippin.output.pieces import Arguments, Call
from tests.output.families.grammars import accepts
from tests.output.families.reading import Recorded, read
from tests.output.families.shop import SHOP, check_shop

M2 = MiniMaxM2()
V32 = DeepSeekV32()
V4 = DeepSeekV4()
OPEN, CLOSE = "<minimax:tool_call>", "</minimax:tool_call>"
PATH = ("edit", {"path": "a.py"})


def invoke(*arguments: tuple[str, str], name: str = "edit") -> str:
    """As MiniMax writes it."""
    body = "".join(f'<parameter name="{key}">{value}</parameter>\n' for key, value in arguments)
    return f'\n<invoke name="{name}">\n{body}</invoke>'


def dsml(text: str, outer: str = "function_calls") -> str:
    """As DeepSeek writes it; arguments are strings but for a few of the shop's."""
    text = re.sub("(</?)(invoke|parameter)", r"\1｜DSML｜\2", text)
    for key in ("path", "how", "any"):
        text = text.replace(f'name="{key}"', f'name="{key}" string="true"')
    for key in ("line", "ratio", "force", "note", "tags", "place"):
        text = text.replace(f'name="{key}"', f'name="{key}" string="false"')
    return f"<｜DSML｜{outer}>{text}\n</｜DSML｜{outer}>"


def m2(text: str) -> str:
    return f"{OPEN}{text}\n{CLOSE}"


A = invoke(("path", "a.py"))
PING = invoke(name="ping")
CODE = "<b>\n\treturn \"'</a>'\"\n"
NO_NUMBER = invoke(("line", "ten"))
UNKNOWN = invoke(name="rm")
ALL = (
    ("path", CODE),
    ("line", "12"),
    ("ratio", "0.5"),
    ("force", "true"),
    ("how", "insert"),
    ("note", "null"),
    ("tags", '["a", "</x>"]'),
    ("place", '{"x": 3}'),
    ("any", "x\ny"),
)
VALUES = {
    "path": CODE,
    "line": 12,
    "ratio": 0.5,
    "force": True,
    "how": "insert",
    "note": None,
    "tags": ["a", "</x>"],
    "place": {"x": 3},
    "any": "x\ny",
}
BOTH: dict[str, tuple[str, list[Any]]] = {
    "as the template has it": (A, [PATH]),
    "two calls": (A + PING, [PATH, ("ping", {})]),
    "all kinds": (invoke(*ALL), [("edit", VALUES)]),
    "on one line": (A.replace("\n", ""), [PATH]),
    "single quotes": (A.replace('"edit"', "'edit'"), [PATH]),
    "a string of digits": (invoke(("path", "007")), [("edit", {"path": "007"})]),
}


@pytest.mark.parametrize("form", BOTH)
def test_forms_that_both_have(form: str) -> None:
    text, meaning = BOTH[form]
    check_shop(M2, Recorded(m2(text), meaning))
    for family in (V32, V4):
        check_shop(family, Recorded(dsml(text), meaning))
        check_shop(family, Recorded(dsml(text, "tool_calls"), meaning))
        around = Recorded(f"So.\n\n{dsml(text)}\nDone.", ["So.", *meaning, "Done."])
        check_shop(family, around)


BROKEN = {
    "an unknown tool": (UNKNOWN, True),
    "no number": (NO_NUMBER, False),
    "twice the same": (invoke(("path", "a"), ("path", "b")), False),
    "half a call": (A[:-4], False),
    "no name": (A.replace('"edit"', '""'), True),
}


@pytest.mark.parametrize("form", BROKEN)
def test_what_is_broken_is_content(form: str) -> None:
    text, enforceable = BROKEN[form]
    check_shop(M2, Recorded(m2(text), [m2(text)], enforceable))
    check_shop(V32, Recorded(dsml(text), [dsml(text)], enforceable))


def test_forms_of_minimax() -> None:
    check_shop(M2, Recorded(f"So.{A}\nDone.", ["So.", PATH, "Done."]))
    check_shop(M2, Recorded(m2(A).replace('"', ""), [PATH]))
    ends = m2(invoke(("path", "</invoke>"), ("tags", '["</parameter>"]')))
    meant = ("edit", {"path": "</invoke>", "tags": ["</parameter>"]})
    check_shop(M2, Recorded(ends, [meant]))
    check_shop(M2, Recorded(m2(A + UNKNOWN + PING), [PATH, UNKNOWN, ("ping", {})]))
    assert M2.writes("{%- set toolcall_begin_token = '<minimax:tool_call>' -%}")


def test_forms_of_deepseek() -> None:
    parameter = '<｜DSML｜parameter name="{}">{}</｜DSML｜parameter>'
    plain = f'<｜DSML｜invoke name="edit">{parameter}</｜DSML｜invoke>'
    check_shop(V32, Recorded(plain.format("line", "3"), [("edit", {"line": 3})]))
    wrong = 'note" string="false'
    check_shop(V32, Recorded(plain.format(wrong, '"x"'), [("edit", {"note": "x"})]))
    wrong = 'line" string="true'
    check_shop(V32, Recorded(plain.format(wrong, "3"), [("edit", {"line": 3})]))
    template = 'set dsml_token = "｜DSML｜" <{{ dsml_token }}function_calls>'
    assert V32.writes(template)
    assert not V4.writes(template)
    assert V4.writes(template.replace("function_calls", "tool_calls"))


def test_enforced_strings_leave_as_they_come() -> None:
    scanner = V32.scanner(SHOP, enforced=True)
    text = dsml(A)
    at = text.index("a.py") + 2
    assert scanner.add(text[:at]) == [
        *(Call("edit"), Arguments("{")),
        *(Arguments('"path": '), Arguments('"'), Arguments("a.")),
    ]
    assert "".join(p.text for p in scanner.add(text[at:]) if isinstance(p, Arguments)) == 'py"}'


WHOLE = dsml(A)


@pytest.mark.parametrize("cut", range(WHOLE.index(">\n<｜DSML｜par") + 1, len(WHOLE)))
def test_an_enforced_call_that_is_cut_off_stands(cut: int) -> None:
    first, *rest = read(V32.scanner(SHOP, enforced=True), WHOLE[:cut])
    assert first == Call("edit")
    assert all(isinstance(piece, Arguments) for piece in rest)


@pytest.mark.parametrize("special", [True, False])
@pytest.mark.parametrize(
    ("family", "outer"), [(M2, ""), (V32, "function_calls"), (V4, "tool_calls")]
)
def test_the_grammar(family: Family, outer: str, special: bool) -> None:
    def whole(text: str) -> str:
        return dsml(text, outer) if outer else m2(text)

    for text in (whole(A), whole(A + PING), whole(invoke(*ALL))):
        assert accepts(family, SHOP, text, special=special)
        assert accepts(family, SHOP, f"Well. {text}", ToolUse(), special=special)
        pieces = read(family.scanner(SHOP, enforced=True), text)
        assert all(isinstance(piece, (Call, Arguments)) for piece in pieces)
    for text in (
        *(whole(invoke()), whole(UNKNOWN), whole(NO_NUMBER), whole(A)[:-1], A, "Hi"),
        whole(invoke(("path", "a"), ("line", "0"))),
        whole(invoke(("path", "a"), ("how", "delete"))),
        whole(invoke(("line", "1"), ("path", "a"))),
    ):
        assert not accepts(family, SHOP, text, special=special)


def test_the_grammar_says_what_is_a_string() -> None:
    tool = Tool(
        name="edit",
        parameters={
            "properties": {"how": {"enum": ["a", 1]}, "note": {"type": ["string", "null"]}}
        },
    )
    form = '<parameter name="{}" string="{}">{}</parameter>\n'
    for key, is_string, value, right in (
        *(("how", "true", "a", True), ("how", "false", "1", True), ("how", "true", "1", False)),
        *(("note", "true", "x", True), ("note", "false", "null", True)),
        *(("note", "false", "3", False), ("note", "true", "null", True)),
    ):
        body = form.format(key, is_string, value)
        text = f'\n<invoke name="edit">\n{body}</invoke>'
        marked = re.sub("(</?)(invoke|parameter)", r"\1｜DSML｜\2", text)
        marked = f"<｜DSML｜function_calls>{marked}\n</｜DSML｜function_calls>"
        assert accepts(V32, [tool], marked) is right
