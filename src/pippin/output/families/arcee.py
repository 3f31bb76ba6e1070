"""Arcee Agent, which knows many ways; that of FastMLX's template is ``<function_calls>``.

In it stands each call as ``<function=name>{…}</function>``, or as ``<invoke>`` with tags for the
name and for each argument. It also writes ``<tool_call>``, as Hermes does.
"""

import re
from collections.abc import Sequence

from pippin.core.tools import Tool
from pippin.output.families.family import CallRules, Mark
from pippin.output.families.marked import NAME, BrokenCall
from pippin.output.families.objects import ObjectScanner
from pippin.output.families.schemas import arguments_rule, one_of
from pippin.output.families.tagged import TaggedScanner
from pippin.output.families.tape import Steps
from pippin.output.pieces import Scanner

_CALLS, _CALLS_END = "<function_calls>", "</function_calls>"
_FUNCTION, _FUNCTION_END = "<function=", "</function>"
_INVOKE, _INVOKE_END = "<invoke>", "</invoke>"
_NAME, _NAME_END = "<tool_name>", "</tool_name>"
_PARAMETERS, _PARAMETERS_END = "<parameters>", "</parameters>"
_HERMES, _HERMES_END = "<tool_call>", "</tool_call>"
_KEY = re.compile(r"[\w.-]+")


class Arcee:
    """The family."""

    name = "arcee"
    marks: tuple[str, ...] = (_HERMES, _HERMES_END)

    def writes(self, template: str) -> bool:
        """By its marks, or the words that explain them."""
        return _CALLS in template and _NAME in template

    def scanner(self, tools: Sequence[Tool], *, enforced: bool) -> Scanner:
        """Of one answer."""
        openers = (_CALLS,) if enforced else (_CALLS, _HERMES)
        return ArceeScanner(tools, enforced=enforced, openers=openers, sure=_CALLS)

    def rules(self, tools: Sequence[Tool], mark: Mark) -> CallRules:
        """As the template writes calls."""
        calls = [
            f"{mark(f'{_FUNCTION}{tool.name}>')} {arguments_rule(tool, mark)} {mark(_FUNCTION_END)}"
            for tool in tools
        ]
        line = mark("\n")
        return CallRules(
            trigger=_CALLS,
            first=f"{line} call_any",
            more=f"{line} call_any",
            end=mark(f"\n{_CALLS_END}"),
            rules=one_of("call_any", calls),
        )


class ArceeScanner(TaggedScanner, ObjectScanner):
    """Of one answer. A grammar cares for ``<function=name>`` only."""

    def marked(self, opener: str) -> Steps[None]:
        """Read the calls behind an opener. Raises ``BrokenCall``."""
        if opener == _HERMES:
            if not (yield from self.call_list(_HERMES_END)):
                raise BrokenCall
            return
        found = yield from self.expect(_FUNCTION, _INVOKE)
        while found in (_FUNCTION, _INVOKE):
            yield from self._function() if found == _FUNCTION else self._invoke()
            found = yield from self.close(_FUNCTION, _INVOKE, _CALLS_END)

    def _function(self) -> Steps[None]:
        name = yield from self.named(NAME)
        yield from self.expect(">")
        yield from self.json_call(name)
        yield from self.close(_FUNCTION_END)

    def _invoke(self) -> Steps[None]:
        yield from self.expect(_NAME)
        name = yield from self.named(NAME)
        yield from self.expect(_NAME_END)
        self.begin_object(name)
        yield from self.tape.accept(_PARAMETERS)
        while (end := (yield from self.expect("<", _PARAMETERS_END, _INVOKE_END))) == "<":
            key = yield from self.named(_KEY)
            yield from self.expect(">")
            yield from self.member(key, f"</{key}>")
        if end == _PARAMETERS_END:
            yield from self.expect(_INVOKE_END)
        self.end_object()
