"""Forms of Qwen3-Coder, as its template shows them and as the model is known to err."""

import pytest

from pippin.core.tools import Tool, ToolUse
from pippin.errors import InvalidRequest
from pippin.output.families.qwen3_coder import Qwen3Coder, SeedOSS
from pippin.output.pieces import Arguments, Call, Content
from tests.output.families.grammars import accepts
from tests.output.families.reading import Recorded, read
from tests.output.families.shop import SHOP, check_shop
from tests.output.families.walking import Bytes

FAMILY = Qwen3Coder()


def call(*arguments: tuple[str, str], name: str = "edit") -> str:
    body = "".join(f"<parameter={key}>\n{value}\n</parameter>\n" for key, value in arguments)
    return f"<tool_call>\n<function={name}>\n{body}</function>\n</tool_call>"


A = call(("path", "a.py"))
PATH = ("edit", {"path": "a.py"})
CODE = "def f():\n    return '</b>' < 3\n"
BARE = A.removeprefix("<tool_call>\n")
NO_NUMBER = call(("path", "a.py"), ("line", "ten"))
TWICE = call(("path", "a.py"), ("path", "b.py"))
UNKNOWN = call(("x", "<tool_call>"), name="format_disk")
TALK = "`<tool_call>` or <function=...>"
JSON = '<tool_call>\n{"name": "ping"}\n</tool_call>'
HALF = A[: A.index("</function>")]

UNDERSTOOD = {
    "as the template has it": Recorded(A, [PATH]),
    "two calls": Recorded(f"{A}\n{call(name='ping')}", [PATH, ("ping", {})]),
    "text around": Recorded(f"I edit. \n{A}\n\nDone.", ["I edit.", PATH, "Done."]),
    "no arguments": Recorded(call(name="ping"), [("ping", {})]),
    "code": Recorded(call(("path", CODE)), [("edit", {"path": CODE})]),
    "an empty string": Recorded(call(("path", "")), [("edit", {"path": ""})]),
    "quotes in a string": Recorded(call(("path", '"a"\\n')), [("edit", {"path": '"a"\\n'})]),
    "half of an end": Recorded(call(("path", "a\n</para")), [("edit", {"path": "a\n</para"})]),
    "numbers": Recorded(
        call(("line", "12"), ("ratio", "-0.5e1")), [("edit", {"line": 12, "ratio": -5.0})]
    ),
    "a string that looks like a number": Recorded(call(("path", "7")), [("edit", {"path": "7"})]),
    "a word of JSON": Recorded(call(("force", "true")), [("edit", {"force": True})]),
    "words of Python": Recorded(
        call(("force", "False"), ("note", "None")), [("edit", {"force": False, "note": None})]
    ),
    "a string that may be null": Recorded(call(("note", "nil")), [("edit", {"note": "nil"})]),
    "one of some": Recorded(call(("how", "insert")), [("edit", {"how": "insert"})]),
    "a list with an end in it": Recorded(
        call(("tags", '["a", "</parameter>"]')), [("edit", {"tags": ["a", "</parameter>"]})]
    ),
    "an object by reference": Recorded(
        call(("place", '{"x": 1}')), [("edit", {"place": {"x": 1}})]
    ),
    "anything": Recorded(call(("any", '{"x": []}')), [("edit", {"any": {"x": []}})]),
    "anything, as a string": Recorded(call(("any", "{x}")), [("edit", {"any": "{x}"})]),
    "a parameter that the schema does not know": Recorded(
        call(("extra", "01")), [("edit", {"extra": "01"})]
    ),
    "on one line": Recorded(A.replace("\n", ""), [PATH]),
    "without its opening tag": Recorded(f"I edit.\n{BARE}", ["I edit.", PATH]),
    "without any outer tag": Recorded(BARE.removesuffix("\n</tool_call>"), [PATH]),
    "without its closing tag": Recorded(A.removesuffix("\n</tool_call>"), [PATH]),
    "two functions in one pair of tags": Recorded(
        A.replace("</tool_call>", "<function=ping></function></tool_call>"), [PATH, ("ping", {})]
    ),
    "a parameter that is not closed": Recorded(
        call(("path", "a"), ("line", "3")).replace("a\n</parameter>", "a"),
        [("edit", {"path": "a", "line": 3})],
        enforceable=False,
    ),
    "the last parameter is not closed": Recorded(
        A.replace("</parameter>\n", ""), [PATH], enforceable=False
    ),
}

CONTENT = {
    "an unknown tool": Recorded(UNKNOWN, [UNKNOWN]),
    "no number": Recorded(NO_NUMBER, [NO_NUMBER], enforceable=False),
    "a parameter twice": Recorded(TWICE, [TWICE], enforceable=False),
    "half a call": Recorded(HALF, [HALF], enforceable=False),
    "half a tag": Recorded("so <tool_ca", ["so <tool_ca"]),
    "talk of tags": Recorded(
        "`<tool_call>` or <function=...>", ["`<tool_call>` or <function=...>"]
    ),
    "a broken call before a whole one": Recorded(
        f"{NO_NUMBER}\n{A}", [NO_NUMBER, PATH], enforceable=False
    ),
    "JSON in the tags": Recorded(
        '<tool_call>\n{"name": "ping"}\n</tool_call>',
        ['<tool_call>\n{"name": "ping"}\n</tool_call>'],
    ),
}


