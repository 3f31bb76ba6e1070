"""Models whose every logit is known, with mlx-lm's interface and caches."""

import time
from collections.abc import Callable
from typing import Any

import mlx.core as mx
from mlx_lm.models.cache import KVCache

Logits = Callable[[mx.array], mx.array]
"""(B, T) tokens → (B, T, V) logits."""


class MockModel:
    """Its logits are a function of the input token alone; its cache remembers the tokens, so a
    test can look at what each row holds.

    ``fail_at`` is the number of the call that raises; ``delay_s`` is slept in every call.
    """

    def __init__(self, logits: Logits, *, fail_at: int | None = None, delay_s: float = 0.0) -> None:
        self.layers = [object()]
        self.calls = 0
        self.tokens_seen = 0
        self._logits = logits
        self._fail_at = fail_at
        self._delay_s = delay_s

    def make_cache(self) -> list[Any]:
        cache: Any = KVCache
        return [cache()]

    def __call__(self, tokens: mx.array, cache: list[Any]) -> mx.array:
        self.calls += 1
        if self.calls == self._fail_at:
            raise RuntimeError("planted failure")
        time.sleep(self._delay_s)
        self.tokens_seen += tokens.size
        remembered = tokens[:, None, :, None].astype(mx.float32)
        cache[0].update_and_fetch(remembered, remembered)
        return self._logits(tokens)


def counting(vocab_size: int) -> Logits:
    """The token after t is t + 1, surely."""

    def logits(tokens: mx.array) -> mx.array:
        following = (tokens + 1) % vocab_size
        return 100.0 * (mx.arange(vocab_size) == following[..., None]).astype(mx.float32)

    return logits


def uniform(vocab_size: int) -> Logits:
    return lambda tokens: mx.zeros((*tokens.shape, vocab_size))
