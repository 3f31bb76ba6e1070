"""What a sequence costs in memory, found out from the model's own caches."""

from collections.abc import Sequence
from dataclasses import dataclass

import mlx.core as mx
from mlx_lm.models.cache import ArraysCache, ChunkedKVCache, KVCache, RotatingKVCache

from pippin.engine import leaves
from pippin.engine.codes import STEP, whole_steps
from pippin.engine.quantized import QuantizedCache
from pippin.engine.rows import Make, Model

UNBOUNDED = 1 << 40
"""Tokens: more than any context holds."""


@dataclass(frozen=True, slots=True)
class LaneCost:
    """Bytes of one sequence's caches, as a function of its tokens."""

    per_token: int
    """Of the caches that grow with the text."""
    windows: tuple[tuple[int, int], ...]
    """Sliding windows: bytes per token, and the tokens after which they grow no more."""
    fixed: int
    """Of recurrent states."""

    def __call__(self, tokens: int) -> int:
        """Bytes that ``tokens`` take, with the room that caches leave for the next ones."""
        held = whole_steps(max(1, tokens))
        sliding = sum(each * min(held, longest) for each, longest in self.windows)
        return self.per_token * held + sliding + self.fixed

    def most_tokens(self, bytes_: int) -> int:
        """The longest sequence that fits so many bytes, or ``UNBOUNDED``."""
        low, high = 0, UNBOUNDED
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self(middle) <= bytes_ else (low, middle - 1)
        return low


FREE = LaneCost(0, (), 0)
"""Where nobody counts."""


def lane_cost(model: Model, make: Make) -> LaneCost:
    """Look at the caches after one token. Only the graph is built: nothing is computed.

    Of kinds that are not known here it looks at more tokens, and takes it that they grow."""
    layers = make()
    model(mx.array([[0]]), cache=layers)
    per_token = fixed = 0
    windows: list[tuple[int, int]] = []
    unknown = []
    for number, leaf in enumerate(leaves.leaves_of(layers)):
        match leaf:
            case KVCache() | QuantizedCache():
                per_token += leaf.nbytes // STEP
            case RotatingKVCache():
                windows.append((_per_position(leaf), leaf.max_size))
            case ChunkedKVCache():
                windows.append((_per_position(leaf), leaf.chunk_size + STEP))
            case ArraysCache():
                fixed += leaf.nbytes
            case _:
                unknown.append(number)
    return LaneCost(per_token + _growth(model, make, unknown), tuple(windows), fixed)


def _growth(model: Model, make: Make, unknown: Sequence[int]) -> int:
    """Bytes per token of these leaves, rounded up."""
    if not unknown:
        return 0
    layers = make()
    model(mx.zeros((1, STEP), mx.int32), cache=layers)
    all_leaves = list(leaves.leaves_of(layers))
    return sum(-(-all_leaves[number].nbytes // STEP) for number in unknown)


def _per_position(window: RotatingKVCache | ChunkedKVCache) -> int:
    positions = 0 if window.keys is None else window.keys.shape[2]
    return int(window.nbytes) // max(1, positions)
