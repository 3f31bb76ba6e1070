"""Calls that are bare JSON: only a known tool's name tells them from other JSON in an answer."""

import json
import re
from collections.abc import Sequence

from pippin.core.tools import Tool
from pippin.output.families.calls import Heard
from pippin.output.families.family import CallRules, CommonOpening, Mark, Opening
from pippin.output.families.objects import ARGUMENT_KEYS, NAME_KEYS, ObjectScanner, call_of
from pippin.output.families.schemas import arguments_rule, call_object, gap, name_text, one_of
from pippin.output.families.tape import Steps

_SPACE = r"[ \t\n\r]*"
_TYPE = _SPACE.join(['"type"', ":", '"function"', ",", ""])
_BEFORE_NAME = _SPACE.join([r"\{", f'({_TYPE})?"(name|function)"', ":"])
_KEY = '"(arguments|parameters)"'
_KEYS = NAME_KEYS | ARGUMENT_KEYS | {"type", "id", "tool_call_id"}


class BareScanner(ObjectScanner):
    """Such calls have no further members, and must have arguments.

    A grammar notices them by that, if just the name (and the type) stands before the arguments.
    What it has not noticed is content of an enforced answer.
    """

    def call_members(self) -> Steps[Heard | None]:
        members: dict[str, str] = {}
        while not (yield from self.tape.accept("}")):
            if members and not (yield from self.tape.accept(",")):
                return None
            key = yield from self.key()
            if key is None or key in members or key not in _KEYS:
                return None
            if self.enforced and key in ARGUMENT_KEYS:
                return (yield from self._noticed(members))
            value = yield from self.tape.json()
            if value is None or (key in NAME_KEYS and self.known(value) is None):
                return None
            members[key] = value
        return call_of(members) if ARGUMENT_KEYS & members.keys() else None

    def _noticed(self, members: dict[str, str]) -> Steps[Heard | None]:
        """Give a call whose arguments follow, if a grammar has noticed it."""
        *before, name_key = members or [""]
        written = members.get(name_key, "null")
        name = json.loads(written)
        if name_key not in ("name", "function") or name_text(name) != written:
            return None
        if before and (before != ["type"] or members["type"] != '"function"'):
            return None
        self.begin(name)
        if not (yield from self.arguments()):
            return None
        return (yield from self.call_rest(name, given=True))

    def key(self) -> Steps[str | None]:
        if (yield from self.tape.space()) != '"':
            return None
        text = yield from self.tape.json()
        if text is None or "\\" in text or not (yield from self.tape.accept(":")):
            return None
        return text[1:-1]


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
        openings=(
            CommonOpening(
                f"/{bracket}{_BEFORE_NAME}/",
                tuple(
                    Opening(_name(tool), f"{gap(mark)} {arguments_rule(tool, mark)} {mark('}')}")
                    for tool in tools
                ),
            ),
        ),
    )


def _name(tool: Tool) -> str:
    """What an object that is a call of the tool goes on with, up to its arguments."""
    name = re.escape(name_text(tool.name)).replace("/", r"\/")
    return f"/{_SPACE.join(['', name, ',', _KEY, ':'])}/"
