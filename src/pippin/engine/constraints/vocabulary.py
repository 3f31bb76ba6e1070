"""A model's vocabulary in the form that grammars are compiled against."""

from collections.abc import Callable

from llguidance import LLTokenizer

from pippin.output.vocabulary import Vocabulary

_NEVER = b"\xff"
"""Is part of no UTF-8 text, and marks special tokens in llguidance's trie."""


def constraint_tokenizer(
    vocabulary: Vocabulary,
    vocab_size: int,
    eos: frozenset[int],
    encode: Callable[[str], list[int]],
) -> LLTokenizer:
    """The trie of all tokens, padded to ``vocab_size``, the width of the model's logits.

    ``encode`` gives a text's tokens without any special ones, so that what a grammar forces is
    written with the tokens that the model would choose. Any of ``eos`` may end a text.
    Raises ``ValueError`` if there is no such token. Takes about a second for 150,000 tokens.
    """
    ends = sorted(token for token in eos if token < vocab_size)
    if not ends:
        raise ValueError("the model has no token that ends a text")
    tokens = _Tokens(vocabulary, vocab_size, frozenset(ends), encode)
    return LLTokenizer(tokens, eos_token=ends)  # type: ignore[arg-type]  # duck-typed there


class _Tokens:
    """What ``LLTokenizer`` reads of a tokenizer; the names are its."""

    is_tokenizer_wrapper = True
    bos_token_id = None

    def __init__(
        self,
        vocabulary: Vocabulary,
        vocab_size: int,
        ends: frozenset[int],
        encode: Callable[[str], list[int]],
    ) -> None:
        self._encode = encode
        self.eos_token_id = min(ends)
        special = [i for i in range(vocab_size) if vocabulary.is_special(i) or i in ends]
        self.special_token_ids = special
        self.tokens = [vocabulary.bytes_of(i) for i in range(vocab_size)]
        self._text = list(self.tokens)
        for i in special:
            self._text[i] = b""
        for i, raw in enumerate(self._text):
            if raw.startswith(_NEVER):
                self.tokens[i] = self._text[i] = b""
        self._ids = {raw: i for i, raw in enumerate(self._text) if raw}
        self._longest = max(map(len, self._ids), default=1)

    def __call__(self, text: str) -> list[int]:
        """The text's tokens, none of them special. Where a tokenizer adds or drops a space, or
        takes letters for a special token, its answer is not used: what a grammar forces must come
        out to the byte."""
        raw = text.encode()
        tokens = self._encode(text)
        if b"".join(self._text[i] for i in tokens if i < len(self._text)) == raw:
            return tokens
        return self._longest_first(raw)

    def _longest_first(self, raw: bytes) -> list[int]:
        tokens: list[int] = []
        at = 0
        while at < len(raw):
            for end in range(min(len(raw), at + self._longest), at, -1):
                token = self._ids.get(raw[at:end])
                if token is not None:
                    tokens.append(token)
                    at = end
                    break
            else:
                return tokens
        return tokens
