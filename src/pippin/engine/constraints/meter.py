"""A limit on a lane's thinking."""

from collections.abc import Callable
from dataclasses import dataclass

from pippin.output.thinking import Thinking


@dataclass(frozen=True, slots=True)
class ThinkingLimit:
    """After so many tokens of thinking the block is closed by force."""

    tokens: int
    thinking: Thinking
    close: tuple[int, ...]
    """The tokens that close it."""
    bytes_of: Callable[[int], bytes]
    """What a token stands for."""


class Meter:
    """Counts a lane's tokens of thinking. Owned by its guide."""

    def __init__(self, limit: ThinkingLimit) -> None:
        self._limit = limit
        marks = limit.thinking.marks
        self._open, self._close = marks.open.encode(), marks.close.encode()
        self._inside = limit.thinking.inside
        self._done = False
        self._left = limit.tokens
        self._seen = b""

    @property
    def close(self) -> tuple[int, ...]:
        """The tokens that close the block."""
        return self._limit.close

    def is_over(self, token: int) -> bool:
        """Take in a token; whether the block must be closed now. Says so once."""
        if self._done:
            return False
        self._seen += self._limit.bytes_of(token)
        if not self._inside:
            self._look_for_open()
        else:
            self._left -= 1
            self._look_for_close()
        if self._inside and not self._done and self._left <= 0 and not self._is_closing:
            self._done = True
            return True
        return False

    @property
    def _is_closing(self) -> bool:
        """Whether the model is in the midst of the closing mark itself: let it, unless it never
        gets any further."""
        if self._left <= -len(self._close):
            return False
        lengths = range(1, len(self._close))
        return any(self._seen.endswith(self._close[:length]) for length in lengths)

    def _look_for_open(self) -> None:
        begun = self._seen.lstrip()
        if begun.startswith(self._open):
            self._inside = True
            self._seen = begun[len(self._open) :]
            self._look_for_close()
        elif not self._open.startswith(begun):
            self._done = True

    def _look_for_close(self) -> None:
        if self._close in self._seen:
            self._done = True
        self._seen = self._seen[-len(self._close) :]
