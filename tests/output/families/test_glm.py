"""Forms of GLM 4.5 to 4.7, as their templates have them and as the models are known to err."""

import pytest

from pippin.core.tools import ToolUse
from pippin.output.families.glm import GLM45, GLM47
from pippin.output.pieces import Arguments, Call
from tests.output.families.grammars import accepts
from tests.output.families.reading import Recorded, read
from tests.output.families.shop import SHOP, check_shop

FAMILY = GLM45()
LATER = GLM47()


def call(*arguments: tuple[str, str], name: str = "edit", gap: str = "\n") -> str:
    body = "".join(
        f"<arg_key>{key}</arg_key>{gap}<arg_value>{value}</arg_value>{gap}"
        for key, value in arguments
    )
    return f"<tool_call>{name}{gap}{body}</tool_call>"


A = call(("path", "a.py"))
PATH = ("edit", {"path": "a.py"})
CODE = "\n<b>\n\treturn '<arg_key>'\n"
NO_NUMBER = call(("line", "ten"))
UNKNOWN = call(("x", "1"), name="rm")
HALF = A[: A.index("</tool_call>")]
LEAKED = A.replace("</arg_key>", "</arg_key></arg_key>")

UNDERSTOOD = {
    "as the template has it": Recorded(A, [PATH]),
    "without line breaks": Recorded(A.replace("\n", ""), [PATH]),
    "no arguments": Recorded(call(name="ping"), [("ping", {})]),
    "no arguments, without line breaks": Recorded("<tool_call>ping</tool_call>", [("ping", {})]),
    "two calls and text": Recorded(
        f"I edit.\n{A}\n{call(name='ping')}\nDone.", ["I edit.", PATH, ("ping", {}), "Done."]
    ),
    "two calls, without line breaks": Recorded(f"{A}{A}".replace("\n", ""), [PATH, PATH]),
    "code, to the letter": Recorded(call(("path", CODE)), [("edit", {"path": CODE})]),
    "all kinds": Recorded(
        call(("line", "12"), ("ratio", "0.5"), ("force", "true"), ("note", "null")),
        [("edit", {"line": 12, "ratio": 0.5, "force": True, "note": None})],
    ),
    "a string of digits": Recorded(call(("path", "10001")), [("edit", {"path": "10001"})]),
    "an object with an end in it": Recorded(
        call(("tags", '["</arg_value>"]')), [("edit", {"tags": ["</arg_value>"]})]
    ),
    "no beginning of a value": Recorded(A.replace("\n<arg_value>", ""), [PATH]),
    "a key that ends twice": Recorded(LEAKED, [PATH]),
    "JSON behind the name": Recorded('<tool_call>edit\n{"path": "a.py"}\n</tool_call>', [PATH]),
}
CONTENT = {
    "an unknown tool": Recorded(UNKNOWN, [UNKNOWN]),
    "no number": Recorded(NO_NUMBER, [NO_NUMBER], enforceable=False),
    "half a call": Recorded(HALF, [HALF], enforceable=False),
    "a lone tag": Recorded("<tool_call>", ["<tool_call>"]),
    "a broken call before a whole one": Recorded(
        f"{NO_NUMBER}\n{A}", [NO_NUMBER, PATH], enforceable=False
    ),
}


@pytest.mark.parametrize("form", [*UNDERSTOOD, *CONTENT])
def test_recorded_forms(form: str) -> None:
    check_shop(FAMILY, {**UNDERSTOOD, **CONTENT}[form])


def test_enforced_strings_leave_as_they_come() -> None:
    scanner = FAMILY.scanner(SHOP, enforced=True)
    assert scanner.add("<tool_call>edit\n<arg_key>pa") == [Call("edit"), Arguments("{")]
    assert scanner.add("th</arg_key>\n<arg_value>a") == [
        Arguments('"path": '),
        Arguments('"'),
        Arguments("a"),
    ]
    assert scanner.add("</arg") == []
    assert scanner.add("_value>\n</tool_call>") == [Arguments('"'), Arguments("}")]


@pytest.mark.parametrize("cut", range(len("<tool_call>edit\n<arg_key>"), len(A)))
def test_an_enforced_call_that_is_cut_off_stands(cut: int) -> None:
    first, *rest = read(FAMILY.scanner(SHOP, enforced=True), A[:cut])
    assert first == Call("edit")
    assert all(isinstance(piece, Arguments) for piece in rest)


EVERYTHING = (
    ("path", "\n<b>\n"),
    ("line", "1"),
    ("ratio", "-0.5"),
    ("force", "false"),
    ("how", "insert"),
    ("note", "null"),
    ("tags", '["a"]'),
    ("place", '{"x": 3}'),
    ("any", "<x>"),
)


@pytest.mark.parametrize("special", [True, False])
@pytest.mark.parametrize(("family", "gap"), [(FAMILY, "\n"), (LATER, "")])
def test_the_grammar(family: GLM45, gap: str, special: bool) -> None:
    path, all_of_it = call(("path", "a"), gap=gap), call(*EVERYTHING, gap=gap)
    for text in (path, all_of_it, f"{path}{gap}{call(name='ping', gap=gap)}"):
        assert accepts(family, SHOP, text, special=special)
        assert accepts(family, SHOP, f"Well. {text}", ToolUse(), special=special)
        pieces = read(family.scanner(SHOP, enforced=True), text)
        assert all(isinstance(piece, (Call, Arguments)) for piece in pieces)
    for text in (
        call(gap=gap),
        call(("line", "1"), gap=gap),
        call(("path", "a"), ("line", "0"), gap=gap),
        call(("path", "a"), ("how", "delete"), gap=gap),
        call(("path", "a"), ("x", "1"), gap=gap),
        call(name="rm", gap=gap),
        path[:-3],
    ):
        assert not accepts(family, SHOP, text, special=special)


def test_they_are_known_by_their_templates() -> None:
    old = "<arg_key>{arg-key-1}</arg_key>\n<arg_value>{arg-value-1}</arg_value>"
    assert FAMILY.writes(old)
    assert not LATER.writes(old)
    assert LATER.writes(old.replace("\n", ""))
    assert not FAMILY.writes("<tool_call>")
