"""Hermes 2 and 3, Qwen 2.5 and 3, and many fine-tunes of others.

``<tool_call>`` and a JSON object on lines of their own, once for each call.
"""

from collections.abc import Sequence

from pippin.core.tools import Tool
from pippin.output.families.family import CallRules, Mark
from pippin.output.families.objects import ObjectScanner
from pippin.output.families.schemas import call_object, one_of
from pippin.output.families.tape import Steps
from pippin.output.pieces import Scanner

_OPEN = "<tool_call>"
_CLOSE = "</tool_call>"


class Hermes:
    """The family."""

    name = "hermes"
    marks = (_OPEN, _CLOSE)

    def writes(self, template: str) -> bool:
        """By its marks, or the words that explain them."""
        return _OPEN in template and "arguments" in template

    def scanner(self, tools: Sequence[Tool], *, enforced: bool) -> Scanner:
        """Of one answer."""
        return HermesScanner(tools, enforced=enforced, openers=(_OPEN,))

    def rules(self, tools: Sequence[Tool], mark: Mark) -> CallRules:
        """As the template writes calls."""
        rest = " ".join([mark("\n"), "call_any", mark("\n" + _CLOSE)])
        return CallRules(
            trigger=_OPEN,
            first=rest,
            more=" ".join([mark("\n" + _OPEN), rest]),
            rules=one_of("call_any", [call_object(tool, mark) for tool in tools]),
        )


class HermesScanner(ObjectScanner):
    """Also takes what such models write now and then: several objects between two tags, and
    a tag that is not closed before the next one or the end."""

    def calls(self, opener: str) -> Steps[bool]:
        """Read the calls behind an opener."""
        while heard := (yield from self.call_object()):
            following = yield from self.tape.space()
            tag = yield from self.tape.look(_CLOSE, _OPEN)
            if following not in ("", "{") and not tag:
                break
            if tag == _CLOSE:
                yield from self.tape.match(_CLOSE)
            self.give(heard)
            if following != "{":
                return True
        return False
