"""Calls between marks: what scanners of such families share."""

import re
from abc import abstractmethod
from collections.abc import Sequence

from pippin.core.tools import Tool
from pippin.output.families.calls import CallScanner, Heard
from pippin.output.families.tape import Steps

MAX_NAME = 256
NAME = re.compile(r"[^\s<>\"'{}()\[\],=|\uff5c]+")
"""Of a tool, as far as the markup around it allows."""


class BrokenCall(Exception):
    """What stands here is no call of the family."""


class MarkedScanner(CallScanner):
    """A family writes ``marked``.

    Calls behind ``sure`` leave as they come when they are enforced; behind other openers no
    grammar promises anything.
    """

    def __init__(
        self, tools: Sequence[Tool], *, enforced: bool, openers: Sequence[str], sure: str
    ) -> None:
        super().__init__(tools, enforced=enforced, openers=openers)
        self._sure = sure
        self.direct = False
        """Whether what is read now leaves as it comes."""

    @abstractmethod
    def marked(self, opener: str) -> Steps[None]:
        """Read the calls behind ``opener``. Raises ``BrokenCall``."""

    def calls(self, opener: str) -> Steps[bool]:
        """``marked``, and what was not understood is content."""
        self.direct = self.enforced and opener == self._sure
        try:
            yield from self.marked(opener)
        except BrokenCall:
            if self._begun and self.tape.cut:
                self.tape.drop_rest()
            return False
        return True

    def expect(self, *literals: str) -> Steps[str]:
        """Read one of these behind white space. Raises ``BrokenCall``."""
        found = yield from self.tape.accept(*literals)
        if not found:
            raise BrokenCall
        return found

    def close(self, *literals: str) -> Steps[str]:
        """Read one of these behind white space, if it is there, after a whole call. What the end
        of the text leaves of one of them is markup, too, if a grammar has promised it."""
        found = yield from self.tape.accept(*literals)
        if not found and self.direct and self.tape.cut:
            self.tape.drop_rest()
        return found

    def named(self, characters: re.Pattern[str]) -> Steps[str]:
        """Read a name. Raises ``BrokenCall``."""
        name = yield from self.tape.until(characters, MAX_NAME)
        if not name:
            raise BrokenCall
        return name

    def json_call(self, name: str) -> Steps[None]:
        """Read an object, the arguments of a call of this tool, which is whole with it. Raises
        ``BrokenCall``."""
        known = name in self.names
        if known and self.direct:
            self.begin(name)
            if not (yield from self.arguments()):
                raise BrokenCall
            self.give(Heard(name, "", given=True))
            return
        arguments = yield from self.tape.json()
        if not known or arguments is None or not arguments.startswith("{"):
            raise BrokenCall
        self.give(Heard(name, arguments))
