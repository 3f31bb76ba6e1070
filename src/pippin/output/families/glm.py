"""GLM 4.5 to 4.7 and Laguna: keys and values in tags of their own.

``<tool_call>NAME<arg_key>KEY</arg_key><arg_value>VALUE</arg_value></tool_call>``; before 4.7 with
a line break before each ``<arg_…>`` and the end. Now and then the models leave out ``<arg_value>``,
write ``</arg_key>`` twice, or one JSON object behind the name as GLM 4 did.
"""

import re
from collections.abc import Sequence

from pippin.core.tools import Tool
from pippin.output.families.family import CallRules, Mark
from pippin.output.families.marked import NAME
from pippin.output.families.tagged import TagForm, TaggedRules, TaggedScanner
from pippin.output.families.tape import Steps
from pippin.output.pieces import Scanner

_OPEN, _CLOSE = "<tool_call>", "</tool_call>"
_KEY, _KEY_END = "<arg_key>", "</arg_key>"
_VALUE, _VALUE_END = "<arg_value>", "</arg_value>"
_KEY_TEXT = re.compile(r"[^<>]+")


class GLM45:
    """GLM 4.5 and 4.6."""

    name = "glm45"
    marks = (_OPEN, _CLOSE, _KEY, _KEY_END, _VALUE, _VALUE_END)

    def writes(self, template: str) -> bool:
        """By its tags."""
        return _KEY in template and _VALUE in template

    def scanner(self, tools: Sequence[Tool], *, enforced: bool) -> Scanner:
        """Of one answer."""
        return _Scanner(tools, enforced=enforced, openers=(_OPEN,), sure=_OPEN)

    def rules(self, tools: Sequence[Tool], mark: Mark) -> CallRules:
        """As the template writes calls. Raises ``InvalidRequest``."""
        return _rules(tools, mark, "\n")


class GLM47(GLM45):
    """GLM 4.7 and later."""

    name = "glm47"

    def writes(self, template: str) -> bool:
        """By its tags, one behind the other."""
        return f"{_KEY_END}{_VALUE}" in template

    def rules(self, tools: Sequence[Tool], mark: Mark) -> CallRules:
        """As the template writes calls. Raises ``InvalidRequest``."""
        return _rules(tools, mark, "")


def _rules(tools: Sequence[Tool], mark: Mark, gap: str) -> CallRules:
    form = TagForm(
        before_name="",
        after_name=gap,
        before_key=_KEY,
        after_key=f"{_KEY_END}{gap}{_VALUE}",
        value_end=_VALUE_END,
        after_value=gap,
        after_arguments=_CLOSE,
    )
    return CallRules(
        trigger=_OPEN,
        first="call_any",
        more=f"{mark(gap + _OPEN)} call_any",
        rules=TaggedRules(tools, mark, form).text(),
    )


class _Scanner(TaggedScanner):
    def marked(self, opener: str) -> Steps[None]:
        yield from self.tape.space()
        name = yield from self.named(NAME)
        if (yield from self.tape.space()) == "{":
            yield from self.json_call(name)
            yield from self.close(_CLOSE)
            return
        end = yield from self.expect(_KEY, _CLOSE)
        self.begin_object(name)
        while end == _KEY:
            key = yield from self.named(_KEY_TEXT)
            yield from self.expect(_KEY_END)
            while (yield from self.tape.accept(_KEY_END, _VALUE)) == _KEY_END:
                pass
            yield from self.member(key.strip(), _VALUE_END)
            end = yield from self.expect(_KEY, _CLOSE)
        self.end_object()
