"""Lanes that decode in one forward pass."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import mlx.core as mx
import numpy as np

from pippin.engine.arrays import Array, Arrays
from pippin.engine.buckets import Bucket
from pippin.engine.constraints.masks import MaskFiller, Masks
from pippin.engine.forward import Forward
from pippin.engine.lane import Lane, Score
from pippin.engine.rows import CacheRows
from pippin.engine.sampler import Sampler
from pippin.engine.scores import PendingScores

LONGEST_LEAP = 64
"""Tokens that a pass takes in beside the newest: others wait for it."""


@dataclass(frozen=True, slots=True)
class Flight:
    """A decode step that was queued on the device and not yet read."""

    tokens: Array
    logits: Array
    """Of the tokens, as the model gave them."""
    scores: PendingScores | None
    leapt: tuple[int, ...] = ()
    """Tokens of the only lane that were certain before this one; the lane has them already."""

    @property
    def arrays(self) -> list[Array]:
        """All that ``read`` waits for."""
        return [self.tokens, self.logits, *(self.scores.arrays if self.scores else ())]

    def read(self) -> list[tuple[int | None, Score | None]]:
        """Wait for the step. Token and score of every lane; no token where the model gave no
        number: what it would go on with is noise."""
        drawn: list[int] = self.tokens.tolist()
        logits: list[float] = self.logits.tolist()
        scores = self.scores.read(len(drawn)) if self.scores else [None] * len(drawn)
        tokens = [t if isfinite(x) else None for t, x in zip(drawn, logits, strict=True)]
        return list(zip(tokens, scores, strict=True))


class Batch:
    """Owned by the engine and used on its thread only.

    Invariant: row i of the cache belongs to ``lanes[i]`` and holds the lane's prompt and generated
    tokens but for the newest, which is the next input (while a step is in flight: but for the one
    that it computes). Lanes change only while no step is in flight.
    """

    def __init__(
        self,
        forward: Forward,
        vocab_size: int,
        arrays: Arrays,
        filler: MaskFiller,
        *,
        lanes: list[Lane],
        cache: CacheRows,
    ) -> None:
        self._forward = forward
        self._vocab_size = vocab_size
        self._arrays = arrays
        self._filler = filler
        self.cache = cache
        self._sampler: Sampler | None = None
        self._masks: Masks | None = None
        self._flight: Flight | None = None
        self.lanes = lanes

    @property
    def bucket(self) -> Bucket:
        return Bucket(tuple(sorted(lane.cached for lane in self.lanes)))

    @property
    def nbytes(self) -> int:
        """Of the cache, padding and room to grow counted."""
        return self.cache.nbytes

    @property
    def in_flight(self) -> bool:
        """Whether a step was queued whose tokens have not been read."""
        return self._flight is not None

    def extract(self, row: int) -> CacheRows:
        """A copy of one lane's row. Nothing may be in flight."""
        return self.cache.extract(row)

    def join(self, lanes: Sequence[Lane], cache: CacheRows) -> None:
        """Add lanes with their prefilled rows."""
        self.cache.extend(cache)
        self.lanes.extend(lanes)
        self._sampler = self._masks = None

    def absorb(self, other: "Batch") -> None:
        """Take over all lanes of a batch, which must not be used afterwards."""
        self.join(other.lanes, other.cache)

    def keep(self, rows: Sequence[int]) -> None:
        """Keep these lanes only: one at least."""
        if len(rows) < len(self.lanes):
            self.cache.take(rows)
            self.lanes = [self.lanes[row] for row in rows]
            self._sampler = self._masks = None

    def launch(self) -> Flight | None:
        """Queue the next step of all lanes. What was in flight before has landed and is returned.

        On a device this returns at once; and nothing is queued when what is in flight are the
        lanes' last tokens. Where sampling is on the host the step is done when it
        returns; nothing is in flight then, and the step itself is returned.
        """
        if self._flight and (self._ends or self._leaps_after(self._flight)):
            return self.settle()
        launched = self._behind(self._flight) if self._flight else self._next()
        if self._arrays.on_host:
            return launched
        mx.async_eval(launched.arrays)
        landed, self._flight = self._flight, launched
        return landed

    def draw(self, logits: mx.array, leapt: Sequence[int] = ()) -> Flight:
        """The lanes' next tokens, given the model's logits (lanes, vocabulary) for them."""
        if self._sampler is None:
            self._sampler = Sampler(self.lanes, self._vocab_size, self._arrays)
        here = self._arrays.logits(logits)
        tokens = self._sampler(here, self._limits.take())
        chosen = self._arrays.xp.take_along_axis(here, tokens[:, None], axis=-1)[:, 0]
        scores = PendingScores.of(self.lanes, here, tokens, self._arrays)
        return Flight(tokens, chosen, scores, tuple(leapt))

    def settle(self) -> Flight | None:
        """What is still in flight; then nothing is."""
        landed, self._flight = self._flight, None
        return landed

    def _next(self) -> Flight:
        """The step after all that the lanes have."""
        newest = self._newest_tokens()[:, None]
        leapt = self._leap()
        self._limits.begin()
        inputs = np.hstack([newest, np.array(leapt, dtype=np.int32)[None]]) if leapt else newest
        return self.draw(self._logits(mx.array(inputs)), leapt)

    def _behind(self, flight: Flight) -> Flight:
        """The step after one that is in flight: the model computes it while the tokens of that
        one are read, where guides must know them."""
        logits = self._logits(mx.array(flight.tokens)[:, None])
        if self._limits:
            mx.async_eval(logits)
            self._tell_guides(flight)
        return self.draw(logits)

    def _tell_guides(self, flight: Flight) -> None:
        for lane, token in zip(self.lanes, flight.tokens.tolist(), strict=True):
            if lane.guide:
                lane.guide.accept(len(lane.generated), token)

    @property
    def _ends(self) -> bool:
        """Whether a step that is in flight is the last one of all lanes."""
        return all(lane.tokens_left <= 1 for lane in self.lanes)

    def _leaps_after(self, flight: Flight) -> bool:
        """Whether there will be tokens to leap over once this step has landed."""
        if not self._may_leap:
            return False
        self._tell_guides(flight)
        (lane,) = self.lanes
        return lane.guide is not None and bool(lane.guide.sure())

    @property
    def _may_leap(self) -> bool:
        """A lane that is alone may; beside others it would make them compute for nothing."""
        (lane, *others) = self.lanes
        return not others and lane.guide is not None and lane.job.logprobs is None

    def _leap(self) -> list[int]:
        """Let a lane take tokens that are certain: they go in with the pass that would have found
        the first of them."""
        (lane, *_) = self.lanes
        if not self._may_leap or lane.guide is None:
            return []
        sure = lane.guide.sure()[: min(LONGEST_LEAP, lane.tokens_left - 1)]
        for token in sure:
            lane.accept(token)
        if sure:
            self._sampler = None  # it counts the tokens of its lanes
        return sure

    @property
    def _limits(self) -> Masks:
        if self._masks is None:
            self._masks = Masks(self.lanes, self._vocab_size, self._arrays, self._filler)
        return self._masks

    def _logits(self, inputs: mx.array) -> mx.array:
        adapters = [lane.job.adapter for lane in self.lanes]
        return self._forward(inputs, cache=self.cache.layers, adapters=adapters)[:, -1, :]

    def _newest_tokens(self) -> Array:
        return np.array([lane.newest_token for lane in self.lanes], dtype=np.int32)
