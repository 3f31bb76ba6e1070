"""The batch loop: one thread, one ``step``."""

import logging
import time
import traceback
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future

from pippin.core.memory import MemoryFigures
from pippin.engine.books import Books
from pippin.engine.costs import FREE, UNBOUNDED, LaneCost
from pippin.engine.decoder import Decoder
from pippin.engine.failures import Failures
from pippin.engine.fetching import Fetching
from pippin.engine.forks import Forks, fork
from pippin.engine.forward import Forward
from pippin.engine.interludes import Interludes
from pippin.engine.lane import Deliver, Ended, Job, JobFailed, JobLate, Output
from pippin.engine.mlx_arrays import arrays_for_device
from pippin.engine.prefill import Prefiller
from pippin.engine.probe import ALL_TOGETHER, Sharing
from pippin.engine.recollection import Recollection
from pippin.engine.rows import CacheMaker, Model
from pippin.engine.scheduling.pace import Pace
from pippin.engine.scheduling.scheduler import Scheduler
from pippin.engine.scheduling.work import Chunk, Prefill
from pippin.memory.prompts import PromptMemory
from pippin.models.adapters import RowAdapters

log = logging.getLogger(__name__)

CPU_BUDGET = 128
"""Prompt tokens a step. On a CPU attention over a longer chunk falls out of the processor's cache:
1,500 tokens by 128 take half the time that they take at once."""
GPU_BUDGET = 512
"""Enough to keep a GPU busy, and short enough for decoding lanes to keep moving."""
SAVED_PER_STEP = 1 << 20
"""Bytes that a busy step copies for the disk, about."""
SAVED_AT_REST = 32 << 20


