"""Who is prefilled next, and how much of it: plain arithmetic, no model, no arrays.

Every step decodes all lanes and spends a budget of prompt tokens, so that a long prompt neither
stops the lanes that are decoding nor waits for ever. While more jobs wait than lanes decode the
budget is larger: filling the batch then serves everybody. Jobs are taken in order of arrival;
short prompts of like length are prefilled together with the first of them.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from pippin.engine.lane import Job

GROUP_LOOKAHEAD = 64
"""Waiting jobs that are looked at for company of the first."""
RUSH = 4
"""Times the budget that is spent while more jobs wait than lanes decode."""
MIN_FILL = 0.75
"""A prompt shorter than this share of the group's longest would waste too much padding."""


@dataclass(slots=True)
class Prefill:
    """A job whose prompt is going into the cache. ``done`` tokens of it are there.

    The prompt's newest token is not prefilled: it is the input of the lane's first step.
    """

    job: Job
    done: int = 0

    @property
    def total(self) -> int:
        return len(self.job.prompt) - 1

    @property
    def remaining(self) -> int:
        return self.total - self.done


@dataclass(frozen=True, slots=True)
class Chunk:
    """Work for one forward pass: the next ``length`` tokens of one prefill, or the whole prompts
    of several fresh ones, padded to ``length``."""

    prefills: tuple[Prefill, ...]
    length: int


class Scheduler:
    """The queue of one engine. Owned by it, used on its thread only."""

    def __init__(self, *, prefill_budget: int, max_lanes: int, can_group: bool) -> None:
        self._budget = prefill_budget
        self._max_lanes = max_lanes
        self._can_group = can_group
        self._waiting: deque[Job] = deque()
        self._current: Prefill | None = None

    def submit(self, job: Job) -> None:
        self._waiting.append(job)

    def cancel(self, job_id: int) -> bool:
        """Forget a job that is waiting or in prefill. False: it is neither."""
        if self._current and self._current.job.id == job_id:
            self._current = None
            return True
        before = len(self._waiting)
        self._waiting = deque(job for job in self._waiting if job.id != job_id)
        return len(self._waiting) < before

    def plan(self, decoding: int) -> Iterable[Chunk]:
        """The chunks of this step, given how many lanes are decoding. The caller runs each chunk
        before it asks for the next, and the scheduler counts it as done."""
        rush = self.waiting + self.prefilling > decoding
        budget = self._budget * (RUSH if rush else 1)
        free = self._max_lanes - decoding
        while budget > 0 and (prefill := self._next(free)):
            chunk = self._chunk(prefill, budget, free)
            for each in chunk.prefills:
                each.done += min(chunk.length, each.remaining)
                free -= each.job.choices if not each.remaining else 0
            self._current = prefill if prefill.remaining else None
            budget -= max(1, chunk.length * len(chunk.prefills))
            yield chunk

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def prefilling(self) -> int:
        return 1 if self._current else 0

    @property
    def idle(self) -> bool:
        return not self._waiting and self._current is None

    def _next(self, free: int) -> Prefill | None:
        if self._current:
            return self._current
        if self._waiting and self._waiting[0].choices <= free:
            return Prefill(self._waiting.popleft())
        return None

    def _chunk(self, prefill: Prefill, budget: int, free: int) -> Chunk:
        length = min(prefill.remaining, budget, self._budget)
        whole = prefill.done == 0 and length == prefill.total
        if not (whole and length and self._can_group and not prefill.job.score_prompt):
            return Chunk((prefill,), length)
        company = self._company(prefill, budget, free - prefill.job.choices)
        return Chunk((prefill, *company), max(p.total for p in (prefill, *company)))

    def _company(self, first: Prefill, budget: int, free: int) -> list[Prefill]:
        """Waiting jobs of like length that fit into the budget, padding counted."""
        company: list[Prefill] = []
        low, high = first.total, first.total
        for job in list(self._waiting)[:GROUP_LOOKAHEAD]:
            total = len(job.prompt) - 1
            longest, shortest = max(high, total), min(low, total)
            fits = longest * (len(company) + 2) <= budget and job.choices <= free
            if fits and shortest >= MIN_FILL * longest and not job.score_prompt:
                company.append(Prefill(job))
                free -= job.choices
                low, high = shortest, longest
        for prefill in company:
            self._waiting.remove(prefill.job)
        return company
