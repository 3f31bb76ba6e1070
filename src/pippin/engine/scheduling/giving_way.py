"""Who must give way: to a budget that is exceeded, and to jobs of a better level."""

from collections.abc import Iterable, Sequence

from pippin.engine.lane import Lane
from pippin.engine.scheduling.order import Order, level_of, worst_first
from pippin.engine.scheduling.room import Limits, Room
from pippin.engine.scheduling.work import Prefill, Work

Pause = tuple[Lane, bool]
"""A lane that must pause, and whether its rows may be kept."""


def over_budget(
    limits: Limits, lanes: Sequence[Lane], prefills: Iterable[Prefill], used_bytes: int, now: float
) -> list[Work]:
    """Whose rows must go until the rest fits the budget.

    The rows of paused lanes go first; then the worst of all that runs. The best lane stays, or
    the best prefill if no lane decodes: somebody must get on.
    """
    excess = limits.excess(used_bytes)
    if excess <= 0:
        return []
    holders = [each for each in prefills if each.done]
    parked = _worst_first([each for each in holders if not each.begun], now)
    begun = _worst_first([each for each in holders if each.begun], now)
    decoding = _worst_first(lanes, now)
    running = [*decoding[:-1], *begun] if decoding else begun[:-1]
    leaving: list[Work] = []
    for work in [*parked, *_worst_first(running, now)]:
        if excess <= 0:
            break
        leaving.append(work)
        excess -= limits.held(work)
    return leaving


def make_way(wanted: Prefill, lanes: Sequence[Lane], room: Room, now: float) -> list[Pause]:
    """The fewest of the worst lanes of a worse level without which the wanted job fits, and
    whether their rows may be kept; nobody if it would not fit then either."""
    if room.fits(wanted):
        return []
    level = level_of(wanted.job, now)
    worse = [lane for lane in lanes if level_of(lane.job, now) > level]
    worse.sort(key=lambda lane: worst_first(lane.job, now))
    ways = [_pauses(wanted, worse, room.copy(), kept=kept) for kept in (True, False)]
    return min((way for way in ways if way), key=len, default=[])


def _pauses(wanted: Prefill, worse: Sequence[Lane], room: Room, *, kept: bool) -> list[Pause]:
    for count, lane in enumerate(worse, start=1):
        room.leave(lane, kept=kept)
        if room.has_place(wanted) and room.has_bytes(wanted):
            return [(lane, kept) for lane in worse[:count]]
    return []


def rows_in_the_way(
    wanted: Prefill, waiting: Iterable[Prefill], room: Room, order: Order
) -> list[Prefill]:
    """Paused lanes, worst first, whose rows must go for the wanted job to find room: those of
    worse levels, and of its own if it is awaited."""
    if not room.has_place(wanted):
        return []
    leaving: list[Prefill] = []
    level = order.level(wanted) + (wanted is not order.awaited)
    parked = [each for each in waiting if each.kept and each is not wanted]
    parked.sort(key=lambda prefill: worst_first(prefill.job, order.now))
    for prefill in parked:
        if room.has_bytes(wanted) or order.level(prefill) < level:
            break
        room.bytes += room.limits.held(prefill)
        leaving.append(prefill)
    return leaving


def _worst_first(works: Iterable[Work], now: float) -> list[Work]:
    return sorted(works, key=lambda work: worst_first(work.job, now))