class Engine:
    """Continuous batching over one model. Used by one thread, which owns MLX.

    On a device each step is queued before the results of the step before are read, so that the
    device computes while Python thinks. On a CPU there is nothing to win by that, and every step
    is read at once.
    """

    def __init__(
        self,
        model: Model,
        *,
        vocab_size: int,
        prefill_budget: int | None = None,
        max_lanes: int = 64,
        max_jobs: int | None = None,
        queue_timeout_s: float | None = None,
        forward_cost: int = 4096,
        sharing: Sharing = ALL_TOGETHER,
        kv_bits: int | None = None,
        adapters: RowAdapters | None = None,
        memory: PromptMemory | None = None,
        memory_bytes: int | None = None,
        lane_cost: LaneCost = FREE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``prefill_budget``: prompt tokens a step, ``None``: by device. ``max_jobs``: begun and
        not ended. ``queue_timeout_s``: how long a job may wait to begin. ``forward_cost``: what a
        further forward pass costs, in padded cache positions (``buckets``). ``sharing``: what
        ``probe`` found. ``adapters``: the model's. ``memory``: of prompts. ``memory_bytes``: of
        all caches, with what is remembered; ``None``: no bound. ``lane_cost``: what a lane takes of
        them. ``clock``: seconds, by which jobs age and time out."""
        self._arrays = arrays_for_device()
        on_host = self._arrays.on_host
        self._interludes = Interludes(self._decode_undropped)
        make, forward = CacheMaker(model, kv_bits), Forward(model, adapters, self._interludes.look)
        self.lane_cost, self.memory_bytes = lane_cost, memory_bytes
        self.max_lanes = max_lanes if sharing.decode else 1
        self._memory = memory
        self._recollection = Recollection(memory, make, self._interludes.offer if on_host else None)
        tokens = prefill_budget or (CPU_BUDGET if on_host else GPU_BUDGET)
        self._pace = Pace(tokens, lag=0 if on_host else 1, interludes=self._interludes.happen)
        self._queue_timeout_s = queue_timeout_s
        self._scheduler = Scheduler(
            step_tokens=tokens,
            max_lanes=self.max_lanes,
            can_group=sharing.prefill,
            lane_bytes=self.lane_cost,
            budget_bytes=memory_bytes,
            max_jobs=max_jobs,
            begin=self._begin,
            clock=clock,
        )
        at_once, on_stop = not (memory and memory.needs_state), self._recollection.keep_prompt
        self._prefiller = Prefiller(forward, make, self._arrays, on_stop=on_stop, at_once=at_once)
        self._decoder = Decoder(
            forward,
            vocab_size,
            self._arrays,
            forward_cost=forward_cost,
            on_leave=self._recollection.keep_lane,
            on_failure=lambda lane: self._recollection.forget(lane.job),
        )
        self._fetching = Fetching(memory, clock)
        self._begun: list[Output] = []
        self._failures, self._books = Failures(), Books(memory)
        self.progress = 0
        """Tokens taken in and things put out, ever: while it stands still nothing is done."""

    # -- from outside, between steps -------------------------------------------------------------

    def submit(self, job: Job) -> None:
        """Take a job in; if the disk remembers more of its prompt than RAM, once that is here."""
        if not self._fetching.take(job):
            self._scheduler.submit(job, self._recollection.known(job))

    def cancel(self, job_id: int, index: int | None = None) -> None:
        """Stop a job, or one choice of it, wherever it is. Unknown ids are no error."""
        if index is None:
            self._fetching.leave(job_id)
            self._recollection.leave(job_id)
        for prefill in self._scheduler.cancel(job_id, index):
            self._prefiller.forget(prefill.id)
        self._decoder.drop(job_id, index)

    def step(self, deliver: Deliver | None = None) -> list[Output]:
        """One round of work. Exceptions of the model end the jobs that were in it, no others.
        What a prompt is answered with comes last, so that its first token leaves at once.
        ``deliver`` gets what comes out long before the end; without it nothing does.

        Raises:
            EngineBroken: too many steps failed, one after the other.
        """
        if self._memory:  # first, when what the last step put out is on its way
            self._memory.save_some(SAVED_PER_STEP)
        began = time.perf_counter()
        outputs: list[Output] = []
        self._take_fetched()
        outputs.extend(JobLate(job.id) for job in self._scheduler.overdue(self._queue_timeout_s))
        decoding = self._decode_undropped(outputs)
        self._interludes.begin(deliver)
        self._decoder.remove_dropped(outputs)
        self._pause_lanes(outputs)
        for output in outputs:
            if isinstance(output, JobFailed):
                self.cancel(output.job_id)  # or its other lanes' prompts would fail once more
        prefilled = self._prefill(outputs)
        delivered = self._interludes.delivered
        for job_id in self._failures.among(outputs, others=delivered > 0):
            self.cancel(job_id)  # what is left of it elsewhere
        seconds = time.perf_counter() - began - self._interludes.seconds
        self._pace.observe(seconds, decoding, prefilled)
        self.progress += prefilled + delivered + len(outputs)
        return outputs

    def tidy(self) -> bool:
        """Work that waits for calm moments. False: there is none left."""
        return self._memory is not None and self._memory.save_some(SAVED_AT_REST)

    def fits(self, choices: int) -> int:
        """Tokens that each of so many lanes of one job may have, prompt and answer. Any thread."""
        if self.memory_bytes is None:
            return UNBOUNDED
        return self.lane_cost.most_tokens(self.memory_bytes // choices)

    @property
    def idle(self) -> bool:
        """Nothing to compute; jobs may still wait for the disk."""
        return self._scheduler.idle and self._decoder.idle and not self._begun

    @property
    def fetching(self) -> bool:
        """Whether jobs wait for the disk."""
        return bool(self._fetching)

    @property
    def load(self) -> tuple[int, int, int]:
        """Lanes decoding, jobs in prefill, jobs waiting."""
        waiting = self._scheduler.waiting + len(self._fetching)
        return len(self._decoder.lanes), self._scheduler.prefilling, waiting

    @property
    def figures(self) -> MemoryFigures:
        """Of the memory of prompts."""
        return self._memory.figures if self._memory else MemoryFigures(enabled=False)

    def forget_prompts(self) -> Future[None]:
        """Forget all prompts. The result: as of ``PromptMemory.clear``."""
        if self._memory:
            return self._memory.clear()
        nothing: Future[None] = Future()
        nothing.set_result(None)
        return nothing

    def close(self, flush_s: float) -> None:
        """The last call: write what is still to be remembered, for so long at most."""
        if self._memory:
            until = time.monotonic() + flush_s
            while time.monotonic() < until and self.tidy():
                continue
            self._memory.close(max(0.0, until - time.monotonic()))

    def check_integrity(self) -> None:
        """To be called when idle: every lane, cache and byte is accounted for. Unused memory goes
        back to the system.

        Raises:
            IntegrityError: something is left over.
        """
        self._books.check({**self._decoder.leftovers, "prefilled caches": len(self._prefiller)})

    # -- decoding --------------------------------------------------------------------------------

    def _decode_undropped(self, outputs: list[Output]) -> int:
        """A decode step of those that go on. How many lanes got a token."""
        self._decoder.remove_dropped(outputs)
        lanes = self._decoder.lanes
        for tenant, count in Counter(lane.job.tenant for lane in lanes).items():
            self._scheduler.served(tenant, count)
        self._decoder.step(outputs)
        return len(lanes)

    # -- prefill ---------------------------------------------------------------------------------

    def _take_fetched(self) -> None:
        """Go on with jobs for which the disk was read, or took too long."""
        for job, came in self._fetching.done():
            if came:
                self._recollection.came_from_disk(job.id)
            self._scheduler.submit(job, self._recollection.known(job))

    def _begin(self, prefill: Prefill) -> int:
        """A job leaves the queue. How many of its tokens are in the cache already."""
        rows = self._recollection.recall(prefill)
        cached = prefill.done
        self._prefiller.hold(prefill.id, rows, self._recollection.stops(prefill))
        if prefill.lane is None or prefill.job.goes_on:
            self._begun.append(self._recollection.begun(prefill.job, cached))
        return cached

    def _prefill(self, outputs: list[Output]) -> int:
        """The tokens that were taken in."""
        tokens = 0
        lanes = self._decoder.lanes
        waiting = self._scheduler.waiting + self._scheduler.prefilling
        budget = self._pace.budget(len(lanes), waiting)
        self._make_room()
        for chunk in self._scheduler.plan(lanes, self._used_bytes, budget):
            outputs.extend(self._begun)
            self._begun.clear()
            tokens += chunk.length * len(chunk.prefills)
            patience = self._pace.patience(len(lanes), waiting)
            try:
                self._run_chunk(chunk, outputs, patience)
            except Exception:  # noqa: BLE001  whatever a model raises ends its jobs only
                log.error("a prefill step failed\n%s", traceback.format_exc())
                for prefill in chunk.prefills:
                    outputs.append(JobFailed(prefill.job.id))
                    self._recollection.forget(prefill.job)
                    self.cancel(prefill.job.id)
            for failed in self._interludes.failures():
                outputs.append(failed)
                self.cancel(failed.job_id)
        outputs.extend(self._begun)
        self._begun.clear()
        return tokens

    def _run_chunk(self, chunk: Chunk, outputs: list[Output], patience: float | None) -> None:
        with self._interludes.within(patience, outputs):
            result = self._prefiller.run(chunk)
            first = chunk.prefills[0]
            if result.finished and len(chunk.prefills) == 1:
                self._recollection.keep_prompt(first, first.total, result.finished)
        outputs.extend(result.scored)
        if result.finished is None:
            return
        if resumed := first.lane:
            self._decoder.admit([resumed], result.finished, outputs)
            return
        if first.job.resumed:
            self._fork(fork(first.job, result.finished, result.logits), outputs)
            return
        jobs = [prefill.job for prefill in chunk.prefills]
        outputs.extend(Ended(job.id) for job in jobs if job.max_tokens == 0)
        self._decoder.begin(jobs, result.finished, outputs, result.logits)

    def _fork(self, forks: Forks, outputs: list[Output]) -> None:
        """Let each choice go on where it was."""
        for lane, rows in forks.behind:
            prefill = self._scheduler.resume(lane, forks.held)
            self._prefiller.hold(prefill.id, rows)
        if forks.fresh:
            self._decoder.admit(forks.fresh, forks.rows, outputs, forks.logits)

    # -- room ------------------------------------------------------------------------------------

    def _pause_lanes(self, outputs: list[Output]) -> None:
        """Rows give way to what is more urgent, or when memory is short."""
        for prefill in self._scheduler.reclaim(self._decoder.lanes, self._used_bytes):
            self._prefiller.forget(prefill.id)
        for lane, keep in self._scheduler.victims(self._decoder.lanes, self._used_bytes):
            rows = self._decoder.extract(lane, outputs)
            if rows is None:
                continue
            prefill = self._scheduler.pause(lane, kept=keep)
            if keep:
                self._prefiller.hold(prefill.id, rows)
            else:
                self._recollection.keep_lane(lane, lane.cached, rows, 0)

    def _make_room(self) -> None:
        """What lanes need comes before what is remembered."""
        if self._memory and self.memory_bytes is not None:
            self._memory.limit_ram(self.memory_bytes - self._used_bytes)

    @property
    def _used_bytes(self) -> int:
        return self._decoder.nbytes + self._prefiller.nbytes
