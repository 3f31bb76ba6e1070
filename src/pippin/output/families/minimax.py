"""MiniMax M1 and M2.

M2: ``<minimax:tool_call>``, ``<invoke name="…">`` for each call, ``</minimax:tool_call>``. M1:
``<tool_calls>``, a JSON object on a line for each call, ``</tool_calls>``.
"""

from collections.abc import Sequence

from pippin.core.tools import Tool
from pippin.output.families.family import CallRules, Mark
from pippin.output.families.invokes import InvokeScanner, invoke_rules
from pippin.output.families.objects import ObjectScanner
from pippin.output.families.schemas import call_object, one_of
from pippin.output.families.tape import Steps
from pippin.output.pieces import Scanner

_TAG = "minimax:tool_call"
_OPEN = "<tool_calls>"
_CLOSE = "</tool_calls>"


class MiniMaxM2:
    """M2 and its followers."""

    name = "minimax_m2"
    marks = (f"<{_TAG}>", f"</{_TAG}>")

    def writes(self, template: str) -> bool:
        """By its tag."""
        return f"<{_TAG}>" in template

    def scanner(self, tools: Sequence[Tool], *, enforced: bool) -> Scanner:
        """Of one answer."""
        return InvokeScanner(tools, enforced=enforced, prefix="", outer=(_TAG,))

    def rules(self, tools: Sequence[Tool], mark: Mark) -> CallRules:
        """As the template writes calls. Raises ``InvalidRequest``."""
        return invoke_rules(tools, mark, prefix="", outer=_TAG)


class MiniMaxM1:
    """M1."""

    name = "minimax"
    marks = (_OPEN, _CLOSE)

    def writes(self, template: str) -> bool:
        """By its tag and its words for what is in it; others have lists in such tags."""
        return _OPEN in template and "<args-json-object>" in template

    def scanner(self, tools: Sequence[Tool], *, enforced: bool) -> Scanner:
        """Of one answer."""
        return _LinesScanner(tools, enforced=enforced, openers=(_OPEN,))

    def rules(self, tools: Sequence[Tool], mark: Mark) -> CallRules:
        """As the template writes calls."""
        rest = f"{mark(chr(10))} call_any"
        return CallRules(
            trigger=_OPEN,
            first=rest,
            more=rest,
            rules=one_of("call_any", [call_object(tool, mark) for tool in tools]),
            end=mark(f"\n{_CLOSE}"),
        )


class _LinesScanner(ObjectScanner):
    def calls(self, opener: str) -> Steps[bool]:
        found = False
        while heard := (yield from self.call_object()):
            self.give(heard)
            found = True
            if (yield from self.tape.space()) != "{":
                break
        else:
            return False
        closed = yield from self.tape.accept(_CLOSE)
        if not closed and self.enforced and self.tape.cut:
            self.tape.drop_rest()
        return found
