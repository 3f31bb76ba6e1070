"""What a worker says while it answers: a closed union. Every protocol renders these same events,
and an answer that is not streamed is a fold over them.

Per request: one ``Started``, then per choice any number of ``Delta`` and ``CallStarted``, and one
``Finished``; or one ``Failed`` at any point, after which nothing follows.
"""

from typing import Literal

import msgspec

from pippin.core.memory import Reuse

FinishReason = Literal["stop", "length", "tool_calls"]
Channel = Literal["content", "reasoning", "arguments"]


class TopLogprob(msgspec.Struct, frozen=True, array_like=True):
    """One alternative for a token."""

    token: str
    raw: bytes
    """The token's bytes; ``token`` shows U+FFFD where they are no whole character."""
    logprob: float


class TokenLogprob(msgspec.Struct, frozen=True, array_like=True):
    """A token of the answer with its log-probability (natural, of the model's raw logits)."""

    token: str
    raw: bytes
    logprob: float | None
    """``None`` only for the first token of an echoed prompt."""
    top: tuple[TopLogprob, ...] = ()
    """The most likely tokens at this place, best first; as many as were asked for."""


class Started(msgspec.Struct, frozen=True, tag="started", array_like=True):
    """The request has left the queue: its prompt fits, and work begins."""

    id: int
    prompt_tokens: int
    cached_tokens: int = 0
    reuse: Reuse | None = None
    """Only when the request asked for ``explain_cache``."""


class Delta(msgspec.Struct, frozen=True, tag="delta", array_like=True):
    """A piece of one choice's text: whole characters, never part of a stop text."""

    id: int
    index: int
    text: str
    logprobs: tuple[TokenLogprob, ...] = ()
    """Of content only."""
    channel: Channel = "content"
    call: int = 0
    """Of ``arguments``: which call's, counted from 0 per choice. They are JSON text."""
    tokens: tuple[int, ...] = ()
    """Generated tokens of this choice that were not told before: with them, what has been told of
    the choice is a function of all its told tokens. Of several events that come of the same
    tokens, the last has them."""


class CallStarted(msgspec.Struct, frozen=True, tag="call", array_like=True):
    """A choice begins to call a tool; its arguments follow as deltas of channel ``arguments``."""

    id: int
    index: int
    call: int
    call_id: str
    name: str
    tokens: tuple[int, ...] = ()
    """As of a ``Delta``."""


class Finished(msgspec.Struct, frozen=True, tag="finished", array_like=True):
    """One choice is complete."""

    id: int
    index: int
    reason: FinishReason
    completion_tokens: int
    logprob_sum: float | None = None
    """Only when the request asked for ``score``."""
    reasoning_tokens: int = 0
    """Of the completion's: those of its thinking."""


class Failed(msgspec.Struct, frozen=True, tag="failed", array_like=True):
    """The request ends here. The fields are those of ``errors.PippinError``, fit for the client."""

    id: int
    kind: str
    message: str
    param: str | None = None


Event = Started | Delta | CallStarted | Finished | Failed
