"""What a sequence costs in memory, found out from the model's own caches."""

from dataclasses import dataclass

import mlx.core as mx

from pippin.engine import leaves
from pippin.engine.rows import Make, Model


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
        held = -(-max(1, tokens) // leaves.STEP) * leaves.STEP
        sliding = sum(each * min(held, longest) for each, longest in self.windows)
        return self.per_token * held + sliding + self.fixed

    def most_tokens(self, bytes_: int, limit: int) -> int:
        """The longest sequence, up to ``limit`` tokens, that fits so many bytes."""
        low, high = 0, limit
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self(middle) <= bytes_ else (low, middle - 1)
        return low


FREE = LaneCost(0, (), 0)
"""Where nobody counts."""


def lane_cost(model: Model, make: Make) -> LaneCost:
    """Look at the caches after one token. Only the graph is built: nothing is computed."""
    layers = make()
    model(mx.array([[0]]), cache=layers)
    per_token = fixed = 0
    windows = []
    for leaf in leaves.leaves_of(layers):
        if leaves.grows(leaf):
            per_token += leaf.nbytes // leaves.STEP
        elif window := getattr(leaf, "max_size", 0):
            windows.append((leaf.nbytes // leaf.keys.shape[2], window))
        else:
            fixed += leaf.nbytes
    return LaneCost(per_token, tuple(windows), fixed)
