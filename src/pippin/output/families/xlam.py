"""xLAM: a bare list of calls, mostly; xLAM 1 in ``{"tool_calls": …}``, others in a fence or in
marks of other families."""

from collections.abc import Sequence
from types import MappingProxyType

from pippin.core.tools import Tool
from pippin.output.families.bare import BareScanner, bare_rules
from pippin.output.families.family import CallRules, Mark
from pippin.output.families.tape import Steps
from pippin.output.pieces import Scanner

_FENCE = "```"
_TAG, _TAG_END = "<tool_call>", "</tool_call>"
_TOKEN = "[TOOL_CALLS]"
_WRAPPER = '"tool_calls"'
_CLOSERS = MappingProxyType({f"{_FENCE}json": _FENCE, _FENCE: _FENCE, _TAG: _TAG_END})
_OPENERS = ("[", "{", _TOKEN, *_CLOSERS)


class XLAM:
    """The family."""

    name = "xlam"
    marks: tuple[str, ...] = (_TAG, _TAG_END, _TOKEN)

    def writes(self, template: str) -> bool:
        """By its marks, or the words that explain them."""
        return "xLAM" in template or "make calls in a single JSON array" in template

    def scanner(self, tools: Sequence[Tool], *, enforced: bool) -> Scanner:
        """Of one answer."""
        return XLAMScanner(tools, enforced=enforced, openers=_OPENERS)

    def rules(self, tools: Sequence[Tool], mark: Mark) -> CallRules:
        """As the template writes calls."""
        return bare_rules(
            tools, mark, "arguments", bracket=r"(\[[ \t\n\r]*)?", more=", ", end=f"{mark(']')}?"
        )


class XLAMScanner(BareScanner):
    """Of one answer."""

    def calls(self, opener: str) -> Steps[bool]:
        """Read the calls behind an opener."""
        if opener == "[":
            return (yield from self.call_list(opened=True))
        if opener == "{" or (yield from self.tape.accept("{")):
            whole = yield from self._object()
        else:
            whole = yield from self.call_list()
        if whole and opener in _CLOSERS:
            yield from self.closed_by(_CLOSERS[opener])
        return whole

    def _object(self) -> Steps[bool]:
        """Calls, or the object around a list of them; its brace has been read."""
        if (yield from self.tape.accept(_WRAPPER)):
            yield from self.tape.accept(":")
            return (yield from self.call_list("}"))
        heard = yield from self.call_members()
        return (yield from self.call_series(heard, bracket=True))
