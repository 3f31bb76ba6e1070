"""Lanes that decode in one forward pass."""

from collections.abc import Sequence
from dataclasses import dataclass

import mlx.core as mx
import numpy as np

from pippin.engine.arrays import Array, Arrays
from pippin.engine.buckets import Bucket
from pippin.engine.lane import Lane, Score
from pippin.engine.rows import CacheRows, Model
from pippin.engine.sampler import Sampler
from pippin.engine.scores import PendingScores


@dataclass(frozen=True, slots=True)
class Flight:
    """A decode step that was queued on the device and not yet read."""

    tokens: Array
    scores: PendingScores | None

    def read(self) -> list[tuple[int, Score | None]]:
        """Wait for the step. Token and score of every lane."""
        tokens: list[int] = self.tokens.tolist()
        scores = self.scores.read(len(tokens)) if self.scores else [None] * len(tokens)
        return list(zip(tokens, scores, strict=True))


class Batch:
    """Owned by the engine and used on its thread only.

    Invariant: row i of the cache belongs to ``lanes[i]`` and holds the lane's prompt and generated
    tokens but for the newest, which is the next input (while a step is in flight: but for the one
    that it computes). Lanes change only while no step is in flight.
    """

    def __init__(
        self, model: Model, vocab_size: int, arrays: Arrays, lanes: list[Lane], cache: CacheRows
    ) -> None:
        self._model = model
        self._vocab_size = vocab_size
        self._arrays = arrays
        self._cache = cache
        self._sampler: Sampler | None = None
        self._flight: Flight | None = None
        self.lanes = lanes

    @property
    def bucket(self) -> Bucket:
        return Bucket(len(self.lanes), max((lane.cached for lane in self.lanes), default=0))

    def join(self, lanes: Sequence[Lane], cache: CacheRows) -> None:
        """Add lanes with their prefilled rows."""
        self._cache.extend(cache)
        self.lanes.extend(lanes)
        self._sampler = None

    def absorb(self, other: "Batch") -> None:
        """Take over all lanes of a batch, which must not be used afterwards."""
        self.join(other.lanes, other._cache)

    def keep(self, rows: Sequence[int]) -> None:
        """Keep these lanes only: one at least."""
        if len(rows) < len(self.lanes):
            self._cache.take(rows)
            self.lanes = [self.lanes[row] for row in rows]
            self._sampler = None

    def launch(self) -> Flight | None:
        """Queue the next step of all lanes. What was in flight before has landed and is returned.

        On a device this returns at once; and nothing is queued when what is in flight are the
        lanes' last tokens. Where sampling is on the host the step is done when it
        returns; nothing is in flight then, and the step itself is returned.
        """
        if self._flight and all(lane.tokens_left <= 1 for lane in self.lanes):
            return self.settle()
        if self._sampler is None:
            self._sampler = Sampler(self.lanes, self._vocab_size, self._arrays)
        inputs = self._flight.tokens if self._flight else self._newest_tokens()
        logits = self._arrays.logits(self._forward(mx.array(inputs)))
        tokens = self._sampler(logits)
        scores = PendingScores.of(self.lanes, logits, tokens, self._arrays)
        launched = Flight(tokens, scores)
        if self._arrays.on_host:
            return launched
        mx.async_eval(tokens, *(scores.arrays if scores else ()))
        landed, self._flight = self._flight, launched
        return landed

    def settle(self) -> Flight | None:
        """What is still in flight; then nothing is."""
        landed, self._flight = self._flight, None
        return landed

    def _forward(self, inputs: mx.array) -> mx.array:
        return self._model(inputs[:, None], cache=self._cache.layers)[:, -1, :]

    def _newest_tokens(self) -> Array:
        return np.array([lane.newest_token for lane in self.lanes], dtype=np.int32)
