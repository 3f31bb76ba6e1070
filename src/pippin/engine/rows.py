"""Cache rows: the one place that adapts mlx-lm's caches.

A single row uses the model's plain caches, which need no mask. From two rows on they are merged
into mlx-lm's batch caches, which pad on the left.
"""

from collections.abc import Callable, Sequence
from typing import Any, Self

import mlx.core as mx
from mlx_lm.models.cache import KVCache, make_prompt_cache

Model = Callable[..., mx.array]
"""``model(tokens (B, T), cache=[...]) -> logits (B, T, V)``, as every mlx-lm model."""


class CacheRows:
    """The caches of some sequences, one row each: a list of mlx-lm caches, one per layer.

    Owned by a prefill or by the batch; handed over, never shared. Engine thread only.
    """

    def __init__(self, layers: list[Any], rows: int) -> None:
        self.layers = layers
        self.rows = rows
        self._merged = rows > 1

    @classmethod
    def empty(cls, model: Model, left_padding: Sequence[int] = (0,)) -> Self:
        """Rows that hold nothing yet; the first tokens of each are padding, as many as given."""
        fresh = [make_prompt_cache(model) for _ in left_padding]
        if len(fresh) == 1:
            return cls(fresh[0], 1)
        merged = cls(_merge(fresh), len(fresh))
        if any(left_padding):
            for layer in merged.layers:
                layer.prepare(left_padding=list(left_padding))
        return merged

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

    def queue(self) -> None:
        """Let the device compute what was put into the caches, without waiting for it."""
        mx.async_eval([layer.state for layer in self.layers])

    def _merge(self) -> None:
        if not self._merged:
            self.layers = _merge([self.layers])
            self._merged = True


def _merge(caches: Sequence[list[Any]]) -> list[Any]:
    return [type(layers[0]).merge(list(layers)) for layers in zip(*caches, strict=True)]


def position_bytes(model: Model) -> int:
    """Bytes of one token of one sequence in the growing caches; 0 if the model has none."""
    layers = make_prompt_cache(model)
    model(mx.array([[0]]), cache=layers)  # only builds the graph: nothing is computed
    growing: list[Any] = [layer for layer in layers if type(layer) is KVCache]
    return sum(layer.nbytes // layer.keys.shape[2] for layer in growing)


def merges(model: Model) -> bool:
    """Whether the model's caches say that they can be merged."""
    return all(hasattr(layer, "merge") for layer in make_prompt_cache(model))


def has_plain_caches(model: Model) -> bool:
    """Whether padding on the left is known to the model's caches."""
    return all(type(layer) is KVCache for layer in make_prompt_cache(model))
