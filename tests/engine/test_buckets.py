from hypothesis import given
from hypothesis import strategies as st

from pippin.engine.buckets import FREE, Bucket, better_together, home_of

LENGTHS = st.lists(st.integers(1, 8000), min_size=1, max_size=32)
BUCKET = st.builds(lambda lengths: Bucket(tuple(sorted(lengths))), LENGTHS)
BUCKETS = st.lists(BUCKET, max_size=6)
COST = st.integers(0, 50_000)
DEAR = 10**9
"""A pass of a model with very many weights."""
SHORT, LONG = Bucket((64,) * 7), Bucket((8192,))


def test_alike_lanes_share_a_pass_and_unlike_ones_do_not() -> None:
    assert home_of(Bucket((100,)), [Bucket((90, 100, 120, 120)), LONG], 3000) == 0
    assert home_of(LONG, [SHORT], 3000) is None
    assert better_together([SHORT, Bucket((200,))], 3000) == (0, 1)
    assert better_together([SHORT, LONG], 3000) is None


def test_memory_is_not_padded_whatever_a_pass_costs() -> None:
    assert home_of(LONG, [SHORT], DEAR) is None
    assert home_of(Bucket((64,)), [LONG], DEAR) is None
    assert better_together([SHORT, LONG], DEAR) is None


def test_short_ones_do_not_join_a_long_one_one_by_one() -> None:
    """Each alone would not be worth a pass of its own."""
    bucket, apart = Bucket((2000,)), []
    for _ in range(8):
        if home_of(Bucket((1300,)), [bucket], 3000) is None:
            apart.append(bucket)
        else:
            bucket = bucket.joined(Bucket((1300,)))
    assert len(bucket.lengths) == 1 + 3000 // 700
    assert apart


@given(BUCKETS, BUCKET, COST)
def test_a_newcomer_joins_where_it_is_padded_least(
    buckets: list[Bucket], newcomer: Bucket, cost: int
) -> None:
    home = home_of(newcomer, buckets, cost)
    added = {
        index: bucket.joined(newcomer).padding - bucket.padding
        for index, bucket in enumerate(buckets)
        if bucket.goes_with(newcomer, cost)
    }
    assert (home in added and added[home] == min(added.values())) if added else home is None


@given(BUCKET, BUCKET, COST)
def test_nobody_is_padded_for_more_than_a_pass_costs(one: Bucket, other: Bucket, cost: int) -> None:
    """By a further pass for the shortest few: what is saved where those who are longer stay."""
    joined = one.joined(other)
    lanes, longest = len(joined.lengths), joined.lengths[-1]
    saved = max(few * (longest - joined.lengths[few - 1]) for few in range(1, lanes + 1))
    padding = sum(longest - length for length in joined.lengths)
    assert (joined.saving, joined.padding) == (saved, padding)
    if one.goes_with(other, cost):
        assert saved <= max(cost, one.saving, other.saving)
        held = sum(joined.lengths) * 3 // 2 + FREE * lanes
        assert lanes * longest <= held or padding <= one.padding + other.padding


def test_waste_of_old_is_no_reason_against_more_of_the_same() -> None:
    grown = Bucket((1000, 4000))  # its third lane, which was longer, has left
    assert better_together([Bucket((4000,)), grown], 4096) == (0, 1)
    left_behind = Bucket((3000,) * 4 + (8000,))
    assert home_of(Bucket((8000,)), [left_behind], 100_000) == 0
    between = Bucket((*[10] * 20, 150))
    assert better_together([Bucket((100,)), between, Bucket((160,))], 200) is not None


@given(BUCKETS, COST)
def test_what_is_united_would_have_been_joined(buckets: list[Bucket], cost: int) -> None:
    if pair := better_together(buckets, cost):
        one, other = (buckets[index] for index in pair)
        assert home_of(one, [other], cost) == 0
        assert home_of(other, [one], cost) == 0
