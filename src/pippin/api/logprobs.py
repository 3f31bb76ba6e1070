"""Log-probabilities in the two shapes that OpenAI's clients know."""

import codecs
from collections.abc import Iterable

import msgspec

from pippin.core.events import TokenLogprob, TopLogprob

LEAST_LOGPROB = -9999.0
"""What OpenAI writes for impossible tokens: JSON has no minus infinity."""


class ChatTopLogprob(msgspec.Struct, frozen=True):
    token: str
    logprob: float
    bytes: list[int]


class ChatTokenLogprob(msgspec.Struct, frozen=True):
    token: str
    logprob: float
    bytes: list[int]
    top_logprobs: list[ChatTopLogprob]


class ChatLogprobs(msgspec.Struct, frozen=True):
    """Of a chat choice, or of one delta of it."""

    content: list[ChatTokenLogprob]
    refusal: None = None


def chat_logprobs(tokens: Iterable[TokenLogprob]) -> ChatLogprobs:
    return ChatLogprobs(
        [
            ChatTokenLogprob(
                token.token,
                _writable(token.logprob or 0.0),
                list(token.raw),
                [
                    ChatTopLogprob(top.token, _writable(top.logprob), list(top.raw))
                    for top in token.top
                ],
            )
            for token in tokens
        ]
    )


class CompletionLogprobs(msgspec.Struct, frozen=True):
    """Of a completion's choice, or of one delta of it: parallel lists, an item per token."""

    tokens: list[str]
    token_logprobs: list[float | None]
    top_logprobs: list[dict[str, float] | None]
    text_offset: list[int]
    """Characters of the choice's text before the token."""


class CompletionLogprobsWriter:
    """Makes the completions shape, delta by delta; remembers how far one choice's text is."""

    def __init__(self) -> None:
        self._characters = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def write(self, tokens: Iterable[TokenLogprob]) -> CompletionLogprobs:
        shape = CompletionLogprobs([], [], [], [])
        for token in tokens:
            shape.tokens.append(_written(token))
            shape.token_logprobs.append(None if token.logprob is None else _writable(token.logprob))
            shape.top_logprobs.append(_alternatives(token))
            shape.text_offset.append(self._characters)
            self._characters += len(self._decoder.decode(token.raw))
        return shape


def _alternatives(token: TokenLogprob) -> dict[str, float] | None:
    """The best tokens, and the chosen one if it is not among them (OpenAI: up to k + 1)."""
    if token.logprob is None or not token.top:
        return None
    alternatives = {_written(top): _writable(top.logprob) for top in token.top}
    alternatives.setdefault(_written(token), _writable(token.logprob))
    return alternatives


def _written(token: TokenLogprob | TopLogprob) -> str:
    """OpenAI's notation for tokens that are no whole characters: ``bytes:\\xe4``."""
    try:
        token.raw.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in token.raw)
    return token.token


def _writable(logprob: float) -> float:
    return max(logprob, LEAST_LOGPROB)
