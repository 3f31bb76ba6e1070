"""Sampling of what mlx computed, on its device or on the host.

On a GPU the logits stay where they are, and the next step is queued before they are known. On a
CPU numpy sorts and exponentiates about 30 times faster than mlx does, and nothing is won by
queueing ahead.
"""

from typing import Any

import mlx.core as mx
import numpy as np
import numpy.typing as npt

from pippin.engine.arrays import Array, Arrays, NumpyArrays
from pippin.models.hardware import on_cpu


class DeviceArrays:
    xp = mx
    on_host = False

    def queue(self, arrays: Any) -> None:
        mx.async_eval(arrays)

    def of(self, values: Any) -> Array:
        return mx.array(values)

    def logits(self, logits: mx.array) -> Array:
        return logits.astype(mx.float32)

    def put(self, target: Array, indices: Array, values: Array) -> Array:
        return mx.put_along_axis(target, indices, values, axis=-1)

    def add(self, target: Array, rows: Array, columns: Array, values: Array) -> Array:
        return target.at[rows, columns].add(values)

    def cumulative(self, weights: Array) -> Array:
        return mx.cumsum(weights, axis=-1)

    def best(self, values: Array, count: int) -> Array:
        return mx.argpartition(-values, kth=count - 1, axis=-1)[..., :count]

    def limits(self, bits: npt.NDArray[np.int32], width: int) -> Array:
        words = mx.array(bits.view(np.uint32))[:, :, None]
        flags = (words >> mx.arange(32, dtype=mx.uint32)) & 1
        return mx.where(flags.reshape(len(bits), -1)[:, :width], float("inf"), -float("inf"))


class HostArrays(NumpyArrays):
    def queue(self, arrays: Any) -> None:
        # Nothing is won by not waiting, and what a step costs can be told apart.
        mx.eval(arrays)

    def logits(self, logits: mx.array) -> Array:
        return np.array(logits.astype(mx.float32))


def arrays_for_device() -> Arrays:
    return HostArrays() if on_cpu() else DeviceArrays()
