"""The batch loop: one thread, one ``step``."""

import logging
import traceback
from collections.abc import Iterator

import mlx.core as mx

from pippin.engine.arrays import arrays_for_device
from pippin.engine.batch import Batch, Flight
from pippin.engine.buckets import Bucket, better_together, home_of
from pippin.engine.lane import Ended, Job, JobFailed, Lane, Output, Token
from pippin.engine.prefill import Prefiller
from pippin.engine.probe import Sharing
from pippin.engine.rows import CacheRows, Model
from pippin.engine.scheduler import Chunk, Scheduler

log = logging.getLogger(__name__)

CPU_BUDGET = 128
"""Prompt tokens a step. On a CPU attention over a longer chunk falls out of the processor's cache:
1,500 tokens by 128 take half the time that they take at once."""
ALL_TOGETHER = Sharing(decode=True, prefill=True)
SLACK_BYTES = 1 << 20
"""Some models keep small constants per shape that they have seen."""
GPU_BUDGET = 512
"""Enough to keep a GPU busy, and short enough for decoding lanes to keep moving."""


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
        prefill_budget: int | None = None,
        max_lanes: int = 64,
        forward_cost: int = 4096,
        sharing: Sharing = ALL_TOGETHER,
    ) -> None:
        """``prefill_budget``: prompt tokens a step, ``None``: by device. ``forward_cost``: what a
        further forward pass costs, in padded cache positions (``buckets``). ``sharing``: what
        ``probe`` found."""
        self._arrays = arrays_for_device()
        self._model = model
        self._vocab_size = vocab_size
        self._forward_cost = forward_cost
        self.max_lanes = max_lanes if sharing.decode else 1
        self._scheduler = Scheduler(
            prefill_budget=prefill_budget or (CPU_BUDGET if self._arrays.on_host else GPU_BUDGET),
            max_lanes=self.max_lanes,
            can_group=sharing.prefill,
        )
        self._prefiller = Prefiller(model, self._arrays)
        self._batches: list[Batch] = []
        self._dropped: set[tuple[int, int]] = set()
        self._idle_bytes = mx.get_active_memory()

    def submit(self, job: Job) -> None:
        self._scheduler.submit(job)

    def cancel(self, job_id: int, index: int | None = None) -> None:
        """Stop a job, or one choice of it, wherever it is. Unknown ids are no error."""
        if index is None and self._scheduler.cancel(job_id):
            self._prefiller.forget(job_id)
        for lane in self._lanes():
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
        return self._scheduler.idle and not self._batches

    @property
    def load(self) -> tuple[int, int, int]:
        """Lanes decoding, jobs in prefill, jobs waiting."""
        return self._decoding, self._scheduler.prefilling, self._scheduler.waiting

    def check_integrity(self) -> None:
        """To be called when idle: every lane, cache and byte is accounted for. Unused memory goes
        back to the system.

        Raises:
            IntegrityError: something is left over.
        """
        mx.clear_cache()
        leaked = mx.get_active_memory() - self._idle_bytes
        left = {
            "batches": len(self._batches),
            "dropped lanes": len(self._dropped),
            "prefilled caches": len(self._prefiller),
            "device bytes": leaked if leaked > SLACK_BYTES else 0,
        }
        if any(left.values()):
            raise IntegrityError(", ".join(f"{n} {what}" for what, n in left.items() if n))

    # -- prefill ---------------------------------------------------------------------------------

    def _prefill(self, outputs: list[Output]) -> None:
        for chunk in self._scheduler.plan(self._decoding):
            try:
                self._run_chunk(chunk, outputs)
            except Exception:  # noqa: BLE001  whatever a model raises ends its jobs only
                _log_failure("a prefill step failed")
                for prefill in chunk.prefills:
                    self._fail_prefill(prefill.job.id, outputs)

    def _run_chunk(self, chunk: Chunk, outputs: list[Output]) -> None:
        result = self._prefiller.run(chunk)
        outputs.extend(result.scored)
        if result.finished is None:
            return
        jobs = [prefill.job for prefill in chunk.prefills]
        outputs.extend(Ended(job.id) for job in jobs if job.max_tokens == 0)
        lanes = [Lane(job, i) for job in jobs for i in range(job.choices) if job.max_tokens]
        rows = [r for r, job in enumerate(jobs) for _ in range(job.choices) if job.max_tokens]
        if lanes:
            result.finished.take(rows)
            self._admit(lanes, result.finished, outputs)

    def _admit(self, lanes: list[Lane], cache: CacheRows, outputs: list[Output]) -> None:
        """Let prefilled lanes decode, in the batch where they waste least."""
        newcomer = Bucket(len(lanes), max(lane.cached for lane in lanes))
        home = home_of(newcomer, self._buckets(), self._forward_cost)
        if home is not None and self._settled(batch := self._batches[home], outputs):
            self._join(batch, lanes, cache, outputs)
        else:
            batch = Batch(self._model, self._vocab_size, self._arrays, lanes, cache)
            self._batches.append(batch)

    def _join(
        self, batch: Batch, lanes: list[Lane], cache: CacheRows, outputs: list[Output]
    ) -> None:
        """A join that fails half-way leaves both sides unusable: both fail."""
        try:
            batch.join(lanes, cache)
        except Exception:
            self._fail_batch(batch, outputs)
            raise

    def _fail_prefill(self, job_id: int, outputs: list[Output]) -> None:
        self._scheduler.cancel(job_id)
        self._prefiller.forget(job_id)
        outputs.append(JobFailed(job_id))

    # -- decode ----------------------------------------------------------------------------------

    def _decode(self, outputs: list[Output]) -> None:
        for batch in list(self._batches):
            try:
                landed = batch.launch()
            except Exception:  # noqa: BLE001  whatever a model raises ends its jobs only
                _log_failure("a decode step failed")
                self._fail_batch(batch, outputs)
            else:
                self._accept(batch, landed, outputs)

    def _settled(self, batch: Batch, outputs: list[Output]) -> bool:
        """Read what a batch has in flight, so that its lanes may change. False: the step had
        failed, and the batch is gone."""
        self._accept(batch, batch.settle(), outputs)
        return batch in self._batches

    def _accept(self, batch: Batch, landed: Flight | None, outputs: list[Output]) -> None:
        """Take the tokens of a step; lanes that end with them are dropped at the next step."""
        if landed is None:
            return
        try:
            results = landed.read()
        except Exception:  # noqa: BLE001  as above
            _log_failure("a decode step failed")
            self._fail_batch(batch, outputs)
            return
        for lane, (token, score) in zip(batch.lanes, results, strict=True):
            if lane.id in self._dropped:
                continue
            end = lane.accept(token)
            if end:
                self._dropped.add(lane.id)
            outputs.append(Token(lane.job.id, lane.index, token, end, score))

    def _remove_dropped(self, outputs: list[Output]) -> None:
        if not self._dropped:
            return
        for batch in list(self._batches):
            concerned = any(lane.id in self._dropped for lane in batch.lanes)
            if concerned and self._settled(batch, outputs):
                self._keep_undropped(batch, outputs)
        self._dropped.clear()  # lanes that end while batches unite are dropped at the next step
        self._unite(outputs)

    def _keep_undropped(self, batch: Batch, outputs: list[Output]) -> None:
        rows = [row for row, lane in enumerate(batch.lanes) if lane.id not in self._dropped]
        if not rows:
            self._batches.remove(batch)
            return
        try:
            batch.keep(rows)
        except Exception:  # noqa: BLE001  as above
            _log_failure("a batch could not be reduced")
            self._fail_batch(batch, outputs)

    def _unite(self, outputs: list[Output]) -> None:
        """Put batches together that have become alike."""
        while len(self._batches) > 1:
            pair = better_together(self._buckets(), self._forward_cost)
            if pair is None:
                return
            into, other = (self._batches[i] for i in pair)
            if self._settled(into, outputs) and self._settled(other, outputs):
                self._absorb(into, other, outputs)

    def _absorb(self, into: Batch, other: Batch, outputs: list[Output]) -> None:
        try:
            into.absorb(other)
            self._batches.remove(other)
        except Exception:  # noqa: BLE001  as above
            _log_failure("two batches could not be united")
            for batch in (into, other):
                self._fail_batch(batch, outputs)

    def _fail_batch(self, batch: Batch, outputs: list[Output]) -> None:
        failed = dict.fromkeys(lane.job.id for lane in batch.lanes if lane.id not in self._dropped)
        outputs.extend(JobFailed(job_id) for job_id in failed)
        self._dropped -= {lane.id for lane in batch.lanes}
        self._batches.remove(batch)

    # -- figures ---------------------------------------------------------------------------------

    @property
    def _decoding(self) -> int:
        return sum(len(batch.lanes) for batch in self._batches)

    def _lanes(self) -> Iterator[Lane]:
        return (lane for batch in self._batches for lane in batch.lanes)

    def _buckets(self) -> list[Bucket]:
        return [batch.bucket for batch in self._batches]


def _log_failure(what: str) -> None:
    """As text: a log record that keeps the exception would keep its frames' arrays alive."""
    log.error("%s\n%s", what, traceback.format_exc())
