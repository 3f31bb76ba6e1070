"""Which lanes decode in one forward pass: plain arithmetic, no arrays.

A batch pads every lane to its longest one, and a padded position costs as much attention as a
real one. A further forward pass costs one more reading of the weights. Measured in positions of
the cache, that is the bytes of the weights over the cache's bytes per position: lanes are kept
apart where padding them together would waste more than that.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bucket:
    """What matters of a batch: how many lanes, and the longest one's cached tokens."""

    lanes: int
    longest: int

    def joined(self, other: "Bucket") -> "Bucket":
        return Bucket(self.lanes + other.lanes, max(self.longest, other.longest))

    def waste(self, other: "Bucket") -> int:
        """Padded positions that joining them adds to every step."""
        short, long = sorted((self, other), key=lambda bucket: bucket.longest)
        return short.lanes * (long.longest - short.longest)


def home_of(newcomer: Bucket, buckets: Sequence[Bucket], forward_cost: int) -> int | None:
    """The bucket that a newcomer should join; ``None``: it is better off alone."""
    wastes = [bucket.waste(newcomer) for bucket in buckets]
    best = min(range(len(buckets)), key=wastes.__getitem__, default=None)
    return best if best is not None and wastes[best] <= forward_cost else None


def better_together(buckets: Sequence[Bucket], forward_cost: int) -> tuple[int, int] | None:
    """Two buckets that should become one. Half the cost is asked for, so that what was kept
    apart is not put together at the next chance."""
    order = sorted(range(len(buckets)), key=lambda i: buckets[i].longest)
    for short, long in itertools.pairwise(order):
        if buckets[short].waste(buckets[long]) <= forward_cost // 2:
            return short, long
    return None
