"""Keys and values kept in 8 or 4 bits, for one sequence and for a batch.

mlx-lm's own quantised cache knows one sequence only. These two follow its protocol, so a model
cannot tell them apart: a cache that has ``bits`` and ``group_size`` gets the quantised attention.

What a row holds is the same, bit for bit, in any company (``codes``).
"""

from collections.abc import Sequence
from typing import Any, Literal, Self, cast

import mlx.core as mx
from mlx_lm.models.base import create_causal_mask
from mlx_lm.models.cache import CacheList, KVCache

from pippin.engine.codes import QuantizedTokens, whole_steps
from pippin.models.errors import CannotLoad


def quantized(layers: Sequence[Any], bits: int) -> list[Any]:
    """The fresh caches of one sequence, each plain one replaced; the others are kept.

    Raises:
        CannotLoad: there is no plain one, so nothing would become smaller.
    """
    replaced = [_replaced(layer, bits) for layer in layers]
    if all(new is old for new, old in zip(replaced, layers, strict=True)):
        raise CannotLoad(
            "--kv-bits is of no use for this model: none of its layers has a plain cache of keys "
            "and values. Leave it out."
        )
    return replaced


def _replaced(layer: Any, bits: int) -> Any:
    if type(layer) is KVCache:
        return QuantizedCache(bits)
    if type(layer) is CacheList and any(type(part) is KVCache for part in layer.caches):
        parts = [_replaced(part, bits) for part in layer.caches]
        return CacheList(*parts)  # type: ignore[no-untyped-call]
    return layer


class QuantizedCache(QuantizedTokens):
    """The keys and values of one sequence in one layer. Belongs to its owner's list of layers;
    engine thread only."""

    def __init__(self, bits: int) -> None:
        super().__init__(bits, rows=1)

    @classmethod
    def from_tokens(cls, bits: int, arrays: Sequence[mx.array], length: int) -> Self:
        """A sequence of the first ``length`` tokens of six arrays such as ``tokens`` gives; what
        comes after them is room to grow.

        Raises:
            ValueError: these are not six arrays that hold so many tokens.
        """
        cache = cls(bits)
        cache.state = (arrays[:3], arrays[3:], length, None, bits)
        return cache

    @property
    def state(self) -> tuple[Any, ...]:
        """Keys, values, tokens, group size and bits, as in mlx-lm.

        To set it needs no group size: the arrays tell. They stay their owner's: nothing is ever
        written into them.
        """
        return super().state

    @state.setter
    def state(self, state: tuple[Any, ...]) -> None:
        keys, values, length, _, self.bits = state
        arrays = (*keys, *values)
        if len(arrays) != 6 or any(array.shape[-2] < length for array in arrays):
            raise ValueError(f"six arrays of at least {length} tokens are needed")
        packed, scales, *_ = arrays
        head_size = packed.shape[-1] * 8 * packed.itemsize // self.bits
        self.group_size = head_size // scales.shape[-1]
        # Handles of our own: writing exchanges what a handle holds, and leaves the owner's alone.
        self._arrays = tuple(mx.array(array) for array in arrays)
        self._filled = length

    @classmethod
    def merge(cls, caches: Sequence["QuantizedCache"]) -> "BatchQuantizedCache":
        """A batch of copies, one row each. The same sequence may be given several times."""
        return BatchQuantizedCache.joined(caches)

    @property
    def offset(self) -> int:
        """The next token's position."""
        return self._filled

    def make_mask(
        self, length: int, return_array: bool = False, window_size: int | None = None
    ) -> mx.array | Literal["causal"] | None:
        """What the next ``length`` tokens may see; ``None``: everything."""
        if window_size is None and length == 1:
            return None
        if window_size is None and not return_array:
            return "causal"
        mask: mx.array = create_causal_mask(length, self._filled, window_size)
        return mask


class BatchQuantizedCache(QuantizedTokens):
    """The keys and values of several sequences in one layer, padded on the left to the longest.

    Belongs to its owner's list of layers; engine thread only.
    """

    @classmethod
    def joined(cls, parts: Sequence[QuantizedTokens]) -> Self:
        """A batch of the rows of all parts, which are copied."""
        batch = cls(parts[0].bits, rows=0)
        batch._join(parts)
        return batch

    @property
    def offset(self) -> mx.array:
        """Each row's next position; below 0 where that is padding."""
        return mx.array([self._filled - padding for padding in self._padding])

    def prepare(self, *, left_padding: Sequence[int]) -> None:
        """Say how many of each row's first tokens will be padding.

        Raises:
            ValueError: tokens have come already.
        """
        if not self.empty():
            raise ValueError("padding can only be added to an empty cache")
        self._padding = [a + b for a, b in zip(self._padding, left_padding, strict=True)]

    def filter(self, rows: mx.array) -> None:
        """Keep these rows in this order. A row may be named several times."""
        padding = [self._padding[row] for row in cast(list[int], rows.tolist())]
        unused = min([*padding, self._filled])
        self._arrays = tuple(
            mx.take(array[..., unused:, :], rows, axis=0) for array in self._arrays
        )
        self._padding = [before - unused for before in padding]
        self._filled -= unused

    def extend(self, other: "BatchQuantizedCache") -> None:
        """Append the rows of ``other``, which must not be used afterwards."""
        self._join([self, other])

    def extract(self, row: int) -> QuantizedCache:
        """A copy of one row as a sequence of its own."""
        length = self._filled - self._padding[row]
        if self.empty() or not length:
            return QuantizedCache(self.bits)
        return QuantizedCache.from_tokens(self.bits, self.tokens(row, 0, length), length)

    def make_mask(
        self, length: int, return_array: bool = False, window_size: int | None = None
    ) -> mx.array:
        """What the next ``length`` tokens of each row may see: (rows, 1, length, positions)."""
        padding = mx.array(self._padding)
        mask: mx.array = create_causal_mask(length, self._filled, window_size, left_padding=padding)
        return mask

    def _join(self, parts: Sequence[QuantizedTokens]) -> None:
        """Become the rows of all parts, of which this may be one."""
        end = max(part._filled for part in parts)
        padding = [before + end - part._filled for part in parts for before in part._padding]
        full = next((part for part in parts if not part.empty()), None)
        if full:
            moved = [p._moved(full._arrays, end - p._filled, whole_steps(end)) for p in parts]
            self._arrays = tuple(mx.concatenate(list(same)) for same in zip(*moved, strict=True))
            self.group_size = full.group_size
        self._padding = padding
        self._filled = end
