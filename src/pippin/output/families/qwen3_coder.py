"""Qwen3-Coder, and Qwen3.5, Nemotron 3 and Step 3.5 after it: tags with the name in them.

``<tool_call>\\n<function=NAME>\\n<parameter=KEY>\\nVALUE\\n</parameter>\\n</function>\\n</tool_call>``

The model at times forgets ``<tool_call>``, and at times the end of a parameter; both are read.
Its templates write the words of Python (``True``) in a conversation's history, so it does, too.
Seed-OSS has ``<seed:tool_call>`` around, and no line breaks around values.
"""

import re
from collections.abc import Sequence

from pippin.core.tools import Tool
from pippin.output.families.family import CallRules, Mark
from pippin.output.families.marked import NAME
from pippin.output.families.tagged import TagForm, TaggedRules, TaggedScanner
from pippin.output.families.tape import Steps
from pippin.output.pieces import Scanner

_FUNCTION = "<function="
_FUNCTION_END = "</function>"
_PARAMETER = "<parameter="
_KEY = re.compile(r"[^<>\n]+")
_END = "</parameter>"
_UNCLOSED = ("\n<parameter=", "\n</function>")


class Qwen3Coder:
    """The family."""

    name = "qwen3_coder"
    marks = ("<tool_call>", "</tool_call>")
    _gap = "\n"
    """Around a value."""

    def writes(self, template: str) -> bool:
        """By its tags."""
        return "<function=" in template and "<parameter=" in template

    def scanner(self, tools: Sequence[Tool], *, enforced: bool) -> Scanner:
        """Of one answer."""
        return _Scanner(tools, enforced=enforced, marks=self.marks, gap=self._gap)

    def rules(self, tools: Sequence[Tool], mark: Mark) -> CallRules:
        """Written as the template writes calls. Raises ``InvalidRequest``."""
        begin, end = self.marks
        form = TagForm(
            before_name="\n<function=",
            after_name=">\n",
            before_key="<parameter=",
            after_key=f">{self._gap}",
            value_end=_END,
            before_value_end=self._gap,
            after_value="\n",
            after_arguments=f"</function>\n{end}",
        )
        return CallRules(
            trigger=begin,
            first="call_any",
            more=f"{mark(chr(10) + begin)} call_any",
            rules=TaggedRules(tools, mark, form).text(),
        )


class SeedOSS(Qwen3Coder):
    """Seed-OSS."""

    name = "seed_oss"
    marks = ("<seed:tool_call>", "</seed:tool_call>")
    _gap = ""

    def writes(self, template: str) -> bool:
        """By its outer tag."""
        return self.marks[0] in template


class _Scanner(TaggedScanner):
    def __init__(
        self, tools: Sequence[Tool], *, enforced: bool, marks: tuple[str, str], gap: str
    ) -> None:
        self._open, self._close = marks
        self._gap = gap
        self._ends = (f"{gap}{_END}", _END) if gap else (_END,)
        openers = (self._open, _FUNCTION)
        super().__init__(tools, enforced=enforced, openers=openers, sure=self._open)

    def marked(self, opener: str) -> Steps[None]:
        if opener == self._open:
            yield from self.expect(_FUNCTION)
        while True:
            yield from self._call()
            if (yield from self.close(self._close)):
                return
            if opener == _FUNCTION or not (yield from self.tape.match(_FUNCTION)):
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
            if self._gap:
                yield from self.tape.match(self._gap)
            end = yield from self.member(key, *self._ends, *(() if self.direct else _UNCLOSED))
        self.end_object()
