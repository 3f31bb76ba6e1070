"""Sums over the positions of texts, cut where the text says.

MKL sums up to ``CUT`` numbers in their order, and cuts longer sums where their length says. So what
is masked before a text (padding) or behind a row (the rest of its chunk) would decide on a row's
bits. Here long sums are cut every ``CUT`` positions from the text's own first one on, and the parts
are added in their order; to these, what is masked adds nothing.
"""

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pippin.engine.products import AS_IS, ROW_MAJOR, WIDTH, Matrices, Product

CUT = 384
"""Found by trial: with 512, four of ten sums depended on what was masked."""
BATCH = "cblas_sgemm_batch"
"""MKL's: many products, each of a shape of its own."""

Numbers = npt.NDArray[np.int64]
Pair = tuple[Matrices, Matrices]
"""Factors (N, S, J), each row of them in one piece, and where their sums go, (N, M, J)."""
PositionSums = Callable[[Matrices, Sequence[Pair], Numbers], None]
"""Weights (N, M, S), pairs, and the first position (N,) of each text, before which its weights are
0: the sums become weights @ factors."""


def best_position_sums(product: Product) -> PositionSums:
    """In cuts if this process has loaded MKL, else as ``product`` does it."""
    batch = getattr(ctypes.PyDLL(None), BATCH, None)
    if batch is None:
        return uncut(product)
    arrays = [ctypes.c_void_p] * 13  # from the transposes to the distances between sums
    batch.restype = None
    batch.argtypes = [ctypes.c_int, *arrays, ctypes.c_int, ctypes.c_void_p]
    short = uncut(product)

    def sums(weights: Matrices, pairs: Sequence[Pair], firsts: Numbers) -> None:
        if weights.shape[2] <= CUT:
            short(weights, pairs, firsts)
        else:
            _sum_in_cuts(batch, weights, pairs, firsts)

    return sums


def uncut(product: Product) -> PositionSums:
    """As one product each."""

    def sums(weights: Matrices, pairs: Sequence[Pair], _: Numbers) -> None:
        for factors, place in pairs:
            product(weights, factors, place)

    return sums


def _sum_in_cuts(batch: Any, weights: Matrices, pairs: Sequence[Pair], firsts: Numbers) -> None:
    if weights.shape[1] == 1:  # a lone row takes other ways than one among others
        weights = np.repeat(weights, 2, axis=1)
    rows, positions = weights.shape[1:]
    begins = firsts[:, None] + CUT * np.arange(-(-positions // CUT))
    sizes = np.clip(positions - begins, 0, CUT)
    parts = [np.zeros((*sizes.shape, rows, place.shape[2]), np.float32) for _, place in pairs]
    _multiply(batch, weights, [f for f, _ in pairs], parts, (begins, sizes))
    for (_, place), part in zip(pairs, parts, strict=True):
        np.copyto(place, np.add.reduce(part, axis=1)[:, : place.shape[1]])


def _multiply(
    batch: Any,
    weights: Matrices,
    factors: Sequence[Matrices],
    parts: Sequence[npt.NDArray[np.float32]],
    cuts: tuple[Numbers, Numbers],
) -> None:
    """Put the product of each text's each cut into its part (N, cuts, M, J), one for each of the
    ``factors``. ``cuts``: where they begin, and their sizes, (N, cuts); those of nothing are left
    out."""
    begins, sizes = cuts
    text, cut = np.nonzero(sizes)
    begin, size = begins[text, cut], sizes[text, cut]
    left = _addresses(weights, text) + begin * WIDTH
    right = [_addresses(each, text) + begin * each.strides[1] for each in factors]
    result = [_addresses(each, text) + cut * each.strides[1] for each in parts]
    kinds, products = len(factors), len(text) * len(factors)

    def same(number: int) -> npt.NDArray[np.int32]:
        return np.full(products, number, np.int32)

    def by_kind(numbers: Sequence[int]) -> npt.NDArray[np.int32]:
        return np.repeat(np.array(numbers, np.int32), len(text))

    widths = by_kind([each.shape[3] for each in parts])
    arrays = (
        *(same(AS_IS), same(AS_IS)),
        *(same(weights.shape[1]), widths, np.tile(size, kinds).astype(np.int32)),
        np.ones(products, np.float32),
        *(np.tile(left, kinds), same(weights.strides[1] // WIDTH)),
        *(np.concatenate(right), by_kind([each.strides[1] // WIDTH for each in factors])),
        np.zeros(products, np.float32),
        *(np.concatenate(result), widths),
    )
    one_each = same(1)
    batch(ROW_MAJOR, *map(_address, arrays), products, _address(one_each))


def _addresses(matrices: npt.NDArray[np.float32], which: Numbers) -> Numbers:
    return _address(matrices) + which * matrices.strides[0]


def _address(array: npt.NDArray[Any]) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
