"""Which lanes decode in one forward pass: plain arithmetic, no arrays.

A batch pads every lane to its longest one, and a padded position costs as much attention, and as
much memory, as a real one. A further forward pass costs one more reading of the weights. Measured
in positions of the cache, that is the bytes of the weights over the cache's bytes per position:
lanes are kept apart where that saves more than a pass costs, and where padding them would take half
as much memory again as they do.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

FREE = 256
"""Positions of padding that a lane may have in any case: to such steps caches are rounded."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """What matters of a batch: its lanes' cached tokens, the fewest first."""

    lengths: tuple[int, ...]

    def joined(self, other: "Bucket") -> "Bucket":
        return Bucket(tuple(sorted(self.lengths + other.lengths)))

    @property
    def padding(self) -> int:
        """Padded positions."""
        return len(self.lengths) * self.lengths[-1] - sum(self.lengths)

    @property
    def saving(self) -> int:
        """Padded positions that are saved at most by a further pass for the shorter ones."""
        longest = self.lengths[-1]
        return max(number * (longest - one) for number, one in enumerate(self.lengths, start=1))

    @property
    def bearable(self) -> int:
        """Padded positions that memory has for them."""
        return sum(self.lengths) // 2 + FREE * len(self.lengths)

    def goes_with(self, other: "Bucket", forward_cost: int) -> bool:
        """Whether it is good to put them together, as they are by now: what one of them wastes
        already is no reason against it."""
        joined = self.joined(other)
        saving = max(forward_cost, self.saving, other.saving)
        padding = max(joined.bearable, self.padding + other.padding)
        return joined.saving <= saving and joined.padding <= padding


def home_of(newcomer: Bucket, buckets: Sequence[Bucket], forward_cost: int) -> int | None:
    """The bucket that a newcomer should join; ``None``: it is better off alone."""

    def added(home: int) -> int:
        return buckets[home].joined(newcomer).padding - buckets[home].padding

    homes = [i for i, bucket in enumerate(buckets) if bucket.goes_with(newcomer, forward_cost)]
    return min(homes, key=added, default=None)


def better_together(buckets: Sequence[Bucket], forward_cost: int) -> tuple[int, int] | None:
    """Two buckets that should become one. Half the cost is asked for, so that what was kept
    apart is not put together at the next chance."""
    order = sorted(range(len(buckets)), key=lambda i: buckets[i].lengths[-1])
    for short, long in itertools.combinations(order, 2):
        if buckets[short].goes_with(buckets[long], forward_cost // 2):
            return short, long
    return None
