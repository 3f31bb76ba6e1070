"""Llama 3: a bare JSON object for each call, or ``<|python_tag|>`` before it; of the tools that
Meta trained in, ``<|python_tag|>name.call(key="value")``. Llama 4 has ``<|python_start|>`` and
``<|python_end|>`` instead."""

import re
from collections.abc import Sequence

from pippin.core.tools import Tool
from pippin.output.families.bare import BareScanner, bare_rules
from pippin.output.families.calls import Heard
from pippin.output.families.family import CallRules, Mark, Opening
from pippin.output.families.tape import Steps
from pippin.output.pieces import Scanner

_TAG, _START, _END = "<|python_tag|>", "<|python_start|>", "<|python_end|>"
_WORD = re.compile(r"\w+")
_MAX_WORD = 256


class Llama:
    """The family."""

    name = "llama"
    marks: tuple[str, ...] = (_TAG, _START, _END)

    def writes(self, template: str) -> bool:
        """By its marks, or the words that explain them."""
        return _TAG in template or "dictionary of argument name and its value" in template

    def scanner(self, tools: Sequence[Tool], *, enforced: bool) -> Scanner:
        """Of one answer."""
        return LlamaScanner(tools, enforced=enforced, openers=("{", "[", _TAG, _START))

    def rules(self, tools: Sequence[Tool], mark: Mark) -> CallRules:
        """As the template writes calls."""
        rules = bare_rules(tools, mark, "parameters", bracket="", more="; ", end="")
        tagged = [Opening(mark(tag), "call_any") for tag in (_TAG, _START)]
        return CallRules(
            trigger="",
            first="",
            more=rules.more,
            rules=rules.rules,
            openings=(*rules.openings, *tagged),
        )


class LlamaScanner(BareScanner):
    """Of one answer."""

    separators = (";", ",")

    def calls(self, opener: str) -> Steps[bool]:
        """Read the calls behind an opener."""
        if opener == "[":
            return (yield from self.call_list(opened=True))
        if opener == "{" or (yield from self.tape.accept("{")):
            heard = yield from self.call_members()
            whole = yield from self.call_series(heard, bracket=False)
            if whole and opener == _START:
                yield from self.closed_by(_END)
            return whole
        heard = yield from self._trained_in()
        if heard:
            self.give(heard)
        return heard is not None

    def _trained_in(self) -> Steps[Heard | None]:
        name = yield from self.tape.until(_WORD, _MAX_WORD)
        if name is None or name not in self.names:
            return None
        if not (yield from self.tape.match(".call(")):
            return None
        members: list[str] = []
        while not (yield from self.tape.accept(")")):
            if members and not (yield from self.tape.accept(",")):
                return None
            yield from self.tape.space()
            key = yield from self.tape.until(_WORD, _MAX_WORD)
            if not key or not (yield from self.tape.accept("=")):
                return None
            value = yield from self.tape.json()
            if value is None:
                return None
            members.append(f'"{key}": {value}')
        return Heard(name, f"{{{', '.join(members)}}}")
