"""Granite 3: ``<|tool_call|>``, a token of 3.0, 3.2 and 3.3, or ``<tool_call>``, as 3.1 writes it,
and a list. Granite 4 is of the Hermes family."""

from collections.abc import Sequence

from pippin.core.tools import Tool
from pippin.output.families.family import CallRules, Mark, Opening
from pippin.output.families.objects import ObjectScanner
from pippin.output.families.schemas import call_list, call_object
from pippin.output.families.tape import Steps
from pippin.output.pieces import Scanner

_TOKEN = "<|tool_call|>"
_TAG = "<tool_call>"
_TAG_END = "</tool_call>"


class Granite:
    """The family."""

    name = "granite"
    marks: tuple[str, ...] = (_TOKEN, _TAG, _TAG_END)

    def writes(self, template: str) -> bool:
        """By its marks, or the words that explain them."""
        return _TOKEN in template or "JSON list of tools used" in template

    def scanner(self, tools: Sequence[Tool], *, enforced: bool) -> Scanner:
        """Of one answer."""
        return GraniteScanner(tools, enforced=enforced, openers=(_TOKEN, _TAG))

    def rules(self, tools: Sequence[Tool], mark: Mark) -> CallRules:
        """As the template writes calls."""
        rules = call_list(_TOKEN, [call_object(tool, mark) for tool in tools], mark)
        return CallRules(
            trigger="",
            first="",
            more=rules.more,
            end=rules.end,
            rules=rules.rules,
            openings=(Opening(mark(_TOKEN), rules.first), Opening(mark(_TAG), rules.first)),
        )


class GraniteScanner(ObjectScanner):
    """Also takes a single object, and a closing tag."""

    def calls(self, opener: str) -> Steps[bool]:
        """Read the calls behind an opener."""
        return (yield from self.call_list(_TAG_END))
