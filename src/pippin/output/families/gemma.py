"""FunctionGemma and Gemma 4: objects with bare keys, and a mark of their own for quotes.

``<start_function_call>call:NAME{KEY:<escape>TEXT<escape>,KEY:12}<end_function_call>``; Gemma 4 has
``<|tool_call>``, ``<|"|>`` and ``<tool_call|>``, and objects and lists of the same kind inside.
Gemma 3 has no form of its own: it calls as the prompt asks it to.
"""

from collections.abc import Sequence

from pippin.core.tools import Tool
from pippin.output.families.braces import BraceRules, BraceScanner
from pippin.output.families.family import CallRules, Mark
from pippin.output.pieces import Scanner


class Gemma4:
    """Gemma 4."""

    name = "gemma4"
    _open, _close, _quote = "<|tool_call>", "<tool_call|>", '<|"|>'

    @property
    def marks(self) -> tuple[str, ...]:
        return self._open, self._close, self._quote

    def writes(self, template: str) -> bool:
        """By the marks around a call."""
        return self._open in template

    def scanner(self, tools: Sequence[Tool], *, enforced: bool) -> Scanner:
        """Of one answer."""
        return BraceScanner(
            tools, enforced=enforced, opener=self._open, closer=self._close, quote=self._quote
        )

    def rules(self, tools: Sequence[Tool], mark: Mark) -> CallRules:
        """As the template writes calls, arguments sorted by name. Raises ``InvalidRequest``."""
        return CallRules(
            trigger=self._open,
            first=f"call_any {mark(self._close)}",
            more=f"{mark(self._open)} call_any {mark(self._close)}",
            rules=BraceRules(tools, mark, self._quote).text(),
        )


class FunctionGemma(Gemma4):
    """FunctionGemma, a Gemma 3 of 270M parameters."""

    name = "function_gemma"
    _open, _close, _quote = "<start_function_call>", "<end_function_call>", "<escape>"
