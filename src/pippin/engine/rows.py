"""Cache rows: the one place that adapts mlx-lm's caches.

A single row uses the model's plain caches, which need no mask. From two rows on they are merged
into mlx-lm's batch caches, which pad on the left.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from math import isfinite
from typing import Any, Self

import mlx.core as mx
from mlx_lm.models.cache import make_prompt_cache

from pippin.engine import leaves
from pippin.engine.quantized import quantized
from pippin.memory.planes import Snapshot

Model = Callable[..., mx.array]
"""``model(tokens (B, T), cache=[...]) -> logits (B, T, V)``, as every mlx-lm model."""
Make = Callable[[], list[Any]]
"""Makes the fresh caches of one sequence, one per layer."""


class CacheMaker:
    """Makes the caches of a sequence: the model's own, quantised where that was asked for."""

    def __init__(self, model: Model, kv_bits: int | None = None) -> None:
        self._model = model
        self._kv_bits = kv_bits

    def __call__(self) -> list[Any]:
        layers = make_prompt_cache(self._model)
        return quantized(layers, self._kv_bits) if self._kv_bits else layers

    @property
    def quantises(self) -> bool:
        """Whether they are other caches than the model's own."""
        return self._kv_bits is not None


class CacheRows:
    """The caches of some sequences, one row each: a list of mlx-lm caches, one per layer.

    Owned by a prefill or by the batch; handed over, never shared. Engine thread only.
    """

    def __init__(self, layers: list[Any], rows: int) -> None:
        self.layers = layers
        self.rows = rows
        self._merged = rows > 1

    @classmethod
    def empty(cls, make: Make, left_padding: Sequence[int] = (0,)) -> Self:
        """Rows that hold nothing yet; the first tokens of each are padding, as many as given."""
        fresh = [make() for _ in left_padding]
        if len(fresh) == 1:
            return cls(fresh[0], 1)
        merged = cls(_merge(fresh), len(fresh))
        if any(left_padding):
            for layer in merged.layers:
                layer.prepare(left_padding=list(left_padding))
        return merged

    @classmethod
    def restored(cls, make: Make, parts: Sequence[leaves.Part], room: int) -> Self:
        """One row that holds what was remembered. Each part is a snapshot and the positions,
        counted in it, that are wanted; the last one brings the state of layers that cannot be
        cut. There is room for so many tokens more before anything is copied again.

        Raises:
            leaves.Misfit: the snapshots are not of such caches.
        """
        return cls(leaves.restored(make(), parts, room), 1)

    def room_for(self, tokens: int) -> AbstractContextManager[None]:
        """While a single row takes in a part of so many tokens, room is made for all of them."""
        return leaves.room_for(self.layers, tokens)

    def snapshot(
        self, row: int, low: int, high: int, between: Callable[[], None] | None = None
    ) -> Snapshot:
        """What a row holds of its tokens from ``low`` to ``high``, computed and copied out. The
        state of what cannot be cut is that of the row as it is. ``between``: called after each
        array, which must leave the row alone; ``None``: all are copied at once.

        Raises:
            leaves.NoNumbers: the model failed there.
        """
        snapshot = leaves.snapshot(self.layers, row if self._merged else None, low, high)
        if between is None:
            _compute(snapshot.arrays)
            return snapshot
        for array in snapshot.arrays:
            _compute([array])
            between()
        return snapshot

    @property
    def nbytes(self) -> int:
        """Padding and room to grow counted."""
        return sum(layer.nbytes for layer in self.layers)

    def extract(self, row: int) -> "CacheRows":
        """A copy of one row, on its own."""
        if self._merged:
            return CacheRows([layer.extract(row) for layer in self.layers], 1)
        return CacheRows(self.layers, 1)

    def take(self, rows: Sequence[int]) -> None:
        """Keep these rows in this order. A row may be taken several times: that forks it."""
        if list(rows) == list(range(self.rows)):
            return
        if len(rows) == 1 and self._merged:
            self.layers = [layer.extract(rows[0]) for layer in self.layers]
            self._merged = False
        elif self._merged:
            for layer in self.layers:
                layer.filter(mx.array(list(rows)))
        else:
            self.layers = _merge([self.layers] * len(rows))
            self._merged = True
        self.rows = len(rows)

    def extend(self, other: "CacheRows") -> None:
        """Append the rows of ``other``, which must not be used afterwards."""
        self._merge()
        other._merge()
        for mine, theirs in zip(self.layers, other.layers, strict=True):
            mine.extend(theirs)
        self.rows += other.rows

    @property
    def arrays(self) -> list[Any]:
        """All arrays of all layers, for those who have them computed."""
        return [layer.state for layer in self.layers]

    def _merge(self) -> None:
        if not self._merged:
            self.layers = _merge([self.layers])
            self._merged = True


def _compute(arrays: Sequence[mx.array]) -> None:
    """Raises: ``leaves.NoNumbers``."""
    # One sum tells: it is no number if anything in it is none.
    sums = [
        array.astype(mx.float32).sum()
        for array in arrays
        if mx.issubdtype(array.dtype, mx.floating)
    ]
    mx.eval(arrays, sums)
    if not all(isfinite(float(total)) for total in sums):
        raise leaves.NoNumbers("its caches hold what is no number")


def _merge(caches: Sequence[list[Any]]) -> list[Any]:
    return [type(layers[0]).merge(list(layers)) for layers in zip(*caches, strict=True)]


def merges(make: Make) -> bool:
    """Whether the model's caches say that they can be merged."""
    return all(hasattr(layer, "merge") for layer in make())


def has_plain_caches(make: Make) -> bool:
    """Whether padding on the left is known to the model's caches."""
    return all(leaves.grows(layer) for layer in make())


def cannot_be_cut(make: Make) -> bool:
    """Whether a prefix can only be resumed where a state of it was kept."""
    return not all(leaves.grows(leaf) for leaf in leaves.leaves_of(make()))
