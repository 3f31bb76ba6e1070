"""xLAM: a bare list of calls, mostly; xLAM 1 in ``{"tool_calls": …}``, others in a fence or in
marks of other families."""

from collections.abc import Sequence

from pippin.core.tools import Tool
from pippin.output.families.bare import BareScanner, bare_rules
from pippin.output.families.family import CallRules, Mark
from pippin.output.families.tape import Steps
from pippin.output.pieces import Scanner

_FENCE = "```"
_TAG, _TAG_END = "<tool_call>", "</tool_call>"
_TOKEN = "[TOOL_CALLS]"
_WRAPPER = '"tool_calls"'
_OPENERS = ("[", "{", f"{_FENCE}json", _FENCE, _TAG, _TOKEN)


class XLAM:
    name = "xlam"
    marks: tuple[str, ...] = (_TAG, _TAG_END, _TOKEN)

    def writes(self, template: str) -> bool:
        return "xLAM" in template or "make calls in a single JSON array" in template

    def scanner(self, tools: Sequence[Tool], *, enforced: bool) -> Scanner:
        return XLAMScanner(tools, enforced=enforced, openers=_OPENERS)

    def rules(self, tools: Sequence[Tool], mark: Mark) -> CallRules:
        return bare_rules(tools, mark, "arguments", bracket=r"\[", more=", ", end=mark("]"))


class XLAMScanner(BareScanner):
    promised = False

    def calls(self, opener: str) -> Steps[bool]:
        closers = (_TAG_END,) if opener == _TAG else (_FENCE,) if _FENCE in opener else ()
        if opener == "[":
            return (yield from self.call_list(opened=True))
        if opener != "{" and not (yield from self.tape.accept("{")):
            return (yield from self.call_list(*closers))
        whole = yield from self._object()
        if whole and closers:
            yield from self.tape.accept(*closers)
        return whole

    def _object(self) -> Steps[bool]:
        """Calls, or the object around a list of them; its brace has been read."""
        if not (yield from self.tape.accept(_WRAPPER)):
            return (yield from self.call_series())
        yield from self.tape.accept(":")
        return (yield from self.call_list("}"))
