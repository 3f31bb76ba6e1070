"""Prompts → cache rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import mlx.core as mx
import numpy as np

from pippin.engine.arrays import Arrays
from pippin.engine.lane import Job, PromptScored, Score
from pippin.engine.rows import CacheRows, Model
from pippin.engine.scheduler import Chunk, Prefill
from pippin.engine.scores import PendingScores

SCORING_TOKENS = 64
"""Prompt tokens whose logits are held at once while a prompt is scored."""


@dataclass(slots=True)
class ChunkResult:
    finished: CacheRows | None
    """One row per prefill of the chunk, if their prompts are all in the cache."""
    scored: list[PromptScored] = field(default_factory=list)


class Prefiller:
    """Runs chunks and keeps the rows of unfinished prompts. Owned by the engine."""

    def __init__(self, model: Model, arrays: Arrays) -> None:
        self._model = model
        self._arrays = arrays
        self._unfinished: dict[int, CacheRows] = {}

    def run(self, chunk: Chunk) -> ChunkResult:
        """Queue one chunk on the device; its prefills already count it as done."""
        if len(chunk.prefills) > 1:
            return ChunkResult(self._run_together([p.job for p in chunk.prefills], chunk.length))
        return self._run_piece(chunk.prefills[0], chunk.length)

    def forget(self, job_id: int) -> None:
        self._unfinished.pop(job_id, None)

    def __len__(self) -> int:
        return len(self._unfinished)

    def _run_together(self, jobs: Sequence[Job], length: int) -> CacheRows:
        prompts = [job.prompt[:-1] for job in jobs]
        padding = [length - len(prompt) for prompt in prompts]
        rows = CacheRows.empty(self._model, padding)
        padded = [(0,) * pad + prompt for pad, prompt in zip(padding, prompts, strict=True)]
        self._forward(padded, rows)
        rows.queue()
        return rows

    def _run_piece(self, prefill: Prefill, length: int) -> ChunkResult:
        job = prefill.job
        rows = self._unfinished.pop(job.id, None) or CacheRows.empty(self._model)
        start = prefill.done - length
        result = ChunkResult(None)
        if job.score_prompt:
            result.scored = self._score(job, start, prefill.done, rows)
        elif length:
            self._forward([job.prompt[start : prefill.done]], rows)
            rows.queue()
        if prefill.remaining:
            self._unfinished[job.id] = rows
        else:
            result.finished = rows
        return result

    def _forward(self, tokens: Sequence[Sequence[int]], rows: CacheRows) -> mx.array:
        inputs = mx.array(np.array(tokens, dtype=np.int32))
        return self._model(inputs, cache=rows.layers)

    def _score(self, job: Job, start: int, end: int, rows: CacheRows) -> list[PromptScored]:
        """Prefill a run of tokens and score the tokens that follow each of them."""
        scored = []
        if start == 0:
            scored.append(PromptScored(job.id, job.prompt[:1], (None,)))
        for low in range(start, end, SCORING_TOKENS):
            high = min(low + SCORING_TOKENS, end)
            logits = self._forward([job.prompt[low:high]], rows)[0]
            following = job.prompt[low + 1 : high + 1]
            scored.append(PromptScored(job.id, following, self._scores(job, logits, following)))
        return scored

    def _scores(self, job: Job, logits: mx.array, tokens: Sequence[int]) -> tuple[Score, ...]:
        rows = list(range(len(tokens)))
        wanted = [job.logprobs or 0] * len(tokens)
        chosen = self._arrays.of(np.array(tokens, dtype=np.int32))
        here = self._arrays.logits(logits)
        return tuple(PendingScores.gather(rows, wanted, here, chosen, self._arrays).read_rows())
