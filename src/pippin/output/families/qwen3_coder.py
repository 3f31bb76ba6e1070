"""Qwen3-Coder, and Qwen3.5, Nemotron 3 and Step 3.5 after it: tags with the name in them.

``<tool_call>\\n<function=NAME>\\n<parameter=KEY>\\nVALUE\\n</parameter>\\n</function>\\n</tool_call>``

The model at times forgets ``<tool_call>``, and at times the end of a parameter; both are read.
Its templates write the words of Python (``True``) in a conversation's history, so it does, too.
"""

import re
from collections.abc import Sequence

from pippin.core.tools import Tool
from pippin.output.families.family import CallRules, Mark
from pippin.output.families.marked import NAME
from pippin.output.families.tagged import TagForm, TaggedRules, TaggedScanner
from pippin.output.families.tape import Steps
from pippin.output.pieces import Scanner

_OPEN = "<tool_call>"
_CLOSE = "</tool_call>"
_FUNCTION = "<function="
_FUNCTION_END = "</function>"
_PARAMETER = "<parameter="
_KEY = re.compile(r"[^<>\n]+")
_END = "</parameter>"
_ENDS = ("\n</parameter>", _END)
_LENIENT_ENDS = (*_ENDS, "\n<parameter=", "\n</function>")


class Qwen3Coder:
    """The family."""

    name = "qwen3_coder"
    marks = (_OPEN, _CLOSE)

    def writes(self, template: str) -> bool:
        """By its tags."""
        return "<function=" in template and "<parameter=" in template

    def scanner(self, tools: Sequence[Tool], *, enforced: bool) -> Scanner:
        """Of one answer."""
        return _Scanner(tools, enforced=enforced, openers=(_OPEN, _FUNCTION), sure=_OPEN)

    def rules(self, tools: Sequence[Tool], mark: Mark) -> CallRules:
        """Written as the template writes calls. Raises ``InvalidRequest``."""
        form = TagForm(
            before_name="\n<function=",
            after_name=">\n",
            before_key="<parameter=",
            after_key=">\n",
            value_end=_END,
            before_value_end="\n",
            after_value="\n",
            after_arguments="</function>\n</tool_call>",
        )
        return CallRules(
            trigger=_OPEN,
            first="call_any",
            more=f"{mark(chr(10) + _OPEN)} call_any",
            rules=TaggedRules(tools, mark, form).text(),
        )


class _Scanner(TaggedScanner):
    def marked(self, opener: str) -> Steps[None]:
        if opener == _OPEN:
            yield from self.expect(_FUNCTION)
        while True:
            yield from self._call()
            if (yield from self.close(_CLOSE)):
                return
            if opener != _OPEN or not (yield from self.tape.match(_FUNCTION)):
                return

    def _call(self) -> Steps[None]:
        name = yield from self.named(NAME)
        end = yield from self.expect(">")
        self.begin_object(name)
        while True:
            if end not in (_PARAMETER, _FUNCTION_END):
                end = yield from self.expect(_PARAMETER, _FUNCTION_END)
            if end == _FUNCTION_END:
                break
            key = yield from self.named(_KEY)
            yield from self.expect(">")
            yield from self.tape.match("\n")
            end = yield from self.member(key, *(_ENDS if self.direct else _LENIENT_ENDS))
        self.end_object()
