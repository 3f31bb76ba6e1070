"""Attention on a CPU gives what MLX's gives, and every row its own bits."""

from collections.abc import Iterator

import mlx.core as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pippin.engine.host_attention import (
    FEW,
    ROWS,
    TILE,
    HostAttention,
    plain_attention,
)
from pippin.engine.products import Product, by_numpy

SHAPES = st.tuples(
    st.integers(1, 3),  # sequences
    st.sampled_from([(1, 1), (2, 2), (6, 3), (4, 1)]),  # heads, groups
    st.integers(1, 40),  # queries
    st.one_of(st.integers(0, 300), st.sampled_from([350, 380, 500, 760, 2_000, 9_000])),  # before
    st.sampled_from([1, 8, 32]),  # width
)
SIZES = st.sampled_from([(0, 1, 1), (1 << 10, 1 << 10, 8), (FEW, TILE, ROWS)])
"""Few scores, and the scores and rows of a part: small ones make many parts of few queries."""


@pytest.fixture(autouse=True)
def _on_cpu() -> Iterator[None]:
    with mx.stream(mx.cpu):
        yield


def of_sizes(sizes: tuple[int, int, int], product: Product | None = None) -> HostAttention:
    few, tile, rows = sizes
    return HostAttention(product, few=few, tile=tile, rows=rows)


def arrays(
    shape: tuple[int, tuple[int, int], int, int, int], seed: int
) -> tuple[mx.array, mx.array, mx.array]:
    batch, (heads, groups), length, before, width = shape
    draw = np.random.default_rng(seed).standard_normal
    of_keys = (batch, groups, before + length, width)
    made = draw((batch, heads, length, width)), draw(of_keys), draw(of_keys)
    queries, keys, values = (mx.array(each.astype(np.float32)) for each in made)
    return queries, keys, values


def masks(shape: tuple[int, tuple[int, int], int, int, int], seed: int) -> list[mx.array | str]:
    batch, (heads, _), length, before, _ = shape
    draw = np.random.default_rng(seed).random
    positions = before + length
    seen = [draw((length, positions)) < 0.7]
    seen += [draw((batch, n, length, positions)) < 0.7 for n in (1, heads)]
    added = np.where(seen[1], 0, -np.inf).astype(np.float32)
    added[..., 0] = 0
    return ["causal", *map(mx.array, seen), mx.array(added), mx.array(added[0, 0])]


@settings(deadline=None, max_examples=30)
@given(SHAPES, st.integers(0, 9), SIZES, st.booleans())
def test_it_gives_what_mlx_gives(
    shape: tuple[int, tuple[int, int], int, int, int],
    seed: int,
    sizes: tuple[int, int, int],
    has_mkl: bool,
) -> None:
    attention = of_sizes(sizes, None if has_mkl else by_numpy)
    queries, keys, values = arrays(shape, seed)
    for mask in (None, *masks(shape, seed)):
        ours = attention(queries, keys, values, scale=0.3, mask=mask)
        theirs = plain_attention(queries, keys, values, scale=0.3, mask=mask)
        np.testing.assert_allclose(np.array(ours), np.array(theirs), rtol=1e-4, atol=1e-5)


@settings(deadline=None, max_examples=30)
@given(SHAPES, st.integers(1, 70), st.integers(0, 9), SIZES)
def test_a_row_has_the_same_bits_alone_and_behind_padding(
    shape: tuple[int, tuple[int, int], int, int, int],
    padding: int,
    seed: int,
    sizes: tuple[int, int, int],
) -> None:
    attention, other = HostAttention(), of_sizes(sizes)
    queries, keys, values = arrays(shape, seed)
    noise = [mx.random.normal((*each.shape[:2], padding, each.shape[3])) for each in (keys, values)]
    behind = [mx.concatenate([n, each], 2) for n, each in zip(noise, (keys, values), strict=True)]
    length, positions = queries.shape[2], keys.shape[2]
    causal = np.arange(positions - length, positions)[:, None] >= np.arange(positions)
    mask = mx.array(np.pad(causal, ((0, 0), (padding, 0))))
    alone = attention(queries, keys, values, scale=0.3, mask="causal")
    padded = other(queries, *behind, scale=0.3, mask=mask)
    one = attention(queries[:1], keys[:1], values[:1], scale=0.3, mask="causal")
    last = other(queries[:, :, -1:], keys, values, scale=0.3, mask=None)
    assert np.array_equal(np.array(alone), np.array(padded))
    assert np.array_equal(np.array(alone[:1]), np.array(one))
    assert np.array_equal(np.array(alone[:, :, -1:]), np.array(last))


@pytest.mark.parametrize("heads", [(6, 3, 32), (14, 2, 64), (4, 4, 64), (8, 1, 128)])
@pytest.mark.parametrize("positions", [300, 380, 400, 500, 700, 900, 2_000])
def test_a_long_text_has_the_same_bits_in_any_chunk_and_any_crowd(
    heads: tuple[int, int, int], positions: int
) -> None:
    attention, length = HostAttention(), 100
    queries, keys, values = arrays((3, heads[:2], length, positions - length, heads[2]), positions)
    paddings = [0, 37, (positions - length) * 2 // 3]
    for row, padding in enumerate(paddings):
        behind = [each[row : row + 1, :, padding:] for each in (keys, values)]
        alone = attention(queries[row : row + 1], *behind, scale=0.3, mask="causal")
        for first, end in ((0, 1), (0, 50), (length - 1, length)):
            seen = keys.shape[2] - length + end
            some = [each[row : row + 1, :, padding:seen] for each in (keys, values)]
            part = attention(queries[row : row + 1, :, first:end], *some, scale=0.3, mask="causal")
            assert mx.array_equal(part, alone[:, :, first:end])
        for count in (1, length):
            place = np.arange(positions)
            own = np.arange(positions - count, positions)[None, None, :, None]
            mask = (place >= np.array(paddings)[:, None, None, None]) & (place <= own)
            crowd = attention(queries[:, :, -count:], keys, values, scale=0.3, mask=mx.array(mask))
            assert mx.array_equal(crowd[row], alone[0, :, -count:])


def test_what_it_does_not_know_is_left_to_mlx() -> None:
    shape = (1, (2, 1), 3, 4, 8)
    attention = HostAttention()
    queries, keys, values = arrays(shape, 1)
    sinks = mx.array([0.5, -0.5])
    ours = attention(queries, keys, values, scale=0.3, mask="causal", sinks=sinks)
    theirs = plain_attention(queries, keys, values, scale=0.3, mask="causal", sinks=sinks)
    assert mx.array_equal(ours, theirs)
    halves = [each.astype(mx.float16) for each in (queries, keys, values)]
    assert attention(*halves, scale=0.3).dtype == mx.float16
    ours = attention(queries, *halves[1:], scale=0.3)
    assert mx.array_equal(ours, plain_attention(queries, *halves[1:], scale=0.3))


def test_what_is_added_may_be_of_another_type() -> None:
    queries, keys, values = arrays((1, (2, 1), 3, 4, 8), 1)
    added = mx.array([0.0] * 4 + [-5.0] * 3).astype(mx.bfloat16)[None]
    for few in (0, FEW):
        ours = HostAttention(few=few)(queries, keys, values, scale=0.3, mask=added)
        theirs = plain_attention(queries, keys, values, scale=0.3, mask=added.astype(mx.float32))
        np.testing.assert_allclose(np.array(ours), np.array(theirs), rtol=1e-4, atol=1e-5)
