"""What all scanners of calls have in common."""

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pippin.core.tools import Tool
from pippin.output.families.tape import Steps, Tape
from pippin.output.pieces import Arguments, Call, Content, Piece

_ANYTHING = re.compile(r"[\s\S]*")
_ONE = re.compile(r"[^ \t\n\r]")


@dataclass(frozen=True, slots=True)
class Heard:
    """A call that was read. ``given``: it has left already, piece by piece."""

    name: str
    arguments: str
    given: bool = False


class CallScanner(ABC):
    """Free text with calls in it. A family says by which texts calls begin and reads them.

    What a family has read and not given when it returns is content, unless it says that all of
    it was understood. White space next to calls belongs to them.
    """

    def __init__(self, tools: Sequence[Tool], *, enforced: bool, openers: Sequence[str]) -> None:
        self.names: Collection[str] = frozenset(tool.name for tool in tools)
        self.enforced = enforced
        self.tape = Tape()
        self._openers = tuple(openers)
        firsts = "".join(sorted({re.escape(opener[0]) for opener in openers}))
        plain = rf"[^ \t\n\r{firsts}]+"
        self._plain = re.compile(rf"{plain}(?:[ \t\n\r]+{plain})*") if tools else _ANYTHING
        self._out: list[Piece] = []
        self._begun = False
        """Whether a call has been given in part."""
        self._steps = self._answer() if tools else self._text()
        next(self._steps)

    def add(self, text: str) -> list[Piece]:
        self.tape.add(text)
        return self._go_on()

    def finish(self) -> list[Piece]:
        self.tape.end()
        return self._go_on()

    @abstractmethod
    def calls(self, opener: str) -> Steps[bool]:
        """Read the calls that begin with ``opener``, which has just been read. Whether all text
        up to the tape's place was understood."""

    def give(self, heard: Heard) -> None:
        """The call is right, and all that is kept was its markup."""
        self.tape.take()
        self._begun = False
        if not heard.given:
            self._out += [Call(heard.name), Arguments(heard.arguments)]

    def begin(self, name: str) -> None:
        """Give the beginning of a call of this tool; all that is kept was its markup."""
        self.tape.take()
        self._begun = True
        self._out.append(Call(name))

    def arguments(self) -> Steps[bool]:
        """Read an object and give it as it comes; whether it was whole."""
        if (yield from self.tape.space()) != "{":
            return False
        self.tape.take()
        return (yield from self.tape.json(self._give_arguments)) is not None

    def _give_arguments(self) -> None:
        if text := self.tape.take():
            self._out.append(Arguments(text))

    def _answer(self) -> Steps[None]:
        while char := (yield from self.tape.space()):
            if any(opener[0] == char for opener in self._openers):
                opener = yield from self.tape.match(*self._openers)
                if opener and (yield from self.calls(opener)):
                    yield from self.tape.space()
                    self.tape.take()
                    continue
                if not opener:
                    self.tape.pass_over(_ONE)
                elif self._begun and self.tape.cut:
                    self.tape.drop_rest()
            else:
                self.tape.pass_over(self._plain)
            self._give_content()
        self._give_content()
        yield

    def _text(self) -> Steps[None]:
        while (yield from self.tape.peek()):
            self.tape.pass_over(self._plain)
            self._give_content()
        yield

    def _give_content(self) -> None:
        self._begun = False
        start = self.tape.kept_start
        if text := self.tape.take():
            self._out.append(Content(text, start))

    def _go_on(self) -> list[Piece]:
        next(self._steps)
        out, self._out = self._out, []
        return out
