"""An engine without a model around a real scheduler: it counts tokens, lanes and bytes itself."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from pippin.engine.lane import Job, Lane
from pippin.engine.scheduling.room import RESERVE
from pippin.engine.scheduling.scheduler import Scheduler
from pippin.engine.scheduling.work import Chunk, Prefill

PrefillId = tuple[int, int | None]


def job(id_: int, prompt: int = 10, max_tokens: int = 8, **more: Any) -> Job:
    return Job(id=id_, prompt=(1,) * prompt, max_tokens=max_tokens, **more)


class World:
    """One byte a token. ``remembered``: tokens that ``begin`` finds, by job. Every step lasts
    ``step_s`` seconds of a clock of its own. What breaks a promise of the scheduler raises."""

    def __init__(
        self,
        *,
        max_lanes: int = 4,
        max_jobs: int | None = None,
        budget_bytes: int | None = None,
        step_tokens: int = 64,
        can_group: bool = True,
        step_s: float = 0.01,
    ) -> None:
        self.now = 0.0
        self.step_s = step_s
        self.max_lanes, self.max_jobs, self.budget_bytes = max_lanes, max_jobs, budget_bytes
        self.lanes: list[Lane] = []
        self.rows: dict[PrefillId, int] = {}
        self.under_way: dict[PrefillId, Prefill] = {}
        self.remembered: dict[int, int] = {}
        self.begun: list[int] = []
        self.ended: Counter[int] = Counter()
        self.late: list[int] = []
        self.paused: list[tuple[int, bool]] = []
        self.served: Counter[str] = Counter()
        """Tokens, prefilled and generated, by tenant."""
        self.chunks: list[Chunk] = []
        self.scheduler = Scheduler(
            step_tokens=step_tokens,
            max_lanes=max_lanes,
            can_group=can_group,
            lane_bytes=lambda tokens: tokens,
            budget_bytes=budget_bytes,
            max_jobs=max_jobs,
            begin=self._begin,
            clock=lambda: self.now,
        )

    def submit(self, *jobs: Job, known: int = 0) -> None:
        for each in jobs:
            self.scheduler.submit(each, known)

    def cancel(self, job_id: int, index: int | None = None) -> None:
        for prefill in self.scheduler.cancel(job_id, index):
            self.rows.pop(prefill.id, None)
            self.under_way.pop(prefill.id, None)
        whole = index is None
        self.lanes = [
            each
            for each in self.lanes
            if each.job.id != job_id or not (whole or each.index == index)
        ]

    def step(self, budget: int = 64, timeout_s: float | None = None) -> list[Chunk]:
        """Returns the chunks of the step."""
        self.now += self.step_s
        self.late += [each.id for each in self.scheduler.overdue(timeout_s)]
        self._give_way()
        before = len(self.chunks)
        for chunk in self.scheduler.plan(self.lanes, self.used_bytes, budget):
            self.chunks.append(chunk)
            self._run(chunk)
        self._decode()
        return self.chunks[before:]

    def run(self, until: Callable[[], bool] | None = None, most: int = 5000) -> int:
        """Steps until all is done, or until something is."""
        for steps in range(most):
            if until() if until else self.idle:
                return steps
            self.step()
        raise AssertionError("it never ends")

    @property
    def idle(self) -> bool:
        return self.scheduler.idle and not self.lanes

    @property
    def used_bytes(self) -> int:
        return sum(lane.cached for lane in self.lanes) + sum(self.rows.values())

    @property
    def decoding(self) -> set[int]:
        return {lane.job.id for lane in self.lanes}

    def _begin(self, prefill: Prefill) -> int:
        assert not prefill.kept
        assert prefill.id not in self.rows, "begun twice"
        if prefill.lane is None:
            self.begun.append(prefill.job.id)
        return min(self.remembered.get(prefill.job.id, 0), prefill.total)

    def _give_way(self) -> None:
        for prefill in self.scheduler.reclaim(self.lanes, self.used_bytes):
            del self.rows[prefill.id]
            self.under_way.pop(prefill.id, None)
        for lane, kept in self.scheduler.victims(self.lanes, self.used_bytes):
            self.lanes.remove(lane)
            prefill = self.scheduler.pause(lane, kept=kept)
            assert prefill.text == (*lane.job.prompt, *lane.generated)[:-1]
            self.paused.append((lane.job.id, kept))
            if kept:
                self.rows[prefill.id] = lane.cached
        running = len(self.lanes) + len(self.under_way)
        assert self.budget_bytes is None or self.used_bytes <= self.budget_bytes or running <= 1

    def _run(self, chunk: Chunk) -> None:
        for prefill in chunk.prefills:
            assert prefill.begun
            had = self.rows.pop(prefill.id, self._found(prefill))
            grown = prefill.done - had
            self.served[prefill.job.tenant] += grown
            alone = len(chunk.prefills) == 1
            assert grown == chunk.length if alone else had == 0 and grown <= chunk.length
            assert prefill.done <= prefill.total
            if prefill.remaining:
                assert alone, "part of a prompt in a group"
                self.rows[prefill.id] = prefill.done
                self.under_way[prefill.id] = prefill
            else:
                self.under_way.pop(prefill.id, None)
                self._finish(prefill)
        self._check()

    def _found(self, prefill: Prefill) -> int:
        return min(self.remembered.get(prefill.job.id, 0), prefill.total)

    def _finish(self, prefill: Prefill) -> None:
        if prefill.lane:
            self.lanes.append(prefill.lane)
        else:
            self.lanes += [Lane(prefill.job, index) for index in range(prefill.choices)]
        self.ended[prefill.job.id] += prefill.job.max_tokens == 0

    def _check(self) -> None:
        """Lanes, jobs and bytes with all that was promised are within their limits."""
        lanes = len(self.lanes) + sum(p.choices for p in self.under_way.values())
        jobs = self.decoding | {prefill.job.id for prefill in self.under_way.values()}
        assert lanes <= self.max_lanes
        assert self.max_jobs is None or len(jobs) <= self.max_jobs
        promised = sum(
            lane.cached + min(lane.tokens_left, RESERVE - len(lane.generated) % RESERVE)
            for lane in self.lanes
        )
        parked = sum(n for id_, n in self.rows.items() if id_ not in self.under_way)
        for prefill in self.under_way.values():
            whole = prefill.total + 1 + min(prefill.tokens_left, RESERVE)
            promised += max(1, prefill.choices) * whole
        # A lane's reserve is renewed while it runs, so only what is in use is bounded then.
        grown = any(len(lane.generated) >= RESERVE for lane in self.lanes)
        bounded = self.budget_bytes is not None and len(jobs) > 1 and not grown
        assert not bounded or promised + parked <= (self.budget_bytes or 0)

    def _decode(self) -> None:
        for lane in list(self.lanes):
            self.scheduler.served(lane.job.tenant, 1)
            self.served[lane.job.tenant] += 1
            if lane.accept(1):
                self.lanes.remove(lane)
                self.ended[lane.job.id] += 1
