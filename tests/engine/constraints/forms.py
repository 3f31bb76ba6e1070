"""Forms over a toy vocabulary: a token per printable character, a few longer ones, and an end."""

from llguidance import LLMatcher, LLParserLimits, LLTokenizer

LETTERS = [bytes([32 + i]) for i in range(95)]
LONGER = [b"ab", b"the ", b"</t", b"think"]
END = len(LETTERS) + len(LONGER)
VOCAB = END + 1


class Toy:
    """What ``LLTokenizer`` reads of a tokenizer; the names are its."""

    is_tokenizer_wrapper = True
    bos_token_id = None
    eos_token_id = END
    special_token_ids = (END,)
    tokens = (*LETTERS, *LONGER, b"")

    def __call__(self, text: str) -> list[int]:
        return [ord(char) - 32 for char in text]


TOKENIZER = LLTokenizer(Toy())  # type: ignore[arg-type]


class Regex:
    """A form that the pattern decides."""

    def __init__(self, pattern: str, limits: LLParserLimits | None = None) -> None:
        self._grammar = LLMatcher.grammar_from_regex(pattern)
        self._limits = limits

    def matcher(self, *, alone: bool = False) -> LLMatcher:
        return LLMatcher(TOKENIZER, self._grammar, log_level=0, limits=self._limits)


def text_of(tokens: list[int]) -> str:
    return b"".join(Toy.tokens[token] for token in tokens).decode()


def bytes_of(token: int) -> bytes:
    return Toy.tokens[token]


def tokens_of(text: str) -> tuple[int, ...]:
    return tuple(Toy()(text))
