"""Where sampling is computed: on the device with mlx (``mlx_arrays``), or on the host with numpy.

The sampler is written once, against the functions that both share and the few below that they
spell differently. What is here needs no mlx.
"""

from types import ModuleType
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = Any
"""An ``mx.array`` or a numpy array, as the ``Arrays`` in use makes them."""


class Arrays(Protocol):
    """``xp`` has what mlx and numpy spell alike: where, sort, argsort, cumsum, max, sum, ..."""

    @property
    def xp(self) -> ModuleType: ...

    @property
    def on_host(self) -> bool: ...

    def of(self, values: Any) -> Array:
        """From a numpy array, or nested lists of numbers."""

    def queue(self, arrays: Any) -> None:
        """Have these mlx arrays computed: on a device soon, on the host now."""

    def logits(self, logits: Any) -> Array:
        """Float32 logits where sampling wants them."""

    def put(self, target: Array, indices: Array, values: Array) -> Array:
        """``target`` with ``values`` at ``indices`` along the last axis. Equal indices in a row
        carry equal values."""

    def add(self, target: Array, rows: Array, columns: Array, values: Array) -> Array:
        """``target`` with ``values`` added at (row, column) pairs."""

    def cumulative(self, weights: Array) -> Array:
        """Running sums along the last axis, as exact as the place allows."""

    def best(self, values: Array, count: int) -> Array:
        """Indices of the ``count`` largest entries of each row, in no order."""

    def limits(self, bits: npt.NDArray[np.int32], width: int) -> Array:
        """(B, width): infinity where a bit is set, minus infinity elsewhere. ``bits`` (B, words):
        32 a word, the lowest first."""


LIMITS = np.where(
    np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little"),
    np.float32(np.inf),
    np.float32(-np.inf),
)
"""(256, 8): of each byte's bits."""


class NumpyArrays:
    """Of a runtime whose logits are numpy arrays."""

    xp = np
    on_host = True

    def queue(self, arrays: Any) -> None:
        """They are computed already."""

    def of(self, values: Any) -> Array:
        array = np.asarray(values)
        return array.astype(np.float32) if array.dtype == np.float64 else array

    def logits(self, logits: Any) -> Array:
        return logits

    def put(self, target: Array, indices: Array, values: Array) -> Array:
        changed = target.copy()
        np.put_along_axis(changed, indices, values, axis=-1)
        return changed

    def add(self, target: Array, rows: Array, columns: Array, values: Array) -> Array:
        changed = target.copy()
        np.add.at(changed, (rows, columns), values)
        return changed

    def cumulative(self, weights: Array) -> Array:
        # In float32 the small weights after a large one would be lost.
        return np.cumsum(weights, axis=-1, dtype=np.float64)

    def best(self, values: Array, count: int) -> Array:
        if count >= values.shape[-1]:
            return np.broadcast_to(np.arange(values.shape[-1]), values.shape)
        return np.argpartition(-values, count - 1, axis=-1)[..., :count]

    def limits(self, bits: npt.NDArray[np.int32], width: int) -> Array:
        # By the byte: to look at every bit takes as long as the forward pass of a small model.
        return np.take(LIMITS, bits.view(np.uint8), axis=0).reshape(len(bits), -1)[:, :width]
