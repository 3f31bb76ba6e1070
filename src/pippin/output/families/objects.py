"""Calls that are written as JSON objects, alone or in a list."""

import json
import re

from pippin.output.families.calls import CallScanner, Heard
from pippin.output.families.json_text import JSONText
from pippin.output.families.tape import Steps
from pippin.output.pieces import Arguments

NAME_KEYS = frozenset({"name", "tool_name", "function"})
ARGUMENT_KEYS = frozenset({"arguments", "parameters"})
"""Families agree on one of these; their models write the others, too."""
_HALF = re.compile("[\ud800-\udfff]")
"""Half a character, which a string's escapes can hold and no text can."""


class ObjectScanner(CallScanner):
    """Reads ``{"name": …, "arguments": {…}}``, members in any order, others ignored.

    Enforced calls are given as they come, once the name is known, if it comes before the arguments.
    """

    separators: tuple[str, ...] = (",",)

    def call_list(self, *closers: str, opened: bool = False) -> Steps[bool]:
        """Read ``[call, call …]``, or one call without brackets, and what may close it. Each call
        is given when it is right. ``opened``: the bracket has been read."""
        if opened or (yield from self.tape.accept("[")):
            heard = yield from self.call_object()
            whole = yield from self.call_series(heard, bracket=True)
        else:
            heard = yield from self.call_object()
            whole = heard is not None
            if heard:
                self.give(heard)
        if whole:
            yield from self.closed_by(*closers)
        return whole

    def call_series(self, heard: Heard | None, *, bracket: bool) -> Steps[bool]:
        """Give a call that was read, and read and give those that follow it. ``bracket``: there
        may be one behind them."""
        while heard:
            self.give(heard)
            if (yield from self._ends(bracket=bracket)):
                return True
            heard = yield from self.call_object()
        return False

    def closed_by(self, *closers: str) -> Steps[None]:
        """Read what may close calls that were right."""
        if closers:
            yield from self.tape.accept(*closers)
            if self.enforced and self.tape.cut:
                self.tape.drop_rest()

    def call_object(self) -> Steps[Heard | None]:
        """Read a call; ``None``: it is broken, or none of a known tool."""
        if not (yield from self.tape.accept("{")):
            return None
        return (yield from self.call_members())

    def call_members(self) -> Steps[Heard | None]:
        """Read a call whose brace has been read."""
        members: dict[str, str] = {}
        while not (yield from self.tape.accept("}")):
            if members and not (yield from self.tape.accept(",")):
                return None
            key = yield from self.key()
            if key is None or key in members:
                return None
            value = yield from self.tape.json()
            if value is None or (key in NAME_KEYS and self.known(value) is None):
                return None
            if self.enforced and key in NAME_KEYS and not members.keys() & ARGUMENT_KEYS:
                self.begin(json.loads(value))
                return (yield from self.call_rest(json.loads(value), given=False))
            members[key] = value
        return call_of(members)

    def call_rest(self, name: str, *, given: bool) -> Steps[Heard | None]:
        """Read the further members of a call that has begun. ``given``: its arguments are."""
        while not (yield from self.tape.accept("}")):
            if not (yield from self.tape.accept(",")):
                return None
            key = yield from self.key()
            if key in ARGUMENT_KEYS and not given:
                given = whole = yield from self.arguments()
            else:
                whole = key is not None and (yield from self.tape.json()) is not None
            if not whole:
                return None
        if not given:
            self._out.append(Arguments("{}"))
        return Heard(name, "", given=True)

    def key(self) -> Steps[str | None]:
        """Read a member's key and its colon."""
        if (yield from self.tape.space()) != '"':
            return None
        text = yield from self.tape.json()
        if text is None or not (yield from self.tape.accept(":")):
            return None
        return str(json.loads(text))

    def known(self, name: str) -> str | None:
        """The tool whose name is written as this JSON text."""
        known = json.loads(name) if name.startswith('"') else None
        return known if known in self.names else None

    def _ends(self, *, bracket: bool) -> Steps[bool]:
        """Whether no further call follows; some models leave out what should separate them."""
        end = ("]",) if bracket else ()
        found = yield from self.tape.accept(*self.separators, *end)
        if found in self.separators:
            if self.enforced and not (yield from self.tape.space()):
                self.tape.take()
            return bracket and bool((yield from self.tape.accept("]")))
        return bool(found) or (yield from self.tape.space()) != "{"


def call_of(members: dict[str, str]) -> Heard | None:
    """The call that has these members, as JSON texts, if they are one's."""
    names = [members[key] for key in NAME_KEYS & members.keys()]
    found = [members[key] for key in ARGUMENT_KEYS & members.keys()]
    if len(names) != 1 or len(found) > 1:
        return None
    arguments = object_text(found[0]) if found else "{}"
    return None if arguments is None else Heard(json.loads(names[0]), arguments)


def object_text(value: str) -> str | None:
    """The JSON text of an object, from its own text or from that of a string which holds it."""
    if value.startswith('"'):
        value = json.loads(value).strip(" \t\n\r")
        reader = JSONText()
        if reader.add(value) < len(value) or not reader.complete or _HALF.search(value):
            return None
    return value if value.startswith("{") else None
