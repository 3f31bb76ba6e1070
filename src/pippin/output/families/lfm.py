"""LFM2 and LFM2.5: a list of calls as Python.

``<|tool_call_start|>[NAME(KEY="TEXT", KEY=12), …]<|tool_call_end|>``; asked for it, the models
write a list of JSON objects between the same marks.
"""

from collections.abc import Sequence

from pippin.core.tools import Tool
from pippin.output.families.family import CallRules, Mark
from pippin.output.families.marked import BrokenCall
from pippin.output.families.objects import ObjectScanner
from pippin.output.families.pythonic import PythonicScanner, pythonic_rules
from pippin.output.families.tape import Steps
from pippin.output.pieces import Scanner

_OPEN = "<|tool_call_start|>"
_CLOSE = "<|tool_call_end|>"


class LFM2:
    """The family."""

    name = "lfm2"
    marks = (_OPEN, _CLOSE)

    def writes(self, template: str) -> bool:
        """By the marks of calls or of the list of tools."""
        return _OPEN in template or "<|tool_list_start|>" in template

    def scanner(self, tools: Sequence[Tool], *, enforced: bool) -> Scanner:
        """Of one answer."""
        return _Scanner(tools, enforced=enforced, openers=(_OPEN,), sure=_OPEN)

    def rules(self, tools: Sequence[Tool], mark: Mark) -> CallRules:
        """As the template writes calls. Raises ``InvalidRequest``."""
        return CallRules(
            trigger=_OPEN,
            first=f"{mark('[')} call_any",
            more=f"{mark(', ')} call_any",
            rules=pythonic_rules(tools, mark),
            end=mark(f"]{_CLOSE}"),
        )


class _Scanner(PythonicScanner, ObjectScanner):
    def marked(self, opener: str) -> Steps[None]:
        listed = bool((yield from self.tape.accept("[")))
        if (yield from self.tape.space()) == "{":
            if not (yield from self.call_list(_CLOSE, opened=listed)):
                raise BrokenCall
            return
        while True:
            yield from self.call()
            if not listed or (yield from self.close(",", "]")) != ",":
                break
            if (yield from self.close("]")):
                break
        yield from self.close(_CLOSE)
