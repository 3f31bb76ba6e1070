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
OTHER_KEYS = frozenset({"type", "id", "tool_call_id"})
"""What else models write into a call."""
_BARE_KEYS = NAME_KEYS | ARGUMENT_KEYS | OTHER_KEYS
_FUNCTION = '"function"'
_HALF = re.compile("[\ud800-\udfff]")
"""Half a character, which a string's escapes can hold and no text can."""


class ObjectScanner(CallScanner):
    """Reads ``{"name": …, "arguments": {…}}``, members in any order.

    Enforced calls are given as they come, once the name is known, if it comes before the arguments.
    """

    _listed = False
    """Whether what is read now stands in a list for which a grammar cares."""
    bare = False
    """Whether nothing around it tells a call from other JSON: then it has no further members, and
    must have arguments. A grammar cares for it from the arguments on only, if just its name (and
    its type) stood before them."""
    promised = True
    """Whether a grammar cares for bare calls wherever they stand, or in lists only."""

    def call_object(self) -> Steps[Heard | None]:
        """Read a call; ``None``: it is broken, or none of a known tool."""
        if not (yield from self.tape.accept("{")):
            return None
        return (yield from self.call_members())

    def call_list(self, *closers: str, opened: bool = False) -> Steps[bool]:
        """Read ``[call, call …]``, or one call without brackets, and what may close it. Each call
        is given when it is right. ``opened``: the bracket has been read."""
        bracket = opened or bool((yield from self.tape.accept("[")))
        self._listed = bracket
        while heard := (yield from self.call_object()):
            self.give(heard)
            self._listed = heard.given
            if not bracket or (yield from self._list_ends()):
                yield from self._close(closers)
                return True
        return False

    def call_members(self) -> Steps[Heard | None]:
        """Read a call whose brace has been read."""
        members: dict[str, str] = {}
        while not (yield from self.tape.accept("}")):
            if members and not (yield from self.tape.accept(",")):
                return None
            key = yield from self._key()
            if key is None or key in members:
                return None
            if self._sure(key, members):
                name = json.loads(members["name"])
                return (yield from self._given_call(name, at_arguments=True))
            value = yield from self.tape.json()
            if value is None or (key in NAME_KEYS and self._known(value) is None):
                return None
            if self._early(key, members):
                return (yield from self._given_call(json.loads(value)))
            members[key] = value
        return self._right(members)

    def _given_call(self, name: str, *, at_arguments: bool = False) -> Steps[Heard | None]:
        """Give a call whose name has been read, and read its further members."""
        self.begin(name)
        if at_arguments and not (yield from self.arguments()):
            return None
        given = at_arguments
        while not (yield from self.tape.accept("}")):
            if not (yield from self.tape.accept(",")):
                return None
            key = yield from self._key()
            if key in ARGUMENT_KEYS and not given:
                given = whole = yield from self.arguments()
            else:
                whole = key is not None and (yield from self.tape.json()) is not None
            if not whole:
                return None
        if not given:
            self._out.append(Arguments("{}"))
        return Heard(name, "", given=True)

    def _early(self, key: str, members: dict[str, str]) -> bool:
        """Whether a grammar has noticed a call by its name, behind these members."""
        is_name = key in NAME_KEYS and not members.keys() & ARGUMENT_KEYS
        return self.enforced and not self.bare and is_name

    def _sure(self, key: str, members: dict[str, str]) -> bool:
        """Whether a grammar has noticed a bare call, when its arguments follow these members."""
        cared_for = self.enforced and (self.promised or self._listed)
        if not (cared_for and self.bare and key in ARGUMENT_KEYS):
            return False
        name = members.get("name", "")
        plain = bool(name) and json.dumps(json.loads(name), ensure_ascii=False) == name
        return plain and members in ({"name": name}, {"type": _FUNCTION, "name": name})

    def _right(self, members: dict[str, str]) -> Heard | None:
        """The call of these members' texts, if it is one."""
        names = [members[key] for key in NAME_KEYS & members.keys()]
        found = [members[key] for key in ARGUMENT_KEYS & members.keys()]
        if len(names) != 1 or len(found) > 1 or (self.bare and not found):
            return None
        arguments = object_text(found[0]) if found else "{}"
        return None if arguments is None else Heard(json.loads(names[0]), arguments)

    def _known(self, name: str) -> str | None:
        """The tool whose name is written as this JSON text."""
        known = json.loads(name) if name.startswith('"') else None
        return known if known in self.names else None

    def _key(self) -> Steps[str | None]:
        if (yield from self.tape.space()) != '"':
            return None
        text = yield from self.tape.json()
        if text is None or not (yield from self.tape.accept(":")):
            return None
        key = str(json.loads(text))
        if self.bare and (f'"{key}"' != text or key not in _BARE_KEYS):
            return None
        return key

    def _list_ends(self) -> Steps[bool]:
        """Whether no further call follows in a list; some models leave out the commas."""
        found = yield from self.tape.accept("]", ",")
        if found == ",":
            if self.enforced and not (yield from self.tape.space()):
                self.tape.take()
            return bool((yield from self.tape.accept("]")))
        return bool(found) or (yield from self.tape.space()) != "{"

    def _close(self, closers: tuple[str, ...]) -> Steps[None]:
        if closers:
            yield from self.tape.accept(*closers)
            if self.enforced and self.tape.cut:
                self.tape.drop_rest()


def object_text(value: str) -> str | None:
    """The JSON text of an object, from its own text or from that of a string which holds it."""
    if value.startswith('"'):
        value = json.loads(value).strip(" \t\n\r")
        reader = JSONText()
        if reader.add(value) < len(value) or not reader.complete or _HALF.search(value):
            return None
    return value if value.startswith("{") else None
