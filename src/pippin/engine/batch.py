"""The lanes that decode together."""

from collections.abc import Sequence
from dataclasses import dataclass

import mlx.core as mx
import numpy as np

from pippin.engine.arrays import Array, Arrays
from pippin.engine.lane import Lane, Score
from pippin.engine.rows import CacheRows, Model
from pippin.engine.sampler import Sampler
from pippin.engine.scores import PendingScores


@dataclass(slots=True)
class Flight:
    """A decode step that was queued on the device and not yet read."""

    tokens: Array
    scores: PendingScores | None

    def read(self) -> tuple[list[int], list[Score | None]]:
        """Wait for the step. Tokens and scores, one per lane."""
        tokens: list[int] = self.tokens.tolist()
        if self.scores is None:
            return tokens, [None] * len(tokens)
        return tokens, self.scores.read(len(tokens))


class Batch:
    """Owned by the engine and used on its thread only.

    Invariant: row i of the cache belongs to ``lanes[i]`` and holds the lane's prompt and generated
    tokens but for the newest, which is the next input (while a step is in flight: but for the one
    that it computes).
    """

    def __init__(self, model: Model, vocab_size: int, arrays: Arrays) -> None:
        self._model = model
        self._vocab_size = vocab_size
        self._arrays = arrays
        self._cache: CacheRows | None = None
        self._sampler: Sampler | None = None
        self.lanes: list[Lane] = []

    def join(self, lanes: Sequence[Lane], cache: CacheRows) -> None:
        """Add lanes with their prefilled rows. No step may be in flight."""
        if self._cache is None:
            self._cache = cache
        else:
            self._cache.extend(cache)
        self.lanes.extend(lanes)
        self._sampler = None

    def keep(self, rows: Sequence[int]) -> None:
        """Keep these lanes only. No step may be in flight."""
        self.lanes = [self.lanes[row] for row in rows]
        self._sampler = None
        if not rows:
            self._cache = None
        elif self._cache is not None:
            self._cache.take(rows)

    def launch(self, previous: Flight | None) -> Flight:
        """Queue the next step of all lanes. On a device this returns at once; where sampling is
        on the host the step is done when it returns.

        ``previous`` is the step in flight, whose tokens are this step's input; without one the
        lanes' newest tokens are.
        """
        if self._sampler is None:
            self._sampler = Sampler(self.lanes, self._vocab_size, self._arrays)
        inputs = previous.tokens if previous else self._newest_tokens()
        logits = self._arrays.logits(self._forward(inputs))
        tokens = self._sampler(logits)
        scores = PendingScores.of(self.lanes, logits, tokens, self._arrays)
        if not self._arrays.on_host:
            mx.async_eval(tokens, *(scores.arrays if scores else ()))
        return Flight(tokens, scores)

    @property
    def nbytes(self) -> int:
        return self._cache.nbytes if self._cache else 0

    def _forward(self, inputs: mx.array) -> mx.array:
        layers = self._cache.layers if self._cache else []
        return self._model(inputs[:, None], cache=layers)[:, -1, :]

    def _newest_tokens(self) -> mx.array:
        return mx.array(np.array([lane.newest_token for lane in self.lanes], dtype=np.int32))
