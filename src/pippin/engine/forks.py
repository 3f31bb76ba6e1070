"""Choices of one prompt that another engine had begun, each at a place of its own."""

from dataclasses import dataclass

import mlx.core as mx

from pippin.engine.lane import Job, Lane
from pippin.engine.rows import CacheRows


@dataclass(frozen=True, slots=True)
class Forks:
    """The lanes of a job, and rows of its prompt for each."""

    held: int
    """Tokens in each row."""
    behind: list[tuple[Lane, CacheRows | None]]
    """Lanes that have said something, which is to be taken in behind the prompt. Without a row if
    it would be empty."""
    fresh: list[Lane]
    rows: CacheRows
    """Of the fresh lanes, if there are any."""
    logits: mx.array | None
    """Of the fresh lanes' first tokens, if they were computed with the prompt."""


def fork(job: Job, rows: CacheRows, logits: mx.array | None) -> Forks:
    """``rows``: the prompt's one, which must not be used afterwards. ``logits``: those of the token
    behind the prompt, which is then in the row to its end, and otherwise but for its newest
    token."""
    lanes = [Lane(job, index) for index in job.open_choices]
    begun = [lane for lane in lanes if lane.generated]
    fresh = [lane for lane in lanes if not lane.generated]
    held = len(job.prompt) - (logits is None)
    if not held:
        behind: list[tuple[Lane, CacheRows | None]] = [(lane, None) for lane in begun]
        rows.take([0] * len(fresh))
        return Forks(held, behind, fresh, rows, None)
    rows.take([0] * len(lanes))
    behind = [(lane, rows.extract(row)) for row, lane in enumerate(begun)]
    if fresh:
        rows.take(range(len(begun), len(lanes)))
        logits = None if logits is None else logits[mx.array([0] * len(fresh))]
    return Forks(held, behind, fresh, rows, logits)
