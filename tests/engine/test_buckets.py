from hypothesis import given
from hypothesis import strategies as st

from pippin.engine.buckets import Bucket, better_together, home_of

BUCKETS = st.lists(st.builds(Bucket, st.integers(1, 32), st.integers(1, 8000)), max_size=6)
COST = st.integers(0, 20_000)


def test_alike_lanes_share_a_pass_and_unlike_ones_do_not() -> None:
    assert home_of(Bucket(1, 100), [Bucket(4, 120), Bucket(1, 8000)], 3000) == 0
    assert home_of(Bucket(1, 8000), [Bucket(7, 64)], 3000) is None
    assert better_together([Bucket(7, 64), Bucket(1, 200)], 3000) == (0, 1)
    assert better_together([Bucket(7, 64), Bucket(1, 8000)], 3000) is None


@given(BUCKETS, st.builds(Bucket, st.integers(1, 32), st.integers(1, 8000)), COST)
def test_nobody_is_padded_for_more_than_a_pass_costs(
    buckets: list[Bucket], newcomer: Bucket, cost: int
) -> None:
    home = home_of(newcomer, buckets, cost)
    wastes = [bucket.waste(newcomer) for bucket in buckets]
    assert home is None or wastes[home] == min(wastes) <= cost
    assert home is not None or not wastes or min(wastes) > cost


@given(BUCKETS, COST)
def test_what_is_united_would_have_been_joined(buckets: list[Bucket], cost: int) -> None:
    pair = better_together(buckets, cost)
    if pair:
        assert buckets[pair[0]].waste(buckets[pair[1]]) <= cost
