"""Prompts → cache rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import mlx.core as mx
import numpy as np

from pippin.engine.arrays import Arrays
from pippin.engine.forward import Forward
from pippin.engine.lane import Job, PromptScored, Score
from pippin.engine.rows import CacheRows, Make, cannot_be_cut
from pippin.engine.scheduling.work import Chunk, Prefill
from pippin.engine.scores import PendingScores

AT_ONCE = 32
"""A prompt of which no more is left goes through one pass with its newest token, and the first
token of the answer comes with it. Longer ones would need logits of too many tokens for that."""
SCORING_TOKENS = 64
"""Prompt tokens whose logits are held at once while a prompt is scored."""

PrefillId = tuple[int, int | None]
OnStop = Callable[[Prefill, int, CacheRows], None]
"""Called with a prefill, how many of its tokens are in the cache, and its row."""


@dataclass(slots=True)
class ChunkResult:
    finished: CacheRows | None
    """One row per prefill of the chunk, if their texts are all in the cache."""
    logits: mx.array | None = None
    """Of the token that follows the prompt, (1, vocabulary). Then the newest token of the prompt
    is in the cache, too."""
    scored: list[PromptScored] = field(default_factory=list)


@dataclass(slots=True)
class _Unfinished:
    rows: CacheRows
    stops: tuple[int, ...] = ()


class Prefiller:
    """Runs chunks and keeps the rows of unfinished prefills. Owned by the engine."""

    def __init__(
        self, forward: Forward, make: Make, arrays: Arrays, *, on_stop: OnStop, at_once: bool
    ) -> None:
        """``at_once``: whether a short rest of a prompt may go through one pass with its newest
        token. Not where a state must be kept before that token."""
        self._forward = forward
        self._make = make
        self._arrays = arrays
        self._on_stop = on_stop
        self._at_once = at_once
        self._has_states = cannot_be_cut(make)
        """Then a text's first token is never taken in beside others: where rows are merged not
        every model knows that a state is none."""
        self._unfinished: dict[PrefillId, _Unfinished] = {}

    def hold(self, id: PrefillId, rows: CacheRows | None, stops: tuple[int, ...] = ()) -> None:
        """Begin with this row, or an empty one, and call ``on_stop`` at these lengths."""
        if rows is not None or stops:
            self._unfinished[id] = _Unfinished(rows or CacheRows.empty(self._make), stops)

    def run(self, chunk: Chunk) -> ChunkResult:
        """Queue one chunk on the device; its prefills already count it as done."""
        if len(chunk.prefills) > 1:
            return ChunkResult(self._run_together(chunk))
        return self._run_piece(chunk.prefills[0], chunk.length)

    def forget(self, id: PrefillId) -> None:
        self._unfinished.pop(id, None)

    @property
    def nbytes(self) -> int:
        return sum(each.rows.nbytes for each in self._unfinished.values())

    def __len__(self) -> int:
        return len(self._unfinished)

    def _run_together(self, chunk: Chunk) -> CacheRows:
        texts = [prefill.text for prefill in chunk.prefills]
        padding = [chunk.length - len(text) for text in texts]
        rows = CacheRows.empty(self._make, padding)
        padded = [(0,) * pad + text for pad, text in zip(padding, texts, strict=True)]
        self._logits(padded, rows, [prefill.job for prefill in chunk.prefills])
        self._arrays.queue(rows.arrays)
        return rows

    def _run_piece(self, prefill: Prefill, length: int) -> ChunkResult:
        held = self._unfinished.pop(prefill.id, None) or _Unfinished(CacheRows.empty(self._make))
        start = prefill.done - length
        with held.rows.room_for(prefill.total - start + 1):
            result = self._take_in(prefill, start, held)
        if prefill.remaining:
            self._unfinished[prefill.id] = held
        else:
            result.finished = held.rows
        return result

    def _take_in(self, prefill: Prefill, start: int, held: _Unfinished) -> ChunkResult:
        job, length = prefill.job, prefill.done - start
        result = ChunkResult(None)
        if job.score_prompt and not prefill.lane:
            result.scored = self._score(prefill, start, held.rows)
        elif _ends_a_prompt(prefill) and self._goes_at_once(prefill, length):
            rest = [*prefill.text[start:], job.prompt[-1]]
            result.logits = self._logits([rest], held.rows, [job])[:, -1, :]
            self._arrays.queue([result.logits, held.rows.arrays])
        elif length:
            self._run_text(prefill, start, held)
        return result

    def _goes_at_once(self, prefill: Prefill, length: int) -> bool:
        """Whether the last ``length`` tokens of a prompt take its newest token along."""
        if not prefill.total:
            return self._has_states
        return self._at_once and 0 < length <= AT_ONCE

    def _run_text(self, prefill: Prefill, start: int, held: _Unfinished) -> None:
        within = [stop for stop in held.stops if start < stop <= prefill.done]
        for end in sorted({*within, prefill.done}):
            self._logits([prefill.text[start:end]], held.rows, [prefill.job])
            self._arrays.queue(held.rows.arrays)
            if end in within:
                self._on_stop(prefill, end, held.rows)
            start = end

    def _logits(
        self, tokens: Sequence[Sequence[int]], rows: CacheRows, jobs: Sequence[Job]
    ) -> mx.array:
        """``jobs``: whose each row is."""
        inputs = mx.array(np.array(tokens, dtype=np.int32))
        adapters = [job.adapter for job in jobs]
        return self._forward(inputs, cache=rows.layers, adapters=adapters)

    def _score(self, prefill: Prefill, start: int, rows: CacheRows) -> list[PromptScored]:
        """Prefill a run of tokens and score the tokens that follow each of them, but for those
        that were scored before the prefill had to begin anew."""
        job, scored = prefill.job, []
        if not prefill.scored:
            scored.append(PromptScored(job.id, job.prompt[:1], (None,)))
            prefill.scored = 1
        for low in range(start, prefill.done, SCORING_TOKENS):
            high = min(low + SCORING_TOKENS, prefill.done)
            logits = self._logits([job.prompt[low:high]], rows, [job])[0]
            self._arrays.queue(rows.arrays)
            if following := job.prompt[prefill.scored : high + 1]:
                scores = self._scores(job, logits[-len(following) :], following)
                scored.append(PromptScored(job.id, following, scores))
                prefill.scored = high + 1
        return scored

    def _scores(self, job: Job, logits: mx.array, tokens: Sequence[int]) -> tuple[Score, ...]:
        rows = list(range(len(tokens)))
        wanted = [job.logprobs or 0] * len(tokens)
        chosen = self._arrays.of(np.array(tokens, dtype=np.int32))
        here = self._arrays.logits(logits)
        return tuple(PendingScores.gather(rows, wanted, here, chosen, self._arrays).read_rows())


def _ends_a_prompt(prefill: Prefill) -> bool:
    """Whether the lanes of a fresh job come next."""
    return not prefill.remaining and prefill.lane is None and prefill.choices > 0
