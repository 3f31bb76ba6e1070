"""Arrays that stay and their bytes: exact, and no more memory than they say."""

from collections.abc import Callable, Iterator

import mlx.core as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pippin.memory.planes import DTYPES, Snapshot, copied, planes_of, snapshot_of
from pippin.memory.records import BadRecord
from pippin.memory.tensors import Plane

SHAPES = st.lists(st.integers(0, 5), min_size=1, max_size=4).map(tuple)


def numbers(seed: int, shape: tuple[int, ...], dtype: mx.Dtype) -> mx.array:
    drawn = np.random.default_rng(seed).integers(0, 100, shape)
    return mx.array(drawn.astype(np.int32)).astype(dtype)


def same(one: mx.array, other: mx.array) -> bool:
    alike = one.dtype == other.dtype and one.shape == other.shape
    return alike and bool(mx.array_equal(one, other))


@settings(max_examples=50, deadline=None)
@given(
    shapes=st.lists(st.tuples(SHAPES, st.sampled_from(list(DTYPES.values()))), max_size=4),
    grown=st.integers(0, 4),
)
def test_a_snapshot_is_the_same_after_its_bytes(
    shapes: list[tuple[tuple[int, ...], mx.Dtype]], grown: int
) -> None:
    arrays = tuple(numbers(i, shape, dtype) for i, (shape, dtype) in enumerate(shapes))
    before = Snapshot(arrays[:grown], arrays[grown:], "[1]" if arrays[grown:] else "")
    planes = list(planes_of(before))
    after = snapshot_of(planes)
    assert len(after.grown) == len(before.grown)
    assert all(map(same, after.arrays, before.arrays))
    assert after.outline == before.outline
    assert sum(len(plane.data) for plane in planes) == before.nbytes + len(before.outline)


@pytest.mark.parametrize(
    "planes",
    [
        [Plane("other", "U8", (1,), b"x")],
        [Plane("grown.1", "U8", (1,), b"x")],
        [Plane("grown.0", "F64", (1,), bytes(8))],
    ],
)
def test_planes_of_no_snapshot(planes: list[Plane]) -> None:
    with pytest.raises(BadRecord):
        snapshot_of(planes)


# -- memory --------------------------------------------------------------------------------------


def held(make: Callable[[], mx.array]) -> tuple[mx.array, int]:
    """An array, and the bytes that it keeps allocated when all else is gone."""
    mx.clear_cache()
    before = mx.get_active_memory()
    array = make()
    mx.eval(array)
    return array, mx.get_active_memory() - before


def row_of_a_crowd() -> mx.array:
    crowd = numbers(1, (4, 3, 80), mx.float32)
    mx.eval(crowd)
    return copied(crowd[1:2])


def beginning_of_a_cache() -> mx.array:
    cache = numbers(1, (1, 1, 256, 16), mx.float32)
    mx.eval(cache)
    return copied(cache[..., :40, :])


def whole() -> mx.array:
    cache = numbers(1, (1, 2, 256, 16), mx.float32)
    mx.eval(cache)
    return copied(cache)


def of_bytes() -> mx.array:
    data = np.arange(1000, dtype="<f4").tobytes()
    return snapshot_of([Plane("grown.0", "F32", (1, 2, 50, 10), data)]).grown[0]


def scalar() -> mx.array:
    return copied(mx.array(3.0))


@pytest.mark.parametrize("make", [row_of_a_crowd, beginning_of_a_cache, whole, of_bytes, scalar])
def test_an_array_holds_no_more_memory_than_it_needs(make: Callable[[], mx.array]) -> None:
    """What was freed before is gone, so nothing is rounded here."""
    array, nbytes = held(make)
    assert nbytes == array.nbytes


@pytest.fixture
def freed_buffers() -> Iterator[None]:
    """Of all sizes, for MLX to use again."""
    mx.eval([mx.zeros(size) for size in range(1, 20_000, 100)])
    yield
    mx.clear_cache()


@pytest.mark.usefixtures("freed_buffers")
def test_what_is_rounded_is_reckoned() -> None:
    before = mx.get_active_memory()
    snapshot = Snapshot(tuple(copied(mx.ones((size,))) for size in range(1, 20_000, 77)))
    mx.eval(snapshot.arrays)
    surplus = mx.get_active_memory() - before - snapshot.nbytes
    assert 0 < surplus <= snapshot.rounding_bytes


@settings(max_examples=50, deadline=None)
@given(shape=SHAPES, low=st.integers(0, 5), high=st.integers(0, 5))
def test_a_copy_is_the_same(shape: tuple[int, ...], low: int, high: int) -> None:
    array = numbers(1, shape, mx.bfloat16)[..., low:high]
    assert same(copied(array), array)
