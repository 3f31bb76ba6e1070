"""Calls that are bare JSON: only a known tool's name tells them from other JSON in an answer."""

import json
import re
from collections.abc import Sequence

from pippin.core.tools import Tool
from pippin.output.families.family import CallRules, Mark, Opening
from pippin.output.families.objects import ObjectScanner
from pippin.output.families.schemas import arguments_rule, call_object, gap, one_of
from pippin.output.families.tape import Steps

_SPACE = r"[ \t\n\r]*"


class BareScanner(ObjectScanner):
    """Objects, one behind the other, behind semicolons, or in a list."""

    bare = True

    def calls(self, opener: str) -> Steps[bool]:
        if opener == "[":
            return (yield from self.call_list(opened=True))
        return (yield from self.call_series())

    def call_series(self) -> Steps[bool]:
        """Read calls that stand behind one another, when the brace of the first has been read."""
        self._listed = False
        heard = yield from self.call_members()
        while heard:
            self.give(heard)
            semicolon = yield from self.tape.accept(";")
            following = yield from self.tape.space()
            if following != "{":
                return not semicolon or (self.enforced and not following)
            heard = yield from self.call_object()
        return False


def bare_rules(
    tools: Sequence[Tool], mark: Mark, key: str, *, bracket: str, more: str, end: str
) -> CallRules:
    """``key``: how arguments are called. ``bracket``: a regex of what may open a list. ``more``:
    the text between calls. ``end``: a Lark expression of what may follow them."""
    return CallRules(
        trigger="",
        first="",
        more=f"{mark(more)} call_any",
        end=end,
        rules=one_of("call_any", [call_object(tool, mark, key) for tool in tools]),
        openings=tuple(
            Opening(_opening(tool, bracket), f"{gap(mark)} {arguments_rule(tool)} {mark('}')}")
            for tool in tools
        ),
    )


def _opening(tool: Tool, bracket: str) -> str:
    """All that an object may begin with which is a call of the tool, up to its arguments."""
    name = re.escape(json.dumps(tool.name, ensure_ascii=False)).replace("/", r"\/")
    words = [
        bracket + r"\{",
        rf'("type"{_SPACE}:{_SPACE}"function"{_SPACE},{_SPACE})?"name"',
        ":",
        name,
        ",",
        '"(arguments|parameters)"',
        ":",
    ]
    return f"/{_SPACE.join(words)}/"
