"""Attention on a CPU.

MLX computes the exponentials of its softmax one by one there, and they take nine tenths of the time
that a long text needs; numpy's take a tenth of that. So while a model is called on a CPU, products
stay MLX's, with its BLAS, and what lies between them is numpy's.

Every row has the same bits whatever is computed beside it, and however many masked positions stand
before it: exponentials and maxima are those of single numbers, and the sums are products too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mlx.core as mx
import numpy as np

from pippin.engine.mlx_arrays import arrays_for_device
from pippin.engine.rows import Model

ATTENTION = "scaled_dot_product_attention"
"""Of ``mx.fast``: what mlx-lm's models call, by this name, at the time of the call."""
TILE = 1 << 16
"""Scores that are worked on at once: they stay in the processor's cache."""
SUMS = 16
"""Columns of ones that sum a row's weights: with fewer, a BLAS takes other ways than for values."""
MASKED = float(np.finfo(np.float32).min)

plain_attention = mx.fast.scaled_dot_product_attention


def for_device(model: Model) -> Model:
    """The model as the default device is served best."""
    return with_host_attention(model) if arrays_for_device().on_host else model


def with_host_attention(model: Model) -> Model:
    """The model, for one thread of a process on a CPU: it computes when it is called."""

    def forward(inputs: mx.array, *, cache: list[Any] | None) -> mx.array:
        with _replaced():
            return model(inputs, cache=cache)

    return forward


@contextmanager
def _replaced() -> Iterator[None]:
    setattr(mx.fast, ATTENTION, attention)
    try:
        yield
    finally:
        setattr(mx.fast, ATTENTION, plain_attention)


def attention(
    queries: mx.array,
    keys: mx.array,
    values: mx.array,
    *,
    scale: float,
    mask: mx.array | str | None = None,
    sinks: mx.array | None = None,
) -> mx.array:
    """As ``mx.fast.scaled_dot_product_attention``: queries (B, H, L, D), keys and values (B, K, S,
    D) with H a multiple of K, mask ``"causal"`` or (of what can be broadcast to B, H, L, S) True
    or 0 where a query sees a key."""
    if sinks is not None or queries.dtype != mx.float32:
        return plain_attention(queries, keys, values, scale=scale, mask=mask, sinks=sinks)
    batch, heads, length, _ = queries.shape
    groups, positions = keys.shape[1:3]
    shared = heads // groups
    rows = (batch, groups, shared * length)
    scores = (queries * scale).reshape(*rows, -1) @ keys.swapaxes(-1, -2)
    if mask is not None:
        split = scores.reshape(batch, groups, shared, length, positions)
        scores = _masked(split, mask).reshape(*rows, positions)
    weights = _exponentials(scores)
    sums = (weights @ mx.ones((positions, SUMS)))[..., :1]
    return (weights @ values / sums).reshape(batch, heads, length, -1)


def _masked(scores: mx.array, mask: mx.array | str) -> mx.array:
    """Scores (B, K, H / K, L, S) with ``MASKED`` where a query does not see a key."""
    _, groups, shared, length, positions = scores.shape
    if isinstance(mask, str):
        mask = mx.arange(positions - length, positions)[:, None] >= mx.arange(positions)
    elif mask.ndim == 4:
        of_heads = (groups, shared) if mask.shape[1] > 1 else (1, 1)
        mask = mask.reshape(mask.shape[0], *of_heads, *mask.shape[2:])
    if mask.dtype == mx.bool_:
        return mx.where(mask, scores, mx.array(MASKED))
    return scores + mask


def _exponentials(scores: mx.array) -> mx.array:
    """Of what each score is below the best of its row."""
    rows = np.array(scores, copy=False).reshape(-1, scores.shape[-1])
    results = np.empty_like(rows)
    step = max(1, TILE // rows.shape[1])
    for start in range(0, len(rows), step):
        piece, result = rows[start : start + step], results[start : start + step]
        np.subtract(piece, piece.max(axis=-1, keepdims=True), out=result)
        np.exp(result, out=result)
    return mx.array(results).reshape(scores.shape)
