import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pippin.engine.noise import lane_key, uniforms

SEEDS = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(st.tuples(SEEDS, st.integers(0, 31), st.integers(0, 10**6)), min_size=1))
def test_a_lane_draws_the_same_alone_and_in_a_crowd(lanes: list[tuple[int, int, int]]) -> None:
    keys = np.array([lane_key(seed, index) for seed, index, _ in lanes], dtype=np.uint64)
    positions = np.array([position for *_, position in lanes], dtype=np.uint64)
    crowd = uniforms(keys, positions)
    alone = [uniforms(keys[i : i + 1], positions[i : i + 1])[0] for i in range(len(lanes))]
    assert crowd.tolist() == alone
    assert ((crowd >= 0) & (crowd < 1)).all()


@given(SEEDS)
def test_draws_are_even_over_positions(seed: int) -> None:
    keys = np.full(20_000, lane_key(seed, 0), dtype=np.uint64)
    draws = uniforms(keys, np.arange(20_000, dtype=np.uint64))
    counts, _ = np.histogram(draws, bins=20, range=(0, 1))
    # Each bin expects 1,000 with a deviation of 31: eight deviations never happen by chance.
    assert abs(counts - 1000).max() < 250
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.06


def test_choices_and_neighbouring_seeds_differ() -> None:
    keys = {lane_key(seed, index) for seed in range(100) for index in range(32)}
    assert len(keys) == 3200
