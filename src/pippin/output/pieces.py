"""What a scanner makes of a model's raw text.

Texts are slices of the raw text, in its order. Markup that was understood is in none of them; what
was not understood is content, so nothing that a model wrote is ever lost.
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Content:
    """A piece of the answer: ``raw[start : start + len(text)]``."""

    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A piece of what the model thinks before it answers: a slice, like content."""

    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Call:
    """A call begins, with its whole name. Its arguments follow, until the next call or content."""

    name: str


@dataclass(frozen=True, slots=True)
class Arguments:
    """A piece of a call's arguments, as JSON text: all pieces joined are one object's text. It
    need not be a slice: some families write arguments in other ways."""

    text: str


Piece = Content | Reasoning | Call | Arguments


class Scanner(Protocol):
    """Reads one choice's raw text, in pieces of any size, in time linear in its length.

    The pieces, with neighbours of one kind joined, do not depend on how the text was split.
    """

    def add(self, text: str) -> list[Piece]:
        """What is certain with this text. What may yet become markup is kept back."""

    def finish(self) -> list[Piece]:
        """The rest, when no more text comes."""


class PlainScanner:
    """All of the text is content."""

    def __init__(self) -> None:
        self._read = 0

    def add(self, text: str) -> list[Piece]:
        if not text:
            return []
        piece = Content(text, self._read)
        self._read += len(text)
        return [piece]

    def finish(self) -> list[Piece]:
        return []
