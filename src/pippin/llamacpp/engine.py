"""The batch loop over llama.cpp: one thread, one ``step``. What MLX's engine is for MLX models.

A step is one pass: the newest token of every lane, and the next pieces of prompts. llama.cpp gives
logits; who is next, what may be said and which token is drawn is decided by the parts that MLX's
engine uses, too.
"""

import logging
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future

import numpy as np

from pippin.core.memory import MemoryFigures
from pippin.engine.failures import Failures, IntegrityError
from pippin.engine.lane import (
    Begun,
    Deliver,
    Ended,
    Job,
    JobFailed,
    JobLate,
    Lane,
    Output,
    PromptScored,
)
from pippin.engine.scheduling.pace import Pace
from pippin.engine.scheduling.scheduler import Scheduler
from pippin.engine.scheduling.work import Prefill
from pippin.llamacpp.lanes import Lanes, held
from pippin.llamacpp.native import Cache, CacheFull, Logits, Piece
from pippin.llamacpp.readings import SCORING_TOKENS, Reading, scores_of
from pippin.llamacpp.rows import Rows

log = logging.getLogger(__name__)


class LlamaEngine:
    """Continuous batching over one model. Used by one thread; only ``fits`` is for any."""

    def __init__(
        self,
        cache: Cache,
        rows: Rows,
        *,
        vocab_size: int,
        step_tokens: int,
        max_lanes: int,
        max_jobs: int | None = None,
        queue_timeout_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``step_tokens``: of prompts, in one step. ``max_jobs``: begun and not ended."""
        self._cache = cache
        self._rows = rows
        self.max_lanes = max_lanes
        self.cells = cache.cells - max_lanes
        """Tokens that all lanes may have, beside their newest ones."""
        self._spare = (cache.sequences - max_lanes) // 2
        """Sequences for jobs without lanes, which are only scored, and as many for lanes that
        pause: neither may take those that lanes need."""
        self._queue_timeout_s = queue_timeout_s
        self._scheduler = Scheduler(
            step_tokens=step_tokens,
            max_lanes=max_lanes,
            can_group=False,
            lane_bytes=_itself,  # memory is counted in cells: one is a token
            budget_bytes=self.cells,
            max_jobs=min(max_jobs or self._spare, self._spare),
            begin=self._begin,
            clock=clock,
        )
        self._pace = Pace(step_tokens)
        self._lanes = Lanes(rows, vocab_size)
        self._row_of: dict[tuple[int, int | None], int] = {}
        """Of prompts on their way, and of lanes that pause."""
        self._begun: list[Output] = []
        self._failures = Failures()
        self.progress = 0

    # -- from outside, between steps -------------------------------------------------------------

    def submit(self, job: Job) -> None:
        self._scheduler.submit(job)

    def cancel(self, job_id: int, index: int | None = None) -> None:
        self._drop_rows(self._scheduler.cancel(job_id, index))
        self._lanes.drop(job_id, index)
        self._lanes.forget_level(job_id, index)

    def step(self, deliver: Deliver | None = None) -> list[Output]:
        """One round of work. What llama.cpp cannot compute ends the jobs that were in the pass.
        ``deliver`` gets nothing: a pass of llama.cpp cannot be interrupted.

        Raises:
            EngineBroken: too many steps failed, one after the other.
        """
        began = time.perf_counter()
        outputs: list[Output] = []
        outputs.extend(JobLate(job.id) for job in self._scheduler.overdue(self._queue_timeout_s))
        self._lanes.remove_dropped()
        self._pause_lanes()
        decoding = len(self._lanes)
        readings = self._plan()
        outputs.extend(self._begun)
        self._begun.clear()
        self._compute(readings, outputs)
        for job_id in self._failures.among(outputs):
            self.cancel(job_id)  # what is left of it elsewhere
        prefilled = sum(reading.end - reading.start for reading in readings)
        self._pace.observe(time.perf_counter() - began, decoding, prefilled)
        self.progress += prefilled + len(outputs)
        return outputs

    def tidy(self) -> bool:
        return False

    def fits(self, choices: int) -> int:
        return self.cells // choices

    @property
    def idle(self) -> bool:
        return self._scheduler.idle and not self._lanes

    @property
    def fetching(self) -> bool:
        return False

    @property
    def load(self) -> tuple[int, int, int]:
        return len(self._lanes), self._scheduler.prefilling, self._scheduler.waiting

    @property
    def figures(self) -> MemoryFigures:
        return self._rows.figures

    def forget_prompts(self) -> Future[None]:
        self._rows.clear()
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def close(self, flush_s: float) -> None:
        """Nothing is on a disk."""

    def check_integrity(self) -> None:
        left = {
            **self._lanes.leftovers,
            "rows of prompts": len(self._row_of),
            "sequences": self._rows.in_use,
        }
        if any(left.values()):
            raise IntegrityError(", ".join(f"{n} {what}" for what, n in left.items() if n))

    # -- who is in the pass ----------------------------------------------------------------------

    def _begin(self, prefill: Prefill) -> int:
        """A job leaves the queue. How many of its tokens are in the cache already."""
        row = self._row_of[prefill.id] = self._rows.take()
        job = prefill.job
        text = None if job.score_prompt else job.text
        if text is not None and prefill.lane:
            text = text.extended(prefill.lane.generated)
        cached, why = self._rows.recall(text, row, prefill.total)
        if prefill.lane is None or job.resumed:
            self._begun.append(Begun(job.id, cached, why if job.explain else None))
        return cached

    def _plan(self) -> list[Reading]:
        lanes = self._lanes.all
        waiting = self._scheduler.waiting + self._scheduler.prefilling
        budget = self._pace.budget(len(lanes), waiting)
        chunks = self._scheduler.plan(lanes, self._used, budget)
        readings: list[Reading] = []
        # Rows for the other choices of what is under way are set aside.
        aside = self.max_lanes - len(lanes)
        while not readings or self._rows.available > aside:
            chunk = next(chunks, None)
            if chunk is None:
                break
            (prefill,) = chunk.prefills
            readings.append(Reading(prefill, prefill.done - chunk.length, prefill.done))
        return readings

    def _pause_lanes(self) -> None:
        """Lanes give way to what is more urgent, or when cells are short."""
        self._drop_rows(self._scheduler.reclaim(self._lanes.all, self._used))
        for lane, wanted in self._scheduler.victims(self._lanes.all, self._used):
            keep = wanted and self._rows.available > self.max_lanes + self._spare
            row = self._lanes.take_out(lane)
            prefill = self._scheduler.pause(lane, kept=keep)
            if keep:
                self._row_of[prefill.id] = row
            else:
                self._rows.ended(row, lane.job.text, held(lane))

    def _drop_rows(self, prefills: Iterable[Prefill]) -> None:
        for prefill in prefills:
            row = self._row_of.pop(prefill.id, None)
            if row is not None:
                self._rows.free(row)

    @property
    def _used(self) -> int:
        """Cells, as if none were shared."""
        return self._lanes.cells + sum(map(self._cache.length, self._row_of.values()))

    # -- the pass --------------------------------------------------------------------------------

    def _compute(self, readings: Sequence[Reading], outputs: list[Output]) -> None:
        plain = [reading for reading in readings if not reading.is_scored]
        jobs = [lane.job for lane in self._lanes.all] + [each.prefill.job for each in plain]
        if jobs:
            try:
                self._pass(plain, outputs)
            except Exception:  # noqa: BLE001  whatever is raised ends the jobs that were in it
                self._fail(jobs, outputs)
        for reading in readings:
            if reading.is_scored:
                try:
                    self._score(reading, outputs)
                except Exception:  # noqa: BLE001  as above
                    self._fail([reading.prefill.job], outputs)

    def _fail(self, jobs: Iterable[Job], outputs: list[Output]) -> None:
        """What these jobs hold is not to be used again."""
        log.error("a step failed\n%s", traceback.format_exc())
        for job_id, job in {job.id: job for job in jobs}.items():
            outputs.append(JobFailed(job_id))
            self._drop_rows(self._scheduler.cancel(job_id))
            self._lanes.poison(job_id)
            self._rows.forget(job.text)
            for key in [key for key in self._row_of if key[0] == job_id]:
                self._rows.free(self._row_of.pop(key))

    def _pass(self, readings: Sequence[Reading], outputs: list[Output]) -> None:
        pieces = self._lanes.pieces() if self._lanes else []
        logits = self._decode([*pieces, *map(self._piece, readings)])
        if pieces:
            lanes = self._lanes.all
            for tenant, count in Counter(lane.job.tenant for lane in lanes).items():
                self._scheduler.served(tenant, count)
            outputs.extend(self._lanes.draw(np.concatenate(logits[: len(lanes)])))
        for reading in readings:
            if reading.is_last:
                self._finish(reading.prefill, outputs)

    def _piece(self, reading: Reading) -> Piece:
        prefill = reading.prefill
        tokens = prefill.text[reading.start : reading.end]
        scored = len(tokens) if reading.is_scored else 0
        return Piece(self._row_of[prefill.id], reading.start, tokens, scored)

    def _decode(self, pieces: Sequence[Piece]) -> list[Logits]:
        """What is remembered makes room."""
        self._rows.make_room(self._used + sum(len(piece.tokens) for piece in pieces))
        try:
            return self._cache.decode(pieces)
        except CacheFull:
            if not self._rows.forget_all():
                raise
            return self._cache.decode(pieces)

    def _finish(self, prefill: Prefill, outputs: list[Output]) -> None:
        """A prompt is in the cache: its lanes decode from the next step on."""
        row = self._row_of.pop(prefill.id)
        job = prefill.job
        if job.max_tokens == 0:
            outputs.append(Ended(job.id))
            self._rows.ended(row, job.text, prefill.text)
            return
        self._rows.runs(row, job.text, prefill.text)
        if prefill.lane:
            self._lanes.resume(prefill.lane, row)
        elif job.resumed:
            # Each choice is at a place of its own, behind the prompt, which is remembered now.
            self._rows.ended(row, job.text, prefill.text)
            for index in job.open_choices:
                self._scheduler.resume(Lane(job, index), 0)
        else:
            self._lanes.begin(job, row)

    def _score(self, reading: Reading, outputs: list[Output]) -> None:
        """Take in a piece of a prompt, and tell the scores of the tokens that follow."""
        prefill = reading.prefill
        job = prefill.job
        if not prefill.scored:
            outputs.append(PromptScored(job.id, job.prompt[:1], (None,)))
            prefill.scored = 1
        for low in range(reading.start, reading.end, SCORING_TOKENS):
            part = Reading(prefill, low, min(low + SCORING_TOKENS, reading.end))
            (logits,) = self._decode([self._piece(part)])
            if following := job.prompt[prefill.scored : part.end + 1]:
                scores = scores_of(job, logits[-len(following) :], following)
                outputs.append(PromptScored(job.id, following, scores))
                prefill.scored = part.end + 1
        if reading.is_last:
            self._finish(prefill, outputs)


def _itself(tokens: int) -> int:
    return tokens
