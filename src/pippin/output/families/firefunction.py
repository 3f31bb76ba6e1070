"""Firefunction v2, and Phi-4-mini: ``functools`` and a list."""

from collections.abc import Sequence

from pippin.core.tools import Tool
from pippin.output.families.family import CallRules, Mark
from pippin.output.families.objects import ObjectScanner
from pippin.output.families.schemas import call_object, one_of
from pippin.output.families.tape import Steps
from pippin.output.pieces import Scanner

_TRIGGER = "functools["


class Firefunction:
    """The family."""

    name = "firefunction"
    marks: tuple[str, ...] = ()

    def writes(self, template: str) -> bool:
        """By its marks, or the words that explain them."""
        return "functools" in template

    def scanner(self, tools: Sequence[Tool], *, enforced: bool) -> Scanner:
        """Of one answer."""
        return FirefunctionScanner(tools, enforced=enforced, openers=(_TRIGGER,))

    def rules(self, tools: Sequence[Tool], mark: Mark) -> CallRules:
        """As the template writes calls."""
        return CallRules(
            trigger=_TRIGGER,
            first="call_any",
            more=f"{mark(', ')} call_any",
            end=mark("]"),
            rules=one_of("call_any", [call_object(tool, mark) for tool in tools]),
        )


class FirefunctionScanner(ObjectScanner):
    """Of one answer."""

    def calls(self, opener: str) -> Steps[bool]:
        """Read the calls behind an opener."""
        return (yield from self.call_list(opened=True))
