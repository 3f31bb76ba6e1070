"""Which token's log-probability goes with which piece of content."""

from collections import deque
from typing import NamedTuple

from pippin.core.events import TokenLogprob


class _Read(NamedTuple):
    """A token of which it is not yet known whether it is content."""

    begin: int
    end: int
    number: int
    entry: TokenLogprob


class _Kept(NamedTuple):
    """A token of content."""

    at: int
    number: int
    entry: TokenLogprob


class Logprobs:
    """Owned by a choice. Positions are characters, counted in the raw text until it is known what
    is content, and then in the content."""

    def __init__(self) -> None:
        self._raw: deque[_Read] = deque()
        self._content: deque[_Kept] = deque()
        self._raw_length = 0
        self._content_length = 0
        self._delivered = 0

    @property
    def oldest(self) -> int | None:
        """The number of the first token whose log-probability may still be delivered."""
        waiting: deque[_Kept] | deque[_Read] = self._content or self._raw
        return waiting[0].number if waiting else None

    def read(self, number: int, entry: TokenLogprob, length: int) -> None:
        """A token that adds so many characters to the raw text. It can be none: it has only a part
        of a character, which a later token completes."""
        self._raw.append(_Read(self._raw_length, self._raw_length + length, number, entry))
        self._raw_length += length

    def passed(self, end: int) -> None:
        """The raw text up to here is something else than content."""
        while self._raw and self._raw[0].begin < end and self._raw[0].end <= end:
            self._raw.popleft()

    def content(self, start: int, length: int) -> None:
        """So many raw characters, from here, are content. What lies before them is not."""
        while self._raw and self._raw[0].begin < start + length:
            begin, end, number, entry = self._raw.popleft()
            if end > start or begin >= start:
                at = self._content_length + max(0, begin - start)
                self._content.append(_Kept(at, number, entry))
        self._content_length += length

    def delivered(self, length: int) -> tuple[TokenLogprob, ...]:
        """So many more characters of the content leave. The log-probabilities to go with them."""
        self._delivered += length
        ready = []
        while self._content and self._content[0].at < self._delivered:
            ready.append(self._content.popleft().entry)
        return tuple(ready)
