"""Thinking: how it is marked in a model's raw text, and how it is told from the answer."""

from dataclasses import dataclass

from pippin.output.pieces import Content, Piece, Reasoning, Scanner

MAX_BLANKS = 64
"""Whitespace that may belong to a mark: what is kept back has a bound."""


@dataclass(frozen=True, slots=True)
class ThinkingMarks:
    """The texts around what a model thinks before it answers, ``<think>`` and the like."""

    open: str
    close: str


@dataclass(frozen=True, slots=True)
class Thinking:
    """How one answer may begin."""

    marks: ThinkingMarks
    inside: bool
    """Whether the prompt has opened the block; otherwise the model may, or may not."""


class ThinkingScanner:
    """One block of thinking at most, at the very start; another scanner reads what comes after.

    Whitespace beside the marks belongs to them.
    """

    def __init__(self, thinking: Thinking, answer: Scanner) -> None:
        self._open, self._close = thinking.marks.open, thinking.marks.close
        self._answer = answer
        self._read = self._inside if thinking.inside else self._before
        self._held = ""
        """What was read and not yet given."""
        self._start = 0
        """Of the held text, in the raw text."""
        self._answer_start = 0
        self._said = False
        """Whether any thinking was given."""

    @property
    def over(self) -> bool:
        """Whether the answer itself has begun, though it may have given no piece yet."""
        return self._read == self._after

    def add(self, text: str) -> list[Piece]:
        self._held += text
        return self._read()

    def finish(self) -> list[Piece]:
        if self._read == self._inside:
            return self._reasoning(len(self._held))
        if self._read == self._before:
            return [*self._begin_answer(), *self._shifted(self._answer.finish())]
        return self._shifted(self._answer.finish())

    # -- states: each gives what is certain of the held text -------------------------------------

    def _before(self) -> list[Piece]:
        begun = self._held.lstrip()
        blanks = len(self._held) - len(begun)
        if blanks <= MAX_BLANKS and begun.startswith(self._open):
            self._drop(blanks + len(self._open))
            self._read = self._inside
            return self._read()
        undecided = blanks <= MAX_BLANKS and self._open.startswith(begun)
        return [] if undecided else self._begin_answer()

    def _inside(self) -> list[Piece]:
        end = self._held.find(self._close)
        if end >= 0:
            given = self._reasoning(_without_blanks(self._held, end))
            self._drop(self._held.index(self._close) + len(self._close))
            self._read = self._between
            return [*given, *self._read()]
        certain = len(self._held) - _overlap(self._held, self._close)
        return self._reasoning(_without_blanks(self._held, certain))

    def _between(self) -> list[Piece]:
        """Behind the block: blanks belong to its mark."""
        blanks = len(self._held) - len(self._held.lstrip())
        self._drop(blanks)
        return self._begin_answer() if self._held else []

    def _after(self) -> list[Piece]:
        text = self._held
        self._drop(len(text))
        return self._shifted(self._answer.add(text))

    # -- helpers ---------------------------------------------------------------------------------

    def _begin_answer(self) -> list[Piece]:
        self._answer_start = self._start
        self._read = self._after
        return self._read()

    def _reasoning(self, length: int) -> list[Piece]:
        """The first characters of the held text, as thinking; blanks at its very start are not."""
        if not self._said:
            blanks = length - len(self._held[:length].lstrip())
            self._drop(blanks)
            length -= blanks
        if length <= 0:
            return []
        self._said = True
        piece = Reasoning(self._held[:length], self._start)
        self._drop(length)
        return [piece]

    def _drop(self, length: int) -> None:
        self._held = self._held[length:]
        self._start += length

    def _shifted(self, pieces: list[Piece]) -> list[Piece]:
        """The answer's pieces, counted in the whole text."""
        base = self._answer_start
        if not base:
            return pieces
        return [
            type(piece)(piece.text, piece.start + base)
            if isinstance(piece, Content | Reasoning)
            else piece
            for piece in pieces
        ]


def _without_blanks(text: str, length: int) -> int:
    """That length without the blanks at its end, as far as they may belong to a mark."""
    return max(len(text[:length].rstrip()), length - MAX_BLANKS)


def _overlap(text: str, mark: str) -> int:
    """The longest end of the text that begins the mark."""
    for length in range(min(len(mark) - 1, len(text)), 0, -1):
        if text.endswith(mark[:length]):
            return length
    return 0
