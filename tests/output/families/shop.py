"""Tools with every kind of parameter, for families that write arguments one by one."""

from collections.abc import Sequence

from hypothesis import strategies as st

from pippin.core.tools import Tool
from pippin.output.families.family import Family
from pippin.output.pieces import Content
from tests.output.families.reading import Recorded, plainly, read

EDIT = Tool(
    name="edit",
    parameters={
        "type": "object",
        "properties": {
            "path": {"type": "string"},
            "line": {"type": "integer", "minimum": 1},
            "ratio": {"type": "number"},
            "force": {"type": "boolean"},
            "how": {"type": "string", "enum": ["insert", "replace"]},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "tags": {"type": "array", "items": {"type": "string"}},
            "place": {"$ref": "#/$defs/Place"},
            "any": {},
        },
        "required": ["path"],
        "$defs": {
            "Place": {
                "type": "object",
                "properties": {"x": {"type": "integer"}},
                "required": ["x"],
                "additionalProperties": False,
            }
        },
    },
)
PING = Tool(name="ping")
SHOP = (EDIT, PING)
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="<|>"))
"""Texts without marks."""
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.from_regex(r"[a-z_]{1,5}", fullmatch=True), inner, max_size=3)
    ),
    max_leaves=6,
)
"""Of JSON, as models may mean them."""


def check_shop(family: Family, recorded: Recorded, tools: Sequence[Tool] = SHOP) -> None:
    """Whole, character by character, and cut at each place; nothing is lost, nothing moved."""
    text = recorded.text
    every = [[1] * len(text), *([cut] for cut in range(len(text)))]
    for enforced in (False, True) if recorded.enforceable else (False,):
        whole = read(family.scanner(tools, enforced=enforced), text)
        assert plainly(whole) == recorded.meaning
        assert all(text.startswith(p.text, p.start) for p in whole if isinstance(p, Content))
        for cuts in every:
            assert read(family.scanner(tools, enforced=enforced), text, cuts) == whole
    assert read(family.scanner((), enforced=False), text) == ([Content(text, 0)] if text else [])
