"""All lanes that decode, in the batches where they waste least."""

import logging
import traceback
from collections.abc import Callable, Iterator, Sequence

import mlx.core as mx

from pippin.engine.arrays import Arrays
from pippin.engine.batch import Batch, Flight
from pippin.engine.buckets import Bucket, better_together, home_of
from pippin.engine.constraints.masks import MaskFiller
from pippin.engine.forward import Forward
from pippin.engine.lane import Job, JobFailed, Lane, Output, Token
from pippin.engine.rows import CacheRows

log = logging.getLogger(__name__)

LaneId = tuple[int, int]
OnLeave = Callable[[Lane, int, CacheRows, int], None]
"""Called with a lane that leaves, how many of its tokens its row holds, the rows, and its row."""


class Decoder:
    """Owned by the engine, on its thread. What a model raises ends the lanes that were in the
    pass, no others."""

    def __init__(
        self,
        forward: Forward,
        vocab_size: int,
        arrays: Arrays,
        *,
        forward_cost: int,
        on_leave: OnLeave,
        on_failure: Callable[[Lane], None],
    ) -> None:
        self._forward = forward
        self._vocab_size = vocab_size
        self._arrays = arrays
        self._forward_cost = forward_cost
        self._on_leave = on_leave
        self._on_failure = on_failure
        self._filler = MaskFiller()
        self._batches: list[Batch] = []
        self._dropped: set[LaneId] = set()
        self._poisoned: set[LaneId] = set()
        """Of these, lanes whose caches are not to be remembered."""

    # -- who is here -----------------------------------------------------------------------------

    @property
    def lanes(self) -> list[Lane]:
        """Those that go on decoding."""
        return [lane for lane in self._all_lanes() if lane.id not in self._dropped]

    @property
    def nbytes(self) -> int:
        """Of all caches, padding and room to grow counted."""
        return sum(batch.nbytes for batch in self._batches)

    @property
    def leftovers(self) -> dict[str, int]:
        """What should be nothing when nothing decodes."""
        return {"batches": len(self._batches), "dropped lanes": len(self._dropped)}

    @property
    def idle(self) -> bool:
        return not self._batches

    # -- coming and going ------------------------------------------------------------------------

    def begin(
        self,
        jobs: Sequence[Job],
        cache: CacheRows,
        outputs: list[Output],
        logits: mx.array | None = None,
    ) -> None:
        """Let prefilled jobs, a row each, decode from the next step on: a lane per choice, each
        with a row of its own. ``logits``: as for ``admit``, of each job."""
        lanes = [Lane(job, i) for job in jobs for i in range(job.choices) if job.max_tokens]
        rows = [r for r, job in enumerate(jobs) for _ in range(job.choices) if job.max_tokens]
        if lanes:
            cache.take(rows)
            first = None if logits is None else logits[mx.array(rows)]
            self.admit(lanes, cache, outputs, first)

    def admit(
        self,
        lanes: list[Lane],
        cache: CacheRows,
        outputs: list[Output],
        logits: mx.array | None = None,
    ) -> None:
        """Let prefilled lanes decode from the next step on. ``logits``: those of their first
        tokens, (lanes, vocabulary), if they were computed with the prompt."""
        newcomer = Batch(
            self._forward,
            self._vocab_size,
            self._arrays,
            self._filler,
            lanes=lanes,
            cache=cache,
        )
        if logits is not None:
            self._take(newcomer, newcomer.draw(logits), outputs)
        home = home_of(newcomer.bucket, self._buckets(), self._forward_cost)
        if home is not None and self._settled(batch := self._batches[home], outputs):
            self._join(batch, newcomer, outputs)
        else:
            self._batches.append(newcomer)

    def drop(self, job_id: int, index: int | None = None) -> None:
        """A job's lanes, or one of them, decode no more."""
        for lane in self._all_lanes():
            if lane.job.id == job_id and index in (None, lane.index):
                self._dropped.add(lane.id)

    def remove_dropped(self, outputs: list[Output]) -> None:
        """Let lanes that ended or were dropped leave their batches."""
        if not self._dropped:
            return
        for batch in list(self._batches):
            # A step that is in flight takes in the newest token of lanes that have just ended.
            ahead = set(self._dropped) if batch.in_flight else set()
            concerned = any(lane.id in self._dropped for lane in batch.lanes)
            if concerned and self._settled(batch, outputs):
                self._keep_undropped(batch, ahead, outputs)
        self._poisoned.clear()
        self._dropped.clear()  # lanes that end while batches unite are dropped at the next step
        self._unite(outputs)

    def extract(self, lane: Lane, outputs: list[Output]) -> CacheRows | None:
        """Take a lane out of its batch, with a row of its own that holds all of its tokens but
        the newest. ``None``: it has ended meanwhile, or failed."""
        batch = next((b for b in self._batches if lane in b.lanes), None)
        if batch is None or not self._settled(batch, outputs) or lane.id in self._dropped:
            return None
        row = batch.lanes.index(lane)
        try:
            rows = batch.extract(row)
            self._keep(batch, [r for r in range(len(batch.lanes)) if r != row])
        except Exception:  # noqa: BLE001  whatever a model raises ends its jobs only
            _log_failure("a lane could not be paused")
            self._fail(batch, outputs)
            return None
        return rows

    # -- a step ----------------------------------------------------------------------------------

    def step(self, outputs: list[Output]) -> int:
        """The next token of every lane. How many batches failed."""
        failed = 0
        for batch in list(self._batches):
            try:
                landed = batch.launch()
            except Exception:  # noqa: BLE001  as above
                _log_failure("a decode step failed")
                self._fail(batch, outputs)
                failed += 1
            else:
                self._accept(batch, landed, outputs)
                failed += batch not in self._batches
        return failed

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
            self._take(batch, landed, outputs)
        except Exception:  # noqa: BLE001  as above
            _log_failure("a decode step failed")
            self._fail(batch, outputs)

    def _take(self, batch: Batch, landed: Flight, outputs: list[Output]) -> None:
        results = landed.read()
        alive = [lane for lane in batch.lanes if lane.id not in self._dropped]
        outputs.extend(
            Token(lane.job.id, lane.index, sure) for sure in landed.leapt for lane in alive
        )
        for lane, (token, score) in zip(batch.lanes, results, strict=True):
            if lane.id in self._dropped:
                continue
            if token is None:
                log.error("the model gave no finite numbers for job %d", lane.job.id)
                self._poisoned |= self._end(batch, lane.job)
                self._on_failure(lane)
                outputs.append(JobFailed(lane.job.id))
            elif lane.guide and lane.guide.broken:
                log.warning("the constraint of job %d became too complex", lane.job.id)
                self._end(batch, lane.job)
                outputs.append(JobFailed(lane.job.id, too_complex=True))
            else:
                end = lane.accept(token)
                if end:
                    self._dropped.add(lane.id)
                outputs.append(Token(lane.job.id, lane.index, token, end, score))

    def _end(self, batch: Batch, job: Job) -> set[LaneId]:
        """Let a job's lanes leave, in this batch, which may be new, and in others. Those here."""
        here = {lane.id for lane in batch.lanes if lane.job is job}
        self.drop(job.id)
        self._dropped |= here
        return here

    # -- batches ---------------------------------------------------------------------------------

    def _join(self, batch: Batch, newcomer: Batch, outputs: list[Output]) -> None:
        """A join that fails half-way leaves both sides unusable: both fail."""
        try:
            batch.absorb(newcomer)
        except Exception:
            self._fail(batch, outputs)
            raise

    def _keep_undropped(self, batch: Batch, ahead: set[LaneId], outputs: list[Output]) -> None:
        try:
            for row, lane in enumerate(batch.lanes):
                if lane.id in self._dropped and lane.id not in self._poisoned:
                    held = lane.cached + (lane.id in ahead)
                    self._on_leave(lane, held, batch.cache, row)
            rows = [r for r, lane in enumerate(batch.lanes) if lane.id not in self._dropped]
            self._keep(batch, rows)
        except Exception:  # noqa: BLE001  as above
            _log_failure("a batch could not be reduced")
            self._fail(batch, outputs)

    def _keep(self, batch: Batch, rows: list[int]) -> None:
        if rows:
            batch.keep(rows)
        else:
            self._batches.remove(batch)

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
                self._fail(batch, outputs)

    def _fail(self, batch: Batch, outputs: list[Output]) -> None:
        alive = [lane for lane in batch.lanes if lane.id not in self._dropped]
        for lane in alive:
            self._on_failure(lane)
        outputs.extend(JobFailed(id) for id in dict.fromkeys(lane.job.id for lane in alive))
        self._dropped -= {lane.id for lane in batch.lanes}
        self._batches.remove(batch)

    def _all_lanes(self) -> Iterator[Lane]:
        return (lane for batch in self._batches for lane in batch.lanes)

    def _buckets(self) -> list[Bucket]:
        return [batch.bucket for batch in self._batches]


def _log_failure(what: str) -> None:
    """As text: a log record that keeps the exception would keep its frames' arrays alive."""
    log.error("%s\n%s", what, traceback.format_exc())
