"""Many products of matrices in one call, by the BLAS that MLX computes with.

Unlike MLX's own they write where they are told to, and need nobody else's thread.
"""

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Matrices = npt.NDArray[np.float32]
"""(N, rows, columns), one of the last two contiguous; N may have a stride of 0."""
Product = Callable[[Matrices, Matrices, Matrices], None]
"""a (N, M, K), b (N, K, J), out (N, M, J): out becomes a @ b."""

STRIDED = "cblas_sgemm_batch_strided"
"""MKL's. Its rows have the same bits whatever the other rows are, if MKL was told so (``blas``)."""
ROW_MAJOR, AS_IS, TRANSPOSED = 101, 111, 112
WIDTH = 4


def best_product() -> Product:
    """MKL's if it is what this process has loaded, else numpy's."""
    # With Python's lock held: the calls are short, and to ask for it back would cost as much.
    strided = getattr(ctypes.PyDLL(None), STRIDED, None)
    if strided is None:
        return by_numpy
    number, size, address = ctypes.c_int, ctypes.c_float, ctypes.c_void_p
    strided.restype = None
    strided.argtypes = [
        *[number] * 6,  # layout, transposes, M, J, K
        *(size, address, number, number),  # a factor, a
        *(address, number, number),  # b
        *(size, address, number, number),  # what is kept of out, out
        number,  # N
    ]
    return lambda a, b, out: _by_mkl(strided, a, b, out)


def by_numpy(a: Matrices, b: Matrices, out: Matrices) -> None:
    """A ``Product``."""
    np.matmul(a, b, out=out)


def _by_mkl(strided: Any, a: Matrices, b: Matrices, out: Matrices) -> None:
    if a.shape[1] == 1:  # a lone row takes other ways than one among others
        twice = np.empty((len(a), 2, b.shape[2]), dtype=np.float32)
        _by_mkl(strided, np.repeat(a, 2, axis=1), b, twice)
        out[:] = twice[:, :1]
        return
    is_transposed = b.strides[2] != WIDTH
    strided(
        ROW_MAJOR,
        AS_IS,
        TRANSPOSED if is_transposed else AS_IS,
        a.shape[1],
        b.shape[2],
        b.shape[1],
        1.0,
        *_place(a, 1),
        *_place(b, 2 if is_transposed else 1),
        0.0,
        *_place(out, 1),
        len(a),
    )


def _place(matrices: Matrices, axis: int) -> tuple[int, int, int]:
    """Address, and the distances, in numbers, between what lies along the axis, each in one piece,
    and between matrices."""
    first, *steps = matrices.strides
    # The stride of a single row can be anything, but MKL wants no less than the row's length.
    step = max(steps[axis - 1] // WIDTH, matrices.shape[3 - axis])
    return matrices.__array_interface__["data"][0], step, first // WIDTH
