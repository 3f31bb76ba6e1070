"""The batch loop: one thread, one ``step``."""

import logging
import traceback
from collections.abc import Iterator

import mlx.core as mx

from pippin.engine.arrays import arrays_for_device
from pippin.engine.batch import Batch, Flight
from pippin.engine.lane import Ended, Job, JobFailed, Lane, Output, Token
from pippin.engine.prefill import Prefiller
from pippin.engine.rows import CacheRows, Model, can_merge, can_pad
from pippin.engine.scheduler import Chunk, Prefill, Scheduler

log = logging.getLogger(__name__)


class IntegrityError(Exception):
    """The engine is idle and yet holds lanes, caches or bytes: a leak."""


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
        prefill_budget: int = 512,
        max_lanes: int = 64,
    ) -> None:
        self.max_lanes = max_lanes if can_merge(model) else 1
        self._scheduler = Scheduler(
            prefill_budget=prefill_budget, max_lanes=self.max_lanes, can_group=can_pad(model)
        )
        arrays = arrays_for_device()
        self._queues_ahead = not arrays.on_host
        self._prefiller = Prefiller(model, arrays)
        self._batch = Batch(model, vocab_size, arrays)
        self._flight: Flight | None = None
        self._dropped: set[tuple[int, int]] = set()
        self._idle_bytes = mx.get_active_memory()

    def submit(self, job: Job) -> None:
        self._scheduler.submit(job)

    def cancel(self, job_id: int, index: int | None = None) -> None:
        """Stop a job, or one choice of it, wherever it is. Unknown ids are no error."""
        if index is None and self._scheduler.cancel(job_id):
            self._prefiller.forget(job_id)
        for lane in self._batch.lanes:
            if lane.job.id == job_id and index in (None, lane.index):
                self._dropped.add(lane.id)

    def step(self) -> list[Output]:
        """One round of work. Exceptions of the model end the jobs that were in it, no others."""
        outputs: list[Output] = []
        self._remove_dropped(outputs)
        self._prefill(outputs)
        self._decode(outputs)
        return outputs

    @property
    def idle(self) -> bool:
        return self._scheduler.idle and not self._batch.lanes and self._flight is None

    @property
    def load(self) -> tuple[int, int, int]:
        """Lanes decoding, jobs in prefill, jobs waiting."""
        return len(self._batch.lanes), self._scheduler.prefilling, self._scheduler.waiting

    def check_integrity(self) -> None:
        """To be called when idle: every lane, cache and byte is accounted for.

        Raises:
            IntegrityError: something is left over.
        """
        mx.clear_cache()
        left = {
            "lanes": len(self._batch.lanes),
            "dropped lanes": len(self._dropped),
            "prefilled caches": len(self._prefiller),
            "cache bytes": self._batch.nbytes,
            "device bytes": max(0, mx.get_active_memory() - self._idle_bytes),
        }
        if any(left.values()):
            raise IntegrityError(", ".join(f"{n} {what}" for what, n in left.items() if n))

    # -- prefill ---------------------------------------------------------------------------------

    def _prefill(self, outputs: list[Output]) -> None:
        for chunk in self._scheduler.plan(len(self._batch.lanes)):
            try:
                self._run_chunk(chunk, outputs)
            except Exception:
                _log_failure("a prefill step failed")
                self._fail_prefill(chunk, outputs)

    def _run_chunk(self, chunk: Chunk, outputs: list[Output]) -> None:
        result = self._prefiller.run(chunk)
        outputs.extend(result.scored)
        if result.finished is None:
            return
        jobs = [prefill.job for prefill in chunk.prefills]
        outputs.extend(Ended(job.id) for job in jobs if job.max_tokens == 0)
        self._admit(jobs, result.finished, outputs)

    def _admit(self, jobs: list[Job], cache: CacheRows, outputs: list[Output]) -> None:
        """Fork each prefilled row for the job's choices and let the lanes decode."""
        lanes = [Lane(job, i) for job in jobs for i in range(job.choices) if job.max_tokens]
        rows = [r for r, job in enumerate(jobs) for _ in range(job.choices) if job.max_tokens]
        if not lanes:
            return
        self._settle(outputs)
        cache.take(rows)
        self._batch.join(lanes, cache)

    def _fail_prefill(self, chunk: Chunk, outputs: list[Output]) -> None:
        for prefill in chunk.prefills:
            self._fail_job(prefill, outputs)

    def _fail_job(self, prefill: Prefill, outputs: list[Output]) -> None:
        self._scheduler.cancel(prefill.job.id)
        self._prefiller.forget(prefill.job.id)
        outputs.append(JobFailed(prefill.job.id))

    # -- decode ----------------------------------------------------------------------------------

    def _decode(self, outputs: list[Output]) -> None:
        if not self._batch.lanes:
            return
        try:
            launched = self._batch.launch(self._flight)
            landed, self._flight = self._flight, launched
            if landed:
                outputs.extend(self._accept(landed))
            if not self._queues_ahead:
                self._settle(outputs)
        except Exception:
            _log_failure("a decode step failed")
            self._fail_batch(outputs)

    def _settle(self, outputs: list[Output]) -> None:
        """Read the step in flight, so that every lane's tokens are known on the host."""
        if self._flight is None:
            return
        landed, self._flight = self._flight, None
        try:
            outputs.extend(self._accept(landed))
        except Exception:
            _log_failure("a decode step failed")
            self._fail_batch(outputs)

    def _accept(self, landed: Flight) -> Iterator[Output]:
        tokens, scores = landed.read()
        for lane, token, score in zip(self._batch.lanes, tokens, scores, strict=True):
            if lane.id in self._dropped:
                continue
            end = lane.accept(token)
            if end:
                self._dropped.add(lane.id)
            yield Token(lane.job.id, lane.index, token, end, score)

    def _remove_dropped(self, outputs: list[Output]) -> None:
        if not self._dropped:
            return
        self._settle(outputs)
        rows = [r for r, lane in enumerate(self._batch.lanes) if lane.id not in self._dropped]
        self._batch.keep(rows)
        self._dropped.clear()

    def _fail_batch(self, outputs: list[Output]) -> None:
        failed = dict.fromkeys(lane.job.id for lane in self._batch.lanes)
        outputs.extend(JobFailed(job_id) for job_id in failed)
        self._flight = None
        self._batch.keep([])
        self._dropped.clear()


def _log_failure(what: str) -> None:
    """As text: a log record that keeps the exception would keep its frames' arrays alive."""
    log.error("%s\n%s", what, traceback.format_exc())
