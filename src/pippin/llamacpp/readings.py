"""Pieces of prompts, and the scores of their tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pippin.engine.arrays import NumpyArrays
from pippin.engine.lane import Job, Score
from pippin.engine.scheduling.work import Prefill
from pippin.engine.scores import PendingScores
from pippin.llamacpp.native import Logits

SCORING_TOKENS = 64
"""Of a prompt whose tokens are scored, in one pass: each has a row of logits."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A piece of a prompt that this step takes in."""

    prefill: Prefill
    start: int
    end: int

    @property
    def is_last(self) -> bool:
        return self.end == self.prefill.total

    @property
    def is_scored(self) -> bool:
        return self.prefill.job.score_prompt and self.prefill.lane is None


def scores_of(job: Job, logits: Logits, tokens: Sequence[int]) -> tuple[Score, ...]:
    """Of tokens, given the logits (tokens, vocabulary) of their places."""
    rows, wanted = list(range(len(tokens))), [job.logprobs or 0] * len(tokens)
    chosen = np.array(tokens, np.int32)
    pending = PendingScores.gather(rows, wanted, logits, chosen, NumpyArrays())
    return tuple(pending.read_rows())
