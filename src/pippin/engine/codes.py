"""Keys and values in 8 or 4 bits: the arrays, and how tokens come into and out of them.

Every token is quantised on its own, in groups along its heads. So what is held does not depend on
how a prompt was cut into chunks, nor on the other rows of a batch.
"""

from typing import Any

import mlx.core as mx

from pippin.memory.planes import copied
from pippin.models.errors import CannotLoad

STEP = 256
"""Tokens: room is made for so many at a time, as in mlx-lm's caches."""
GROUP_SIZES = (64, 32)
"""Numbers that share a scale and a bias, the best first; MLX has kernels for these."""

Arrays = tuple[mx.array, ...]
"""Packed codes, scales and biases, (rows, heads, positions, any): three, or six with the values."""


def group_size_for(*head_sizes: int) -> int:
    """The largest group that divides all of them.

    Raises:
        CannotLoad: there is none.
    """
    for size in GROUP_SIZES:
        if not any(head % size for head in head_sizes):
            return size
    raise CannotLoad(
        f"--kv-bits needs heads whose size is a multiple of {GROUP_SIZES[-1]}; this model's are "
        f"{' and '.join(map(str, sorted(set(head_sizes))))}. Leave it out."
    )


class QuantizedTokens:
    """What one sequence and a batch of them have in common.

    Six arrays: packed codes, scales and biases of the keys, then of the values; none until the
    first tokens come. Row i's own tokens stand at the positions from ``_padding[i]`` up to
    ``_filled``. The padding is known to the host, so nothing here waits for the device.
    """

    def __init__(self, bits: int, rows: int) -> None:
        self.bits = bits
        self.group_size = GROUP_SIZES[0]
        """Chosen when the first tokens show the size of the heads."""
        self._arrays: Arrays = ()
        self._padding = [0] * rows
        self._filled = 0

    def update_and_fetch(self, keys: mx.array, values: mx.array) -> tuple[Arrays, Arrays]:
        """Append tokens, (rows, heads, tokens, head size). All keys and values so far, as triples.

        Raises:
            CannotLoad: the heads' size fits no group. Only an empty cache raises it.
        """
        if self.empty():
            self.group_size = group_size_for(keys.shape[-1], values.shape[-1])
        new = (*self._quantize(keys), *self._quantize(values))
        end = self._filled + keys.shape[-2]
        if end > self.capacity:
            self._arrays = self._moved(like=new, start=0, capacity=whole_steps(end))
        for held, tokens in zip(self._arrays, new, strict=True):
            held[..., self._filled : end, :] = tokens
        self._filled = end
        return self.keys_and_values()

    def keys_and_values(self) -> tuple[Arrays, Arrays]:
        held = tuple(array[..., : self._filled, :] for array in self._arrays)
        return held[:3], held[3:]

    def tokens(self, row: int, low: int, high: int) -> Arrays:
        """Tokens ``low`` up to ``high`` of a row, its padding not counted.

        Six arrays (1, heads, tokens, any) in memory of their own once computed, for
        ``QuantizedCache.from_tokens``.

        Raises:
            ValueError: there is no such row, or it does not hold them.
        """
        if not 0 <= row < len(self._padding):
            raise ValueError(f"there is no row {row} among {len(self._padding)}")
        length = self._filled - self._padding[row]
        if not 0 <= low <= high <= length:
            raise ValueError(f"row {row} holds {length} tokens, not those from {low} to {high}")
        start = self._padding[row]
        return tuple(
            copied(array[row : row + 1, :, start + low : start + high]) for array in self._arrays
        )

    def size(self) -> int:
        """Positions filled: the tokens of the longest row."""
        return self._filled

    @property
    def capacity(self) -> int:
        """Positions that there is room for."""
        return self._arrays[0].shape[-2] if self._arrays else 0

    def empty(self) -> bool:
        return not self._arrays

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in self._arrays)

    @property
    def state(self) -> tuple[Any, ...]:
        """The arrays and what belongs to them, for those who have them computed."""
        arrays = self._arrays
        return arrays[:3], arrays[3:], self._filled, self.group_size, self.bits

    def is_trimmable(self) -> bool:
        return True

    def trim(self, tokens: int) -> int:
        """Drop the newest tokens of every row; how many that were."""
        dropped = min(tokens, self._filled)
        self._filled -= dropped
        return dropped

    def _quantize(self, vectors: mx.array) -> Arrays:
        return tuple(mx.quantize(vectors, group_size=self.group_size, bits=self.bits))

    def _moved(self, like: Arrays, start: int, capacity: int) -> Arrays:
        """A copy whose first position is at ``start``, in room for ``capacity`` positions."""
        rows = len(self._padding)
        held = self._arrays or tuple(
            mx.zeros((rows, a.shape[1], 0, a.shape[3]), a.dtype) for a in like
        )
        around = (start, capacity - start - self._filled)
        return tuple(
            mx.pad(array[..., : self._filled, :], [(0, 0), (0, 0), around, (0, 0)])
            for array in held
        )


def whole_steps(tokens: int) -> int:
    return -(-tokens // STEP) * STEP
