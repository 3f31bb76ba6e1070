"""Room for lanes: admission by what is predicted, never by hoping."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import inf

from pippin.engine.lane import Lane
from pippin.engine.scheduling.work import Prefill, Work

RESERVE = 256
"""Tokens that a lane is promised room for beyond what it holds, or fewer if it ends before."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one engine may hold at once, and how bytes are predicted."""

    max_lanes: int
    max_jobs: int | None
    budget_bytes: int | None
    lane_bytes: Callable[[int], int]
    """Bytes of one lane that holds so many tokens."""

    def held(self, work: Work) -> int:
        """Bytes of the rows that it has now."""
        tokens = work.cached if isinstance(work, Lane) else work.done
        return self.lane_bytes(tokens) if tokens else 0

    def promised(self, work: Work) -> int:
        """Bytes that it will need beyond those that it has."""
        if isinstance(work, Lane):
            step = RESERVE - len(work.generated) % RESERVE
            whole = self.lane_bytes(work.cached + min(work.tokens_left, step))
        else:
            tokens = work.total + 1 + min(work.tokens_left, RESERVE)
            whole = self.lane_bytes(tokens) * max(1, work.choices)
        return max(0, whole - self.held(work))

    def excess(self, used_bytes: int) -> int:
        """Bytes over the budget, if positive."""
        return 0 if self.budget_bytes is None else used_bytes - self.budget_bytes

    def room(self, lanes: Sequence[Lane], begun: Iterable[Prefill], used_bytes: int) -> "Room":
        """What is left, given who decodes, who is on the way there, and all bytes in use."""
        free = inf if self.budget_bytes is None else self.budget_bytes - used_bytes
        room = Room(self, self.max_lanes, free)
        running: list[Work] = [*lanes, *begun]
        for work in running:
            room.take(work)
        return room


class Room:
    """Free lanes, jobs and bytes; whoever takes or leaves it is counted. Used up in one step."""

    def __init__(self, limits: Limits, lanes: int, bytes_: float) -> None:
        self.limits = limits
        self._running: Counter[int] = Counter()
        self.lanes = lanes
        self.bytes = bytes_

    def copy(self) -> "Room":
        room = Room(self.limits, self.lanes, self.bytes)
        room._running = self._running.copy()
        return room

    def fits(self, prefill: Prefill) -> bool:
        """Alone everything fits: the engine checked that when it took the job."""
        return not self._running or (self.has_place(prefill) and self.has_bytes(prefill))

    def has_place(self, prefill: Prefill) -> bool:
        """Whether its lanes and one job more may run; further parts of a job that runs may."""
        most = self.limits.max_jobs
        job_fits = most is None or prefill.job.id in self._running or len(self._running) < most
        return job_fits and prefill.choices <= self.lanes

    def has_bytes(self, prefill: Prefill) -> bool:
        return self.limits.promised(prefill) <= self.bytes

    def take(self, work: Work) -> None:
        self.lanes -= 1 if isinstance(work, Lane) else work.choices
        self.bytes -= self.limits.promised(work)
        self._running[work.job.id] += 1

    def leave(self, lane: Lane, *, kept: bool) -> None:
        """As if a lane had been paused; ``kept``: with its rows."""
        self.lanes += 1
        self.bytes += self.limits.promised(lane) + (0 if kept else self.limits.held(lane))
        self._running[lane.job.id] -= 1
        if not self._running[lane.job.id]:
            del self._running[lane.job.id]
