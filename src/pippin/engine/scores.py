"""Log-probabilities, computed only for the rows that ask."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pippin.engine.arrays import Array, Arrays
from pippin.engine.lane import Lane, Score


@dataclass(slots=True)
class PendingScores:
    """Scores that may still be queued on the device: R asking rows, K alternatives (the most that
    any row wants)."""

    rows: list[int]
    wanted: list[int]
    chosen: Array
    """(R,) log-probabilities of the chosen tokens."""
    top: tuple[Array, Array] | None
    """Unordered (R, K) token ids and log-probabilities."""

    @classmethod
    def of(
        cls, lanes: Sequence[Lane], logits: Array, tokens: Array, arrays: Arrays
    ) -> "PendingScores | None":
        """For the lanes that ask; ``None`` when no lane does. Logits (B, V), tokens (B,)."""
        rows = [row for row, lane in enumerate(lanes) if lane.job.logprobs is not None]
        if not rows:
            return None
        wanted = [lanes[row].job.logprobs or 0 for row in rows]
        if len(rows) < len(lanes):
            picked = arrays.of(rows)
            logits, tokens = logits[picked], tokens[picked]
        return cls.gather(rows, wanted, logits, tokens, arrays)

    @classmethod
    def gather(
        cls, rows: list[int], wanted: list[int], logits: Array, tokens: Array, arrays: Arrays
    ) -> "PendingScores":
        """Scores of ``tokens`` (R,) under ``logits`` (R, V)."""
        xp = arrays.xp
        shifted = logits - xp.max(logits, axis=-1, keepdims=True)
        logprobs = shifted - xp.log(xp.sum(xp.exp(shifted), axis=-1, keepdims=True))
        chosen = xp.take_along_axis(logprobs, tokens[:, None], axis=-1)[:, 0]
        most = min(max(wanted), logits.shape[-1])
        if most == 0:
            return cls(rows, wanted, chosen, None)
        ids = arrays.best(logprobs, most)
        return cls(rows, wanted, chosen, (ids, xp.take_along_axis(logprobs, ids, axis=-1)))

    @property
    def arrays(self) -> tuple[Array, ...]:
        return (self.chosen, *(self.top or ()))

    def read(self, count: int) -> list[Score | None]:
        """One entry per lane of a batch of ``count``."""
        scores: list[Score | None] = [None] * count
        for row, score in zip(self.rows, self.read_rows(), strict=True):
            scores[row] = score
        return scores

    def read_rows(self) -> list[Score]:
        """One entry per asking row. Equal log-probabilities are ordered by token id."""
        chosen = self.chosen.tolist()
        if self.top is None:
            return [Score(logprob) for logprob in chosen]
        ids, logprobs = (np.array(array) for array in self.top)
        scores = []
        for row, (logprob, want) in enumerate(zip(chosen, self.wanted, strict=True)):
            order = np.lexsort((ids[row], -logprobs[row]))[:want]
            best = tuple((int(ids[row][i]), float(logprobs[row][i])) for i in order)
            scores.append(Score(logprob, best))
        return scores
