"""Forms of answers over the words of the hashing models: a letter each, and the end of a turn."""

import string

from llguidance import LLMatcher, LLTokenizer

from pippin.engine.constraints.meter import ThinkingLimit
from pippin.output.thinking import Thinking, ThinkingMarks
from tests.isolation.talk import TURN_END, WORDS

LETTERS = (string.digits + string.ascii_letters)[:WORDS]


class Alphabet:
    """What ``LLTokenizer`` reads of a tokenizer; the names are its."""

    is_tokenizer_wrapper = True
    bos_token_id = None
    eos_token_id = TURN_END
    special_token_ids = (TURN_END,)
    tokens = (*(letter.encode() for letter in LETTERS), b"")

    def __call__(self, text: str) -> list[int]:
        return [LETTERS.index(letter) for letter in text]


TOKENIZER = LLTokenizer(Alphabet())  # type: ignore[arg-type]


class Pattern:
    """A form, equal to itself in what hypothesis shows."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern

    def __repr__(self) -> str:
        return f"Pattern({self._pattern!r})"

    def matcher(self, *, alone: bool = False) -> LLMatcher:
        return LLMatcher(TOKENIZER, LLMatcher.grammar_from_regex(self._pattern), log_level=0)


LIMIT = ThinkingLimit(
    4,
    Thinking(ThinkingMarks("ab", "zz"), inside=True),
    tuple(Alphabet()("zz")),
    lambda token: Alphabet.tokens[token],
)
FORMS: tuple[dict[str, object], ...] = (
    {},
    {"thinking_limit": LIMIT},
    {"form": Pattern("[a-f]{3,9}")},
    {"form": Pattern("[0-9]certainlythisandnothingelse[0-9]*")},
    {"form": Pattern("(yes|no)[a-z]{0,4}")},
    {"form": Pattern(".*"), "thinking_limit": LIMIT},
)
"""Fields of a job."""
