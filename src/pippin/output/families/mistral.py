"""Mistral's models: ``[TOOL_CALLS]``, and a list of objects, or each call's name and arguments.

The second way is that of the tokenizers from version 11 on; the list is older.
"""

import re
from collections.abc import Sequence

from pippin.core.tools import Tool
from pippin.output.families.calls import Heard
from pippin.output.families.family import CallRules, Mark
from pippin.output.families.objects import ObjectScanner
from pippin.output.families.schemas import arguments_rule, call_list, call_object, one_of
from pippin.output.families.tape import Steps
from pippin.output.pieces import Scanner

_TRIGGER = "[TOOL_CALLS]"
_ARGS = "[ARGS]"
_CALL_ID = "[CALL_ID]"
_NAME = re.compile(r"[a-zA-Z0-9_.:/-]+")
_MAX_NAME = 256


class Mistral:
    """The family of those that write lists."""

    name = "mistral"
    marks: tuple[str, ...] = (_TRIGGER, _ARGS, _CALL_ID)

    def writes(self, template: str) -> bool:
        """By its marks, or the words that explain them."""
        return _TRIGGER in template

    def scanner(self, tools: Sequence[Tool], *, enforced: bool) -> Scanner:
        """Of one answer."""
        return MistralScanner(tools, enforced=enforced, openers=(_TRIGGER,))

    def rules(self, tools: Sequence[Tool], mark: Mark) -> CallRules:
        """As the template writes calls."""
        return call_list(_TRIGGER, [call_object(tool, mark) for tool in tools], mark)


class MistralNamed(Mistral):
    """Magistral, Devstral, Ministral 3 and others since 2025."""

    name = "mistral_named"

    def writes(self, template: str) -> bool:
        """By its marks, or the words that explain them."""
        return _TRIGGER in template and _ARGS in template

    def rules(self, tools: Sequence[Tool], mark: Mark) -> CallRules:
        """As the template writes calls."""
        calls = [
            f"{mark(tool.name)} call_id? {mark(_ARGS)} {arguments_rule(tool, mark)}"
            for tool in tools
        ]
        number = f"call_id: {mark(_CALL_ID)} /[a-zA-Z0-9]{{9}}/"
        return CallRules(
            trigger=_TRIGGER,
            first="call_any",
            more=f"{mark(_TRIGGER)} call_any",
            rules=f"{one_of('call_any', calls)}\n{number}",
        )


class MistralScanner(ObjectScanner):
    """Takes both ways, and calls without ``[ARGS]``, whatever the model's template has."""

    def calls(self, opener: str) -> Steps[bool]:
        """Read the calls behind an opener."""
        char = yield from self.tape.space()
        if char in ("[", "{"):
            return (yield from self.call_list())
        name = yield from self.tape.until(_NAME, _MAX_NAME)
        if name is None or name not in self.names:
            return False
        if (yield from self.tape.accept(_CALL_ID)):
            yield from self.tape.space()
            yield from self.tape.until(_NAME, _MAX_NAME)
        yield from self.tape.accept(_ARGS)
        return (yield from self._named(name))

    def _named(self, name: str) -> Steps[bool]:
        if self.enforced:
            self.begin(name)
            if not (yield from self.arguments()):
                return False
            self.give(Heard(name, "", given=True))
            return True
        if (yield from self.tape.space()) != "{":
            return False
        arguments = yield from self.tape.json()
        if arguments is None:
            return False
        self.give(Heard(name, arguments))
        return True
