"""What changes logits before the temperature: penalties, bias, and no end of text too early."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pippin.engine.arrays import Array, Arrays
from pippin.engine.lane import Lane

NEVER = float("-inf")


class Penalties:
    """Repetition, frequency and presence penalties. Owned by a sampler.

    Shapes: B lanes, V tokens, W the widest window of recent tokens.
    """

    def __init__(self, lanes: Sequence[Lane], vocab_size: int, arrays: Arrays) -> None:
        params = [lane.job.sampling for lane in lanes]
        self._arrays = arrays
        self._repetition: Array | None = None
        self._counts: Array | None = None
        if any(p.repetition_penalty != 1.0 for p in params):
            strengths = [p.repetition_penalty for p in params]
            strengths = [
                s if lane.window else 1.0 for s, lane in zip(strengths, lanes, strict=True)
            ]
            self._repetition = arrays.of(strengths)[:, None]
            window, in_window = _windows(lanes)
            self._window, self._in_window = arrays.of(window), arrays.of(in_window)
        if any(p.frequency_penalty or p.presence_penalty for p in params):
            self._frequency = arrays.of([p.frequency_penalty for p in params])[:, None]
            self._presence = arrays.of([p.presence_penalty for p in params])[:, None]
            self._counts = arrays.of(_counts(lanes, vocab_size))
            self._rows = arrays.of(np.arange(len(lanes)))
            self._ones = arrays.of(np.ones(len(lanes), dtype=np.float32))

    def apply(self, logits: Array) -> Array:
        xp = self._arrays.xp
        if self._repetition is not None:
            # A column outside a lane's own window repeats its newest token: written twice, the
            # same value.
            ids = xp.where(self._in_window, self._window, self._window[:, -1:])
            seen = xp.take_along_axis(logits, ids, axis=-1)
            weaker = xp.where(seen > 0, seen / self._repetition, seen * self._repetition)
            logits = self._arrays.put(logits, ids, weaker)
        if self._counts is not None:
            logits = logits - self._frequency * self._counts
            logits = logits - self._presence * (self._counts > 0)
        return logits

    def note(self, tokens: Array) -> None:
        """Take in the tokens just chosen."""
        if self._repetition is not None:
            newest = tokens[:, None].astype(self._window.dtype)
            self._window = self._arrays.xp.concatenate([self._window[:, 1:], newest], axis=-1)
        if self._counts is not None:
            self._counts = self._arrays.add(self._counts, self._rows, tokens, self._ones)


class EarlyEos:
    """Forbids the end of text before ``min_tokens``, but for lanes whose guide does. Owned by a
    sampler."""

    def __init__(self, lanes: Sequence[Lane], arrays: Arrays) -> None:
        self._arrays = arrays
        self._left = [
            lane.job.min_tokens - len(lane.generated) if lane.job.eos and not lane.guide else 0
            for lane in lanes
        ]
        self._steps = max(self._left)
        self._eos = [sorted(lane.job.eos) for lane in lanes]

    def apply(self, logits: Array, step: int) -> Array:
        if step >= self._steps:
            return logits
        early = [row for row, left in enumerate(self._left) if left > step]
        rows = [row for row in early for _ in self._eos[row]]
        ids = [token for row in early for token in self._eos[row]]
        of = self._arrays.of
        return self._arrays.add(logits, of(rows), of(ids), of([NEVER] * len(ids)))


def bias_entries(lanes: Sequence[Lane], arrays: Arrays) -> tuple[Array, Array, Array] | None:
    """(rows, tokens, biases) of every logit bias in the batch, or ``None``."""
    entries = [
        (row, token, bias)
        for row, lane in enumerate(lanes)
        for token, bias in lane.job.sampling.logit_bias.items()
    ]
    if not entries:
        return None
    rows, tokens, biases = zip(*entries, strict=True)
    return arrays.of(list(rows)), arrays.of(list(tokens)), arrays.of([float(b) for b in biases])


def _windows(lanes: Sequence[Lane]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """The recent tokens of every lane, newest last, (B, W); and which columns are in the lane's
    own window. A history shorter than W is filled with its newest token."""
    sizes = np.array([max(1, lane.window) for lane in lanes])
    width = int(sizes.max())
    window = np.empty((len(lanes), width), dtype=np.int32)
    for row, lane in zip(window, lanes, strict=True):
        row[:] = lane.newest_token
        recent = lane.recent
        row[width - len(recent) :] = recent
    return window, np.arange(width)[None] >= width - sizes[:, None]


def _counts(lanes: Sequence[Lane], vocab_size: int) -> npt.NDArray[np.float32]:
    """How often each token was generated, (B, V)."""
    counts = np.zeros((len(lanes), vocab_size), dtype=np.float32)
    for row, lane in enumerate(lanes):
        np.add.at(counts[row], lane.generated, 1.0)
    return counts
