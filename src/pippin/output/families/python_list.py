"""Llama 4, Llama 3.2 and ToolACE, where they are asked for Python: ``[name(key="text"), …]``.

Only a known tool's name tells such a list from other text. Llama 4 sometimes writes
``<|python_start|>`` and ``<|python_end|>`` around it.
"""

import re
from collections.abc import Sequence

from pippin.core.tools import Tool
from pippin.output.families.family import CallRules, CommonOpening, Mark, Opening
from pippin.output.families.pythonic import PythonicScanner, pythonic_rules
from pippin.output.families.tape import Steps
from pippin.output.pieces import Scanner

_START, _END = "<|python_start|>", "<|python_end|>"
_SPACE = r"[ \t\n\r]*"


class PythonList:
    """The family."""

    name = "pythonic"
    marks: tuple[str, ...] = (_START, _END)

    def writes(self, template: str) -> bool:
        """By the words of the instruction."""
        return "func_name1(" in template

    def scanner(self, tools: Sequence[Tool], *, enforced: bool) -> Scanner:
        """Of one answer."""
        return PythonListScanner(tools, enforced=enforced, openers=("[", _START), sure="[")

    def rules(self, tools: Sequence[Tool], mark: Mark) -> CallRules:
        """As the instruction says. Raises ``InvalidRequest``."""
        ways = [
            Opening(_name(tool), f"call_{number} {mark(')')}") for number, tool in enumerate(tools)
        ]
        marked = Opening(mark(_START), f"{mark('[')} call_any")
        return CallRules(
            trigger="",
            first="",
            more=f"{mark(', ')} call_any",
            rules=pythonic_rules(tools, mark),
            end=f"{mark(']')} ({mark(_END)})?",
            openings=(CommonOpening(r"/\[/", tuple(ways)), marked),
        )


class PythonListScanner(PythonicScanner):
    """Of one answer."""

    def marked(self, opener: str) -> Steps[None]:
        """Read the calls behind an opener. Raises ``BrokenCall``."""
        self.direct = self.enforced
        if opener == _START:
            yield from self.expect("[")
        while True:
            yield from self.call()
            if (yield from self.close(",", "]")) != ",":
                break
            if (yield from self.close("]")):
                break
        yield from self.close(_END)


def _name(tool: Tool) -> str:
    name = re.escape(tool.name).replace("/", r"\/")
    return f"/{_SPACE}{name}{_SPACE}\\(/"
