"""A choice's raw text as it comes, for readers that are written as if it were all there.

Such a reader is a generator, which rests (``yield``) wherever it needs text that has not come.
"""

import re
from collections.abc import Callable, Generator
from typing import TypeVar

from pippin.output.families.json_text import JSONText

T = TypeVar("T")
Steps = Generator[None, None, T]
"""A reader of a part: what it found out is what it returns."""

_SPACE = re.compile(r"[ \t\n\r]*")


class Tape:
    """Read once from left to right, each character a bounded number of times.

    What was read and is neither taken nor dropped is kept. Owned by one scanner.
    """

    def __init__(self) -> None:
        self._passed: list[str] = []
        """Kept text of earlier chunks."""
        self._chunk = ""
        self._at = 0
        self._kept_from = 0
        """Where in the chunk the kept text begins, or goes on."""
        self._ended = False
        self.cut = False
        """Whether what was looked for last was not there because the text ended within it."""
        self.kept_start = 0
        """The offset of the kept text in the raw text."""

    def add(self, text: str) -> None:
        """More text has come."""
        if self._kept_from < self._at:
            self._passed.append(self._chunk[self._kept_from : self._at])
        self._chunk = self._chunk[self._at :] + text
        self._at = self._kept_from = 0

    def end(self) -> None:
        """No more text comes."""
        self._ended = True

    def take(self) -> str:
        """The kept text, which is kept no longer."""
        text = "".join([*self._passed, self._chunk[self._kept_from : self._at]])
        self._passed.clear()
        self._kept_from = self._at
        self.kept_start += len(text)
        return text

    def drop_rest(self) -> None:
        """Drop the kept text and what has come behind it."""
        self._at = len(self._chunk)
        self.take()

    def peek(self) -> Steps[str]:
        """The next character, which is not read by that; nothing at the end of the text."""
        while self._at == len(self._chunk):
            if self._ended:
                self.cut = True
                return ""
            yield
        return self._chunk[self._at]

    def pass_over(self, pattern: re.Pattern[str]) -> None:
        """Read what matches of the text that has come."""
        if match := pattern.match(self._chunk, self._at):
            self._at = match.end()

    def space(self) -> Steps[str]:
        """Read white space; the character behind it."""
        while (char := (yield from self.peek())) in (" ", "\t", "\n", "\r"):
            self.pass_over(_SPACE)
        return char

    def look(self, *literals: str) -> Steps[str]:
        """The longest of these texts that stands here; nothing if none does."""
        longest = max(map(len, literals))
        while True:
            here = self._chunk[self._at : self._at + longest]
            partly = any(len(here) < len(text) and text.startswith(here) for text in literals)
            if not partly or self._ended:
                break
            yield
        self.cut = partly
        return max((text for text in literals if here.startswith(text)), key=len, default="")

    def match(self, *literals: str) -> Steps[str]:
        """``look``, and read it."""
        found = yield from self.look(*literals)
        self._at += len(found)
        return found

    def accept(self, *literals: str) -> Steps[str]:
        """``match`` behind white space."""
        yield from self.space()
        return (yield from self.match(*literals))

    def until(self, pattern: re.Pattern[str], limit: int) -> Steps[str | None]:
        """Read characters while they match; ``None`` if they are more than ``limit``."""
        parts: list[str] = []
        length = 0
        while (char := (yield from self.peek())) and pattern.match(char):
            start = self._at
            self.pass_over(pattern)
            length += self._at - start
            if length > limit:
                return None
            parts.append(self._chunk[start : self._at])
        return "".join(parts)

    def json(self, passing: Callable[[], None] | None = None) -> Steps[str | None]:
        """Read a JSON value behind white space: its text; ``None`` if it is broken or ends early.

        ``passing`` is called with each piece of it that was read.
        """
        yield from self.space()
        value = JSONText()
        parts: list[str] = []
        while not (value.complete or value.broken):
            if not (yield from self.peek()):
                return "".join(parts) if value.finish() else None
            start = self._at
            self._at = value.add(self._chunk, start)
            parts.append(self._chunk[start : self._at])
            if passing:
                passing()
        return "".join(parts) if value.complete else None
