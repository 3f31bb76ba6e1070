"""Rows of quantised caches that come, go, fork and step together, and what each would be alone."""

import random
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any
from unittest.mock import patch

import mlx.core as mx
import numpy as np
from hypothesis import strategies as st
from mlx_lm.models.cache import make_prompt_cache

from pippin.engine import codes
from pippin.engine.quantized import QuantizedCache, quantized
from tests.engine.zoo import VOCAB, build

ROW_STABLE = sys.platform == "linux" and mx.default_device() == mx.Device(mx.cpu)
"""Where a product's row does not depend on the other rows, to the bit."""

Model = Callable[..., mx.array]
Layers = list[Any]


def noise(*shape: int, seed: int = 0, dtype: mx.Dtype = mx.float32) -> mx.array:
    return mx.random.normal(shape, key=mx.random.key(seed)).astype(dtype)


class Echo:
    """No model: its keys and values are its tokens and positions, exact on any machine."""

    layers = (None,)

    def __init__(self) -> None:
        self._keys, self._values = noise(2, VOCAB, 2, 64)

    def __call__(self, tokens: mx.array, cache: Layers) -> mx.array:
        rows, length = tokens.shape
        offset = mx.broadcast_to(mx.array(cache[0].offset), (rows,))
        positions = (offset[:, None] + mx.arange(length))[:, None, :, None]
        keys, values = (table[tokens].swapaxes(1, 2) for table in (self._keys, self._values))
        cache[0].update_and_fetch(keys + positions, values - positions)
        return mx.zeros((rows, length, VOCAB))


@cache
def model(name: str) -> Any:
    if name == "echo":
        return Echo()
    if name == "llama, heads of 64":
        return build("llama", head_dim=64)
    if name == "qwen3, heads of 32":
        return build("qwen3", head_dim=32)
    return build("llama", head_dim=64, num_key_value_heads=4)


def fresh(of: Any, bits: int) -> Layers:
    return quantized(make_prompt_cache(of), bits)


def merged(*rows: Layers) -> Layers:
    return [QuantizedCache.merge(same) for same in zip(*rows, strict=True)]


def contents(layers: Layers, row: int, length: int) -> list[np.ndarray[Any, Any]]:
    return [np.array(array) for layer in layers for array in layer.tokens(row, 0, length)]


