"""Rotary embeddings on a CPU.

MLX composes them of some twenty small operations there, and computes the same sines and cosines
anew for the queries and for the keys of every layer. Here MLX computes them once a pass, and a
rotation is two products with them: of a vector, and of that vector with its pairs exchanged.
"""

from typing import Any, NamedTuple

import mlx.core as mx
import numpy as np

plain_rope = mx.fast.rope


class _Rotation(NamedTuple):
    """Of pairs (x, y), by an angle for each position and pair."""

    cosines: mx.array
    """(1 or B, 1, T, D)"""
    sines: mx.array
    exchange: mx.array
    """(D, D), to multiply with from the right: (x, y) becomes (-y, x)."""
    angles: dict[str, Any]
    """What they follow from; kept, for it is known by its ``id``."""


class HostRope:
    """To be called as ``mx.fast.rope``, during one pass. Gives the same numbers, to the bit, for
    vectors of numbers."""

    def __init__(self) -> None:
        self._rotations: dict[object, _Rotation] = {}
        self._seen: dict[int, mx.array] = {}
        """Frequencies, by their ``id``."""

    def __call__(
        self, a: mx.array, dims: int, *, traditional: bool, offset: int | mx.array, **angles: Any
    ) -> mx.array:
        """Vectors (B, H, T, D), the first ``dims`` of D rotated. ``traditional``: pairs are
        neighbours in place of ``dims / 2`` apart. ``angles``: the other arguments. What is not
        so, and frequencies that are new, are left to MLX."""
        is_known = a.ndim == 4 and a.dtype == mx.float32 and dims <= a.shape[3]
        is_known = is_known and np.size(offset) in (1, a.shape[0])
        if not is_known or "stream" in angles or self._is_new(angles):
            return plain_rope(a, dims, traditional=traditional, offset=offset, **angles)
        rotation = self._rotation(a.shape[2], dims, traditional, offset, angles)
        turned = a[..., :dims]
        turned = turned * rotation.cosines + (turned @ rotation.exchange) * rotation.sines
        return mx.concatenate([turned, a[..., dims:]], axis=-1) if dims < a.shape[3] else turned

    def _is_new(self, angles: dict[str, Any]) -> bool:
        """Whether the frequencies may be of this call only: some models make them for each."""
        freqs = angles.get("freqs")
        if not isinstance(freqs, mx.array) or id(freqs) in self._seen:
            return False
        self._seen[id(freqs)] = freqs
        return True

    def _rotation(
        self,
        length: int,
        dims: int,
        traditional: bool,
        offset: int | mx.array,
        angles: dict[str, Any],
    ) -> _Rotation:
        # By value: every layer counts for itself. It has been computed with the pass before.
        at = offset if isinstance(offset, int) else tuple(np.array(offset).reshape(-1).tolist())
        given = {k: id(v) if isinstance(v, mx.array) else v for k, v in angles.items()}
        key = (length, dims, traditional, at, *given.items())
        if key not in self._rotations:
            first, second = _pairs(dims, traditional)
            units = np.zeros((1 if isinstance(at, int) else len(at), 1, length, dims), np.float32)
            units[..., first] = 1  # becomes (cosine, sine)
            turned = plain_rope(
                mx.array(units), dims, traditional=traditional, offset=offset, **angles
            )
            exchange = np.zeros((dims, dims), np.float32)
            np.fill_diagonal(exchange[second, first], -1)
            np.fill_diagonal(exchange[first, second], 1)
            self._rotations[key] = _Rotation(
                _twice(turned[..., first], traditional),
                _twice(turned[..., second], traditional),
                mx.array(exchange),
                angles,
            )
        return self._rotations[key]


def _pairs(dims: int, traditional: bool) -> tuple[slice, slice]:
    """Where the first and the second numbers of the pairs are."""
    if traditional:
        return slice(0, dims, 2), slice(1, dims, 2)
    return slice(0, dims // 2), slice(dims // 2, dims)


def _twice(numbers: mx.array, traditional: bool) -> mx.array:
    """One for each pair → one for each of its two numbers."""
    if traditional:
        return mx.repeat(numbers, 2, axis=-1)
    return mx.concatenate([numbers, numbers], axis=-1)
