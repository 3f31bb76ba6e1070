"""Which token's log-probability goes with which piece of content."""

from collections import deque

from pippin.core.events import TokenLogprob


class Logprobs:
    """Owned by a choice. Positions are characters, counted in the raw text until it is known what
    is content, and then in the content."""

    def __init__(self) -> None:
        self._raw: deque[tuple[int, int, TokenLogprob]] = deque()
        """Begin and end of tokens of which it is not yet known whether they are content."""
        self._content: deque[tuple[int, TokenLogprob]] = deque()
        self._raw_length = 0
        self._content_length = 0
        self._delivered = 0

    def read(self, entry: TokenLogprob, length: int) -> None:
        """A token that adds so many characters to the raw text. It can be none: it has only a part
        of a character, which a later token completes."""
        self._raw.append((self._raw_length, self._raw_length + length, entry))
        self._raw_length += length

    def content(self, start: int, length: int) -> None:
        """So many raw characters, from here, are content. What lies before them is not."""
        while self._raw and self._raw[0][0] < start + length:
            begin, end, entry = self._raw.popleft()
            if end > start or begin >= start:
                self._content.append((self._content_length + max(0, begin - start), entry))
        self._content_length += length

    def delivered(self, length: int) -> tuple[TokenLogprob, ...]:
        """So many more characters of the content leave. The log-probabilities to go with them."""
        self._delivered += length
        ready = []
        while self._content and self._content[0][0] < self._delivered:
            ready.append(self._content.popleft()[1])
        return tuple(ready)
