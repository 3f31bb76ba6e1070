"""Tokens → text, one at a time, never splitting a character."""

import codecs

from pippin.output.vocabulary import Vocabulary


class Detokenizer:
    """The text of one choice. Linear in its length.

    The pieces, joined, are what decoding all tokens at once gives: bytes that are no UTF-8
    become U+FFFD.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        at_start: bool = False,
        skip_special_tokens: bool = True,
        shown: frozenset[int] = frozenset(),
    ) -> None:
        """``at_start``: the text begins here and does not continue a prompt's. ``shown``: special
        tokens that are not skipped."""
        self._vocabulary = vocabulary
        self._skip_special = skip_special_tokens
        self._shown = shown
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._strip = at_start and vocabulary.strips_first_space

    def add(self, token: int) -> str:
        """The characters that this token completes."""
        if self.skips(token):
            return ""
        return self._stripped(self._decoder.decode(self._vocabulary.bytes_of(token)))

    def skips(self, token: int) -> bool:
        """Whether the token is no part of the text."""
        hidden = self._skip_special and token not in self._shown
        return hidden and self._vocabulary.is_special(token)

    def finish(self) -> str:
        """What an incomplete character at the very end is shown as."""
        return self._stripped(self._decoder.decode(b"", final=True))

    def _stripped(self, text: str) -> str:
        if self._strip and text:
            self._strip = False
            return text.removeprefix(" ")
        return text