@pytest.mark.parametrize("form", [*UNDERSTOOD, *CONTENT])
def test_recorded_forms(form: str) -> None:
    check_shop(FAMILY, {**UNDERSTOOD, **CONTENT}[form])


def test_enforced_strings_leave_as_they_come() -> None:
    scanner = FAMILY.scanner(SHOP, enforced=True)
    assert scanner.add("<tool_call>\n<function=edit>\n<param") == [Call("edit"), Arguments("{")]
    assert scanner.add("eter=path>\n") == [Arguments('"path": '), Arguments('"')]
    assert scanner.add('a"\n') == [Arguments('a\\"')]
    assert scanner.add("b\n</p") == [Arguments("\\n"), Arguments("b")]
    assert scanner.add("arameter>\n</function>") == [Arguments('"'), Arguments("}")]
    assert scanner.finish() == []


def test_without_its_opening_tag_nothing_is_promised() -> None:
    scanner = FAMILY.scanner(SHOP, enforced=True)
    assert scanner.add(BARE[:30]) == []


@pytest.mark.parametrize("cut", range(len("<tool_call>\n<function=edit>"), len(A)))
def test_an_enforced_call_that_is_cut_off_stands(cut: int) -> None:
    first, *rest = read(FAMILY.scanner(SHOP, enforced=True), A[:cut])
    assert first == Call("edit")
    assert all(isinstance(piece, Arguments) for piece in rest)


def test_what_breaks_against_the_promise_is_content_from_there() -> None:
    pieces = read(FAMILY.scanner(SHOP, enforced=True), "<tool_call>\n<function=ping>\n<x>")
    assert pieces == [Call("ping"), Arguments("{"), Content("\n<x>", 27)]


ALLOWED = {
    "required only": A,
    "all in order": call(
        ("path", CODE),
        ("line", "1"),
        ("ratio", "-0.5"),
        ("force", "true"),
        ("how", "replace"),
        ("note", "null"),
        ("tags", '["</parameter>"]'),
        ("place", '{"x": 3}'),
        ("any", "what it\nwants"),
    ),
    "two calls": f"{A}\n{call(name='ping')}",
}
REFUSED = {
    "a required one is missing": call(),
    "out of order": call(("line", "1"), ("path", "a")),
    "too small": call(("path", "a"), ("line", "0")),
    "not one of some": call(("path", "a"), ("how", "delete")),
    "no boolean": call(("path", "a"), ("force", "True")),
    "an unknown parameter": call(("path", "a"), ("extra", "1")),
    "an unknown tool": call(name="pong"),
    "no call": "Hello",
    "half a call": HALF,
}


@pytest.mark.parametrize("special", [True, False])
@pytest.mark.parametrize("case", ALLOWED)
def test_the_grammar_allows_what_is_right(case: str, special: bool) -> None:
    assert accepts(FAMILY, SHOP, ALLOWED[case], special=special)
    assert accepts(FAMILY, SHOP, f"So:\n{ALLOWED[case]}", ToolUse(), special=special)
    pieces = read(FAMILY.scanner(SHOP, enforced=True), ALLOWED[case])
    assert not any(isinstance(piece, Content) for piece in pieces)


@pytest.mark.parametrize("special", [True, False])
@pytest.mark.parametrize("case", REFUSED)
def test_the_grammar_refuses_what_is_wrong(case: str, special: bool) -> None:
    assert not accepts(FAMILY, SHOP, REFUSED[case], special=special)


def test_one_call_only_where_that_is_asked_for() -> None:
    use = ToolUse(mode="required", parallel=False)
    assert accepts(FAMILY, SHOP, A, use)
    assert not accepts(FAMILY, SHOP, f"{A}\n{A}", use)


SEED = (
    "<seed:tool_call>\n<function=edit>\n<parameter=path>\na\n</parameter>\n"
    "<parameter=line>3</parameter>\n</function>\n</seed:tool_call>"
)


def test_seed_oss() -> None:
    family = SeedOSS()
    meant = ("edit", {"path": "\na\n", "line": 3})
    check_shop(family, Recorded(f"So.\n{SEED}\n{SEED}", ["So.", meant, meant]))
    bare = SEED.removeprefix("<seed:tool_call>\n")
    check_shop(family, Recorded(bare, [meant]))
    for special in (True, False):
        assert accepts(family, SHOP, f"{SEED}\n{SEED}", special=special)
        assert not accepts(family, SHOP, SEED.replace("seed:", ""), special=special)
        assert not accepts(family, SHOP, SEED.replace(">3<", ">\n0\n<"), special=special)
    assert family.writes("'<seed:tool_call>\\n<function=example_function_name>'")
    assert not family.writes("<tool_call>\n<function=")


def test_what_cannot_be_promised_is_refused() -> None:
    tool = Tool(name="f", parameters={"type": "object", "anyOf": [{"required": ["a"]}]})
    with pytest.raises(InvalidRequest, match="anyOf"):
        FAMILY.rules([tool], Bytes().mark)
    with pytest.raises(InvalidRequest, match="a>b"):
        FAMILY.rules([Tool(name="f", parameters={"properties": {"a>b": {}}})], Bytes().mark)


def test_it_is_known_by_its_template() -> None:
    assert FAMILY.writes("<tool_call>\n<function=example>\n<parameter=one>\nvalue")
    assert not FAMILY.writes("<tool_call>\n{{ tool_call | tojson }}")
