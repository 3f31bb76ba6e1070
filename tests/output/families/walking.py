"""Ways through a grammar: whether it takes a text, and texts that it makes up."""

import random
import re
from collections.abc import Callable, Sequence

from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper

from pippin.engine.constraints.marks import Marks


class Bytes:
    """A vocabulary of single bytes, a few special tokens, and an end."""

    def __init__(self, specials: Sequence[str] = ()) -> None:
        self.specials = list(specials)
        self.tokens = [bytes([byte]) for byte in range(256)]
        self.tokens += [text.encode() for text in [*specials, "<end>"]]
        self.special_token_ids = list(range(256, len(self.tokens)))
        self.eos_token_id = len(self.tokens) - 1
        self.bos_token_id = None
        self.tokenizer = LLTokenizer(TokenizerWrapper(self), slices=[])

    def __call__(self, text: bytes) -> list[int]:
        return list(text)

    def encode(self, text: str) -> list[int]:
        return [
            token
            for part in self._parts(text)
            for token in ([self._id(part)] if part in self.specials else part.encode())
        ]

    def decode(self, tokens: Sequence[int]) -> str:
        return b"".join(self.tokens[token] for token in tokens).decode()

    @property
    def mark(self) -> Marks:
        """A family's ``Mark``."""
        return Marks(
            lambda text: [
                self._id(part) if part in self.specials else part for part in self._parts(text)
            ]
        )

    def _id(self, special: str) -> int:
        return 256 + self.specials.index(special)

    def _parts(self, text: str) -> list[str]:
        if not self.specials:
            return [text]
        pattern = "|".join(map(re.escape, sorted(self.specials, key=len, reverse=True)))
        return [part for part in re.split(f"({pattern})", text) if part]


def taken(grammar: str, tokenizer: LLTokenizer, tokens: Sequence[int]) -> tuple[int, bool]:
    """How many of the tokens the grammar takes, and whether the text may end there."""
    matcher = LLMatcher(tokenizer, grammar, log_level=0)
    assert not matcher.is_error(), matcher.get_error()
    for count, token in enumerate(tokens):
        if matcher.is_stopped() or not matcher.compute_bitmask()[token // 8] >> token % 8 & 1:
            return count, may_end(matcher, tokenizer)
        assert matcher.consume_token(token)
    return len(tokens), may_end(matcher, tokenizer)


def may_end(matcher: LLMatcher, tokenizer: LLTokenizer) -> bool:
    if matcher.is_stopped():
        return matcher.is_accepting()
    end = tokenizer.eos_token
    return bool(matcher.compute_bitmask()[end // 8] >> end % 8 & 1)


def wander(
    grammar: str,
    vocabulary: Bytes,
    seed: int,
    limit: int,
    likes: Callable[[bytes], float],
    *,
    begin: str = "",
) -> tuple[str, bool]:
    """A random text of the grammar, and whether it is whole or was cut off at the limit. Its
    beginning is as much of ``begin`` as the grammar takes."""
    dice = random.Random(seed)
    given = vocabulary.encode(begin)
    matcher = LLMatcher(vocabulary.tokenizer, grammar, log_level=0)
    assert not matcher.is_error(), matcher.get_error()
    liking = [likes(token) for token in vocabulary.tokens]
    tokens: list[int] = []
    while len(tokens) < limit and not matcher.is_stopped():
        mask = matcher.compute_bitmask()
        allowed = [t for t in range(len(vocabulary.tokens)) if mask[t // 8] >> t % 8 & 1]
        assert allowed
        given = given if given and given[0] in allowed else []
        weights = [liking[token] for token in allowed]
        token = given.pop(0) if given else dice.choices(allowed, weights)[0]
        assert matcher.consume_token(token)
        if token == vocabulary.eos_token_id:
            break
        tokens.append(token)
    return vocabulary.decode(tokens), matcher.is_accepting()


def likes(token: bytes) -> float:
    """Leads a random text to its end."""
    if (token in b'"}])<>' and len(token) == 1) or (len(token) > 1 and token[:1] == b"<"):
        return 40
    return 0.02 if token in b"{[\\" else 1 if token[0] < 128 else 0.0001
