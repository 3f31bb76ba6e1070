"""Kimi K2 and K2 Thinking.

``<|tool_calls_section_begin|><|tool_call_begin|>functions.NAME:0<|tool_call_argument_begin|>{…}``
``<|tool_call_end|><|tool_calls_section_end|>``

The number counts the calls of a conversation. The models now and then forget the marks of the
section, its plural, ``functions.`` or the number.
"""

import re
from collections.abc import Sequence

from pippin.core.tools import Tool
from pippin.output.families.family import CallRules, Mark
from pippin.output.families.marked import NAME, MarkedScanner
from pippin.output.families.schemas import arguments_rule, one_of
from pippin.output.families.tape import Steps
from pippin.output.pieces import Scanner

_OPEN = "<|tool_calls_section_begin|>"
_CLOSE = "<|tool_calls_section_end|>"
_OTHER_OPEN = "<|tool_call_section_begin|>"
_OTHER_CLOSE = "<|tool_call_section_end|>"
_BEGIN = "<|tool_call_begin|>"
_ARGUMENTS = "<|tool_call_argument_begin|>"
_END = "<|tool_call_end|>"
_PREFIX = "functions."
_NUMBER = re.compile(r":\d+$")


class KimiK2:
    """The family."""

    name = "kimi_k2"
    marks = (_OPEN, _CLOSE, _BEGIN, _ARGUMENTS, _END)

    def writes(self, template: str) -> bool:
        """By the marks of a call."""
        return _BEGIN in template and _ARGUMENTS in template

    def scanner(self, tools: Sequence[Tool], *, enforced: bool) -> Scanner:
        """Of one answer."""
        openers = (_OPEN, _OTHER_OPEN, _BEGIN)
        return _Scanner(tools, enforced=enforced, openers=openers, sure=_OPEN)

    def rules(self, tools: Sequence[Tool], mark: Mark) -> CallRules:
        """As the template writes calls."""
        calls = [
            " ".join(
                [
                    mark(f"{_BEGIN}{_PREFIX}{tool.name}:"),
                    "CALL_NUMBER",
                    mark(_ARGUMENTS),
                    arguments_rule(tool, mark),
                    mark(_END),
                ]
            )
            for tool in tools
        ]
        return CallRules(
            trigger=_OPEN,
            first="call_any",
            more="call_any",
            rules=f"CALL_NUMBER: /[0-9]{{1,4}}/\n{one_of('call_any', calls)}",
            end=mark(_CLOSE),
        )


class _Scanner(MarkedScanner):
    def marked(self, opener: str) -> Steps[None]:
        if opener != _BEGIN:
            yield from self.expect(_BEGIN)
        while True:
            yield from self.tape.space()
            name = yield from self.named(NAME)
            yield from self.expect(_ARGUMENTS)
            yield from self.json_call(self._tool_name(name))
            yield from self.close(_END)
            if (yield from self.close(_CLOSE, _OTHER_CLOSE, _BEGIN)) != _BEGIN:
                return

    def _tool_name(self, written: str) -> str:
        """Without what Kimi writes around it, as far as there is a tool of that name."""
        bare = written.removeprefix(_PREFIX)
        ways = (bare, _NUMBER.sub("", bare), written, _NUMBER.sub("", written))
        return next((name for name in ways if name in self.names), written)
