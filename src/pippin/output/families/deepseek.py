"""DeepSeek V3 and R1, and V3.1: arguments as JSON between marks. V3.2 and V4: tags.

V3 and R1 write ``<｜tool▁call▁begin｜>function<｜tool▁sep｜>NAME``, a fence of ``json`` with the
object in it, and ``<｜tool▁call▁end｜>``; V3.1 writes ``NAME<｜tool▁sep｜>{…}`` between these.
Both have ``<｜tool▁calls▁begin｜>`` and ``<｜tool▁calls▁end｜>`` around all calls.

R1 spells the first mark in several ways, and leaves marks out. Both forms are read for both.
"""

# ruff: noqa: RUF001, RUF002  the bars in its marks are wide ones

from collections.abc import Sequence

from pippin.core.tools import Tool
from pippin.output.families.family import CallRules, Mark
from pippin.output.families.invokes import DSML, InvokeScanner, invoke_rules
from pippin.output.families.marked import NAME, MarkedScanner
from pippin.output.families.schemas import arguments_rule, one_of
from pippin.output.families.tape import Steps
from pippin.output.pieces import Scanner

_OPEN = "<｜tool▁calls▁begin｜>"
_OTHER_OPENS = (
    "<｜tool_calls_begin｜>",
    "<｜tool calls begin｜>",
    "<｜tool\\_calls\\_begin｜>",
    "<｜tool▁calls｜>",
)
_CLOSE = "<｜tool▁calls▁end｜>"
_BEGIN = "<｜tool▁call▁begin｜>"
_SEPARATOR = "<｜tool▁sep｜>"
_END = "<｜tool▁call▁end｜>"
_KIND = "function"
_FENCE = "```"
_JSON = "```json"


class DeepSeekV3:
    """V3, R1 and their relatives."""

    name = "deepseek_v3"
    marks = (_OPEN, _CLOSE, _BEGIN, _SEPARATOR, _END)

    def writes(self, template: str) -> bool:
        """By the marks of a call, and its fence."""
        return _SEPARATOR in template and _JSON in template

    def scanner(self, tools: Sequence[Tool], *, enforced: bool) -> Scanner:
        """Of one answer."""
        openers = (_OPEN, *_OTHER_OPENS, _BEGIN)
        return _Scanner(tools, enforced=enforced, openers=openers, sure=_OPEN)

    def rules(self, tools: Sequence[Tool], mark: Mark) -> CallRules:
        """As the template writes calls."""
        return _rules(
            tools,
            mark,
            before=f"{_KIND}{_SEPARATOR}",
            between=f"\n{_JSON}\n",
            behind=f"\n{_FENCE}",
            gap=mark("\n"),
        )


class DeepSeekV31(DeepSeekV3):
    """V3.1."""

    name = "deepseek_v31"

    def writes(self, template: str) -> bool:
        """By the marks of a call."""
        return _SEPARATOR in template

    def rules(self, tools: Sequence[Tool], mark: Mark) -> CallRules:
        """As the template writes calls."""
        return _rules(tools, mark, between=_SEPARATOR)


class DeepSeekV32:
    """V3.2."""

    name = "deepseek_v32"
    marks = (DSML,)
    _outer = ("function_calls", "tool_calls")

    def writes(self, template: str) -> bool:
        """By the word in its tags."""
        return DSML in template

    def scanner(self, tools: Sequence[Tool], *, enforced: bool) -> Scanner:
        """Of one answer."""
        return InvokeScanner(tools, enforced=enforced, prefix=DSML, outer=self._outer)

    def rules(self, tools: Sequence[Tool], mark: Mark) -> CallRules:
        """As the template writes calls. Raises ``InvalidRequest``."""
        return invoke_rules(tools, mark, prefix=DSML, outer=self._outer[0])


class DeepSeekV4(DeepSeekV32):
    """V4."""

    name = "deepseek_v4"
    _outer = ("tool_calls", "function_calls")

    def writes(self, template: str) -> bool:
        """By the words in its tags."""
        return DSML in template and "tool_calls>" in template


def _rules(
    tools: Sequence[Tool],
    mark: Mark,
    *,
    between: str,
    before: str = "",
    behind: str = "",
    gap: str = "",
) -> CallRules:
    calls = [
        " ".join(
            [
                mark(f"{_BEGIN}{before}{tool.name}{between}"),
                arguments_rule(tool, mark),
                mark(f"{behind}{_END}"),
            ]
        )
        for tool in tools
    ]
    return CallRules(
        trigger=_OPEN,
        first="call_any",
        more=f"{gap} call_any",
        rules=one_of("call_any", calls),
        end=mark(_CLOSE),
    )


class _Scanner(MarkedScanner):
    def marked(self, opener: str) -> Steps[None]:
        if opener != _BEGIN:
            yield from self.tape.accept(_BEGIN)
        while True:
            yield from self._call()
            if (yield from self.close(_CLOSE, _BEGIN)) != _BEGIN:
                return

    def _call(self) -> Steps[None]:
        yield from self.tape.space()
        name = yield from self.named(NAME)
        yield from self.tape.space()
        if (yield from self.tape.match(_SEPARATOR)):
            yield from self.tape.space()
            if name == _KIND and not (yield from self.tape.look("{", _FENCE)):
                name = yield from self.named(NAME)
        fence = yield from self.tape.accept(_JSON, _FENCE)
        yield from self.json_call(name)
        if fence:
            yield from self.close(_FENCE)
        yield from self.close(_END)
