"""Rotary embeddings on a CPU are MLX's, number by number."""

from collections.abc import Iterator
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pippin.engine.host_rope import HostRope, plain_rope

Shape = tuple[int, int, int, int]
SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 20), st.integers(1, 12))
"""Sequences, heads, positions, pairs."""
PLACES = st.lists(st.integers(0, 40_000), min_size=3, max_size=3)


@pytest.fixture(autouse=True)
def _on_cpu() -> Iterator[None]:
    with mx.stream(mx.cpu):
        yield


def vectors(shape: Shape, rest: int = 0, seed: int = 0) -> mx.array:
    """As models make them: heads and positions exchanged."""
    batch, heads, length, pairs = shape
    drawn = np.random.default_rng(seed).standard_normal((batch, length, heads, 2 * pairs + rest))
    return mx.array(drawn.astype(np.float32)).swapaxes(1, 2)


def assert_same(rope: HostRope, a: mx.array, dims: int, **how: Any) -> None:
    ours, theirs = rope(a, dims, **how), plain_rope(a, dims, **how)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(np.array(ours), np.array(theirs))


@settings(deadline=None, max_examples=50)
@given(SHAPES, PLACES, st.booleans(), st.sampled_from([0, 1, 8]), st.sampled_from([1.0, 0.25]))
def test_it_gives_what_mlx_gives(
    shape: Shape, places: list[int], traditional: bool, rest: int, scale: float
) -> None:
    rope, dims = HostRope(), 2 * shape[3]
    a = vectors(shape, rest)
    freqs = mx.arange(1, shape[3] + 1).astype(mx.float32) * 3
    for offset in (places[0], mx.array(places[0]), mx.array(places[: shape[0]])):
        for angles in ({"base": 1e4}, {"base": 5e5, "freqs": None}, {"base": None, "freqs": freqs}):
            how = {"traditional": traditional, "scale": scale, "offset": offset, **angles}
            assert_same(rope, a, dims, **how)
            for _ in range(2):  # as keys that queries share
                assert_same(rope, a[:, :1], dims, **how)


def test_each_pass_of_a_layer_has_its_own_places_and_angles() -> None:
    rope, a = HostRope(), vectors((2, 2, 3, 4))
    for offset in (0, 5, mx.array([0, 5]), mx.array([5, 0]), mx.array([5])):
        for base in (1e4, 1e6):
            how = {"traditional": False, "base": base, "scale": 1.0, "offset": offset}
            assert_same(rope, a, 8, **how)
            assert_same(rope, a[:, :, :1], 8, **how)


def test_frequencies_of_the_moment_are_not_taken_for_others() -> None:
    rope, a = HostRope(), vectors((1, 1, 3, 4))
    for factor in range(20):
        freqs = mx.ones((4,)) * (factor + 1)
        mx.eval(freqs)
        for _ in range(2):
            assert_same(rope, a, 8, traditional=False, base=None, scale=1.0, offset=7, freqs=freqs)
        del freqs


def test_what_it_does_not_know_is_left_to_mlx() -> None:
    a = vectors((1, 2, 3, 4))
    how: dict[str, Any] = {"traditional": False, "base": 1e4, "scale": 1.0, "offset": 3}
    for other in (a[0], a[None], a.astype(mx.float16)):
        assert_same(HostRope(), other, 8, **how)
    assert_same(HostRope(), a, 8, **how, stream=mx.cpu)
    for wrong in (a[..., :6], mx.concatenate([a, a, a])):
        with pytest.raises(ValueError, match="rope"):
            HostRope()(wrong, 8, **how | {"offset": mx.array([1, 2])})
