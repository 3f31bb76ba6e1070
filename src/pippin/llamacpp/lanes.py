"""All lanes that decode, with their sequences: they share every pass."""

import logging
from collections.abc import Sequence
from math import isfinite

import numpy as np

from pippin.engine.arrays import NumpyArrays
from pippin.engine.constraints.masks import MaskFiller, Masks
from pippin.engine.lane import Job, JobFailed, Lane, Output, Score, Token
from pippin.engine.scores import PendingScores
from pippin.llamacpp.mirostat import MirostatSampler
from pippin.llamacpp.native import Logits, Piece
from pippin.llamacpp.rows import Rows

log = logging.getLogger(__name__)

LaneId = tuple[int, int]


class Lanes:
    """Owned by the engine, on its thread. A lane that ends or is dropped leaves before the next
    pass."""

    def __init__(self, rows: Rows, vocab_size: int) -> None:
        self._rows = rows
        self._vocab_size = vocab_size
        self._arrays = NumpyArrays()
        self._filler = MaskFiller()
        self._lanes: list[Lane] = []
        self._row_of: dict[LaneId, int] = {}
        self._dropped: set[LaneId] = set()
        self._surprise: dict[LaneId, float] = {}
        self._sampler: MirostatSampler | None = None
        self._masks: Masks | None = None

    def __len__(self) -> int:
        return len(self._lanes)

    @property
    def all(self) -> list[Lane]:
        return list(self._lanes)

    @property
    def cells(self) -> int:
        """That they hold, as if none were shared."""
        return sum(lane.cached for lane in self._lanes)

    @property
    def leftovers(self) -> dict[str, int]:
        """What should be nothing when nothing decodes."""
        return {"rows of lanes": len(self._row_of), "levels of surprise": len(self._surprise)}

    def begin(self, job: Job, row: int) -> None:
        """A job's prompt is in this row: its choices decode from the next pass on."""
        for index in range(job.choices):
            self.resume(Lane(job, index), self._rows.fork(row) if index else row)

    def resume(self, lane: Lane, row: int) -> None:
        """A lane goes on from the next pass on."""
        self._row_of[lane.id] = row
        self._lanes = [*self._lanes, lane]
        self._changed()

    def take_out(self, lane: Lane) -> int:
        """The row of a lane that pauses."""
        self._lanes = [each for each in self._lanes if each is not lane]
        self._changed()
        return self._row_of.pop(lane.id)

    def drop(self, job_id: int, index: int | None = None) -> None:
        """A job's lanes, or one of them, decode no more."""
        for lane in self._lanes:
            if lane.job.id == job_id and index in (None, lane.index):
                self._dropped.add(lane.id)

    def forget_level(self, job_id: int, index: int | None = None) -> None:
        """Of lanes that will not go on, here or after a pause."""
        for key in list(self._surprise):
            if key[0] == job_id and index in (None, key[1]):
                del self._surprise[key]

    def remove_dropped(self) -> None:
        if not self._dropped:
            return
        for lane in self._lanes:
            if lane.id in self._dropped:
                self._surprise.pop(lane.id, None)
                self._rows.ended(self._row_of.pop(lane.id), lane.job.text, held(lane))
        self._lanes = [lane for lane in self._lanes if lane.id not in self._dropped]
        self._dropped.clear()
        self._changed()

    def poison(self, job_id: int) -> None:
        """Let a job's lanes go at once; nothing of them is remembered."""
        for lane in [lane for lane in self._lanes if lane.job.id == job_id]:
            self._rows.free(self.take_out(lane))
            self._surprise.pop(lane.id, None)
            self._dropped.discard(lane.id)

    # -- a pass ----------------------------------------------------------------------------------

    def pieces(self) -> list[Piece]:
        """The newest token of each. What they may say next is found out meanwhile."""
        if self._masks is None:
            self._masks = Masks(self._lanes, self._vocab_size, self._arrays, self._filler)
        self._masks.begin()
        return [
            Piece(self._row_of[lane.id], lane.cached, (lane.newest_token,), 1)
            for lane in self._lanes
        ]

    def draw(self, logits: Logits) -> list[Output]:
        """The next token of each, given the logits (lanes, vocabulary) of their pieces."""
        lanes = self.all
        if self._sampler is None:
            self._sampler = MirostatSampler(lanes, self._vocab_size, self._arrays, self._surprise)
        limits = self._masks.take() if self._masks else None
        tokens = self._sampler(logits, limits)
        chosen = np.take_along_axis(logits, tokens[:, None], axis=-1)[:, 0]
        pending = PendingScores.of(lanes, logits, tokens, self._arrays)
        scores = pending.read(len(lanes)) if pending else [None] * len(lanes)
        outputs: list[Output] = []
        for lane, token, number, score in zip(
            lanes, tokens.tolist(), chosen.tolist(), scores, strict=True
        ):
            # Another choice of its job may have failed.
            if lane.id in self._row_of and lane.id not in self._dropped:
                outputs.append(self._taken(lane, token if isfinite(number) else None, score))
        return outputs

    def _taken(self, lane: Lane, token: int | None, score: Score | None) -> Output:
        """``None``: the model gave no number for it."""
        job = lane.job
        if token is None:
            log.error("the model gave no finite numbers for job %d", job.id)
            self.poison(job.id)
            self._rows.forget(job.text)
            return JobFailed(job.id)
        if lane.guide and lane.guide.broken:
            log.warning("the constraint of job %d became too complex", job.id)
            self.drop(job.id)
            return JobFailed(job.id, too_complex=True)
        end = lane.accept(token)
        if end:
            self._dropped.add(lane.id)
        return Token(job.id, lane.index, token, end, score)

    def _changed(self) -> None:
        self._sampler = self._masks = None


def held(lane: Lane) -> Sequence[int]:
    """The tokens of a lane that are in its row."""
    return (*lane.job.prompt, *lane.generated)[:-1]