class Crowd:
    """Rows that come, go, fork and step together; beside them, what each has taken in."""

    def __init__(self, of: Any, bits: int) -> None:
        self.model = of
        self.bits = bits
        self.histories: list[list[int]] = []
        self.layers: Layers = []
        self.random = random.Random(0)

    def do(self, name: str, number: int, lengths: Sequence[int]) -> None:
        if self.histories or name in ("join", "join_padded"):
            getattr(self, name)(number, lengths)

    def join(self, number: int, lengths: Sequence[int]) -> None:
        """A prompt that is prefilled alone, in pieces."""
        prompt, layers = self._prompt(lengths[0]), fresh(self.model, self.bits)
        for low in range(0, len(prompt), number + 1):
            self.model(mx.array([prompt[low : low + number + 1]]), cache=layers)
        self._append([prompt], merged(layers))

    def join_padded(self, number: int, lengths: Sequence[int]) -> None:
        """Prompts that are prefilled together."""
        prompts = [self._prompt(length) for length in lengths]
        longest = max(lengths)
        layers = merged(*[fresh(self.model, self.bits) for _ in prompts])
        for layer in layers:
            layer.prepare(left_padding=[longest - length for length in lengths])
        if longest:
            padded = [[0] * (longest - len(prompt)) + prompt for prompt in prompts]
            self.model(mx.array(padded), cache=layers)
        self._append(prompts, layers)

    def step(self, number: int, lengths: Sequence[int]) -> None:
        for _ in range(number % 5 + 1):
            tokens = [self.random.randrange(VOCAB) for _ in self.histories]
            self.model(mx.array(tokens)[:, None], cache=self.layers)
            for history, token in zip(self.histories, tokens, strict=True):
                history.append(token)

    def keep(self, number: int, lengths: Sequence[int]) -> None:
        """Any rows in any order; a row that is named twice forks."""
        rows = [length % len(self.histories) for length in lengths]
        for layer in self.layers:
            layer.filter(mx.array(rows))
        self.histories = [list(self.histories[row]) for row in rows]

    def leave(self, number: int, lengths: Sequence[int]) -> None:
        """One row goes on alone for a while, then it is joined by itself."""
        row = number % len(self.histories)
        self.layers = [layer.extract(row) for layer in self.layers]
        self.histories = [self.histories[row]]
        self.step(number, lengths)
        self.histories *= 2
        self.histories = [list(history) for history in self.histories]
        self.layers = merged(self.layers, self.layers)

    def remember(self, number: int, lengths: Sequence[int]) -> None:
        """A further row is made from two pieces of one that is here."""
        row = number % len(self.histories)
        history = self.histories[row]
        if not history:
            return
        cut = lengths[0] % (len(history) + 1)
        copies = []
        for layer in self.layers:
            pieces = (layer.tokens(row, 0, cut), layer.tokens(row, cut, len(history)))
            whole = [mx.concatenate(list(same), axis=-2) for same in zip(*pieces, strict=True)]
            copies.append(QuantizedCache.from_tokens(self.bits, whole, len(history)))
        self._append([list(history)], merged(copies))

    def trim(self, number: int, lengths: Sequence[int]) -> None:
        tokens = min(number, *map(len, self.histories), len(self.histories[0]))
        for layer in self.layers:
            assert layer.trim(tokens) == tokens
        for history in self.histories:
            del history[len(history) - tokens :]

    def check(self) -> None:
        """Each row holds, and then answers, what it does if it never met anybody."""
        rows = [contents(self.layers, row, len(h)) for row, h in enumerate(self.histories)]
        together = self.model(mx.array([[5]] * len(rows)), cache=self.layers)
        for history, held, logits in zip(self.histories, rows, together, strict=True):
            alone = fresh(self.model, self.bits)
            if history:
                self.model(mx.array([history]), cache=alone)
                for some, others in zip(held, contents(alone, 0, len(history)), strict=True):
                    self._same(some, others)
            expected = self.model(mx.array([[5]]), cache=alone)[0]
            self._same(np.array(logits), np.array(expected))

    def _same(self, some: np.ndarray[Any, Any], others: np.ndarray[Any, Any]) -> None:
        if ROW_STABLE or isinstance(self.model, Echo):
            np.testing.assert_array_equal(some, others)
        elif some.dtype != np.uint32:  # a code may tip over; then its number says nothing
            np.testing.assert_allclose(some, others, atol=0.05 * float(np.ptp(others) or 1))

    def _prompt(self, length: int) -> list[int]:
        return [self.random.randrange(VOCAB) for _ in range(length)]

    def _append(self, histories: list[list[int]], layers: Layers) -> None:
        for mine, theirs in zip(self.layers, layers, strict=bool(self.layers)):
            mine.extend(theirs)
        self.layers = self.layers or layers
        self.histories += histories


OPERATIONS = ("join", "join_padded", "step", "keep", "leave", "remember", "trim")
HAPPENINGS = st.lists(
    st.tuples(
        st.sampled_from(OPERATIONS),
        st.integers(0, 12),
        st.lists(st.integers(0, 20), min_size=1, max_size=4),
    ),
    min_size=2,
    max_size=12,
)


def live(name: str, bits: int, happenings: Sequence[tuple[str, int, Sequence[int]]]) -> None:
    crowd = Crowd(model(name), bits)
    with patch.object(codes, "STEP", 8):  # growth, too, comes often
        crowd.do("join", 3, [9])
        for happening in happenings:
            crowd.do(*happening)
        crowd.check()
