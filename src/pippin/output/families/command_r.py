"""Cohere's models. Command R and R+ write ``Action:`` and a list in a fence; Command R7B and
Command A a list between tokens."""

from collections.abc import Sequence

from pippin.core.tools import Tool
from pippin.output.families.family import CallRules, Mark
from pippin.output.families.objects import ObjectScanner
from pippin.output.families.schemas import arguments_rule, name_text, one_of
from pippin.output.families.tape import Steps
from pippin.output.pieces import Scanner

_FENCE = "```"
_ACTION = f"Action: {_FENCE}json"
_START = "<|START_ACTION|>"
_END = "<|END_ACTION|>"
_OPEN_LIST = "\n["
_INDENTED = '\n    {{\n        "tool_name": {},\n        "parameters": '
_BEFORE_ID = '\n    {"tool_call_id": "'
_ON_ONE_LINE = '", "tool_name": {}, "parameters": '


class CommandR:
    """The family of Command R and R+."""

    name = "command_r"
    marks: tuple[str, ...] = ()

    def writes(self, template: str) -> bool:
        """By its marks, or the words that explain them."""
        return "Action:" in template and "tool_name" in template

    def scanner(self, tools: Sequence[Tool], *, enforced: bool) -> Scanner:
        """Of one answer."""
        opener = _ACTION if enforced else "Action:"
        return CommandRScanner(tools, enforced=enforced, openers=(opener,))

    def rules(self, tools: Sequence[Tool], mark: Mark) -> CallRules:
        """As the template writes calls."""
        calls = [
            f"{mark(_INDENTED.format(name_text(tool.name)))} {arguments_rule(tool, mark)} "
            + mark("\n    }")
            for tool in tools
        ]
        return CallRules(
            trigger=_ACTION,
            first=f"{mark(_OPEN_LIST)} call_any",
            more=f"{mark(',')} call_any",
            end=mark(f"\n]{_FENCE}"),
            rules=one_of("call_any", calls),
        )


class CommandR7B:
    """The family of Command R7B, Command A and those after them."""

    name = "command_r7b"
    marks: tuple[str, ...] = (_START, _END)

    def writes(self, template: str) -> bool:
        """By its marks, or the words that explain them."""
        return _START in template

    def scanner(self, tools: Sequence[Tool], *, enforced: bool) -> Scanner:
        """Of one answer."""
        return CommandR7BScanner(tools, enforced=enforced, openers=(_START,))

    def rules(self, tools: Sequence[Tool], mark: Mark) -> CallRules:
        """As the template writes calls."""
        calls = [
            f"call_id {mark(_ON_ONE_LINE.format(name_text(tool.name)))} "
            f"{arguments_rule(tool, mark)} {mark('}')}"
            for tool in tools
        ]
        number = f"call_id: {mark(_BEFORE_ID)} /[0-9]{{1,3}}/"
        return CallRules(
            trigger=_START,
            first=f"{mark('[')} call_any",
            more=f"{mark(',')} call_any",
            end=mark(f"\n]{_END}"),
            rules=f"{one_of('call_any', calls)}\n{number}",
        )


class CommandRScanner(ObjectScanner):
    """Also takes a list without its fence."""

    def calls(self, opener: str) -> Steps[bool]:
        """Read the calls behind an opener."""
        if opener != _ACTION:
            yield from self.tape.accept(f"{_FENCE}json", _FENCE)
        if (yield from self.tape.space()) != "[":
            return False
        return (yield from self.call_list(_FENCE))


class CommandR7BScanner(ObjectScanner):
    """Of one answer."""

    def calls(self, opener: str) -> Steps[bool]:
        """Read the calls behind an opener."""
        return (yield from self.call_list(_END))
