"""Mirostat: how many tokens are kept follows how surprising the text has been.

Basu, Ramachandran, Keskar and Varshney, "Mirostat: a neural text decoding algorithm that directly
controls perplexity", 2021. Both versions as llama.cpp has them: after the temperature, and with the
surprise of a token measured among those that were kept.
"""

from collections.abc import MutableMapping, Sequence

import numpy as np
import numpy.typing as npt

from pippin.core.sampling import Sampling
from pippin.engine.arrays import Array, NumpyArrays
from pippin.engine.lane import Lane
from pippin.engine.noise import uniforms
from pippin.engine.sampler import Sampler

LaneId = tuple[int, int]
MOST_LIKELY = 100
"""Tokens from which version 1 estimates how fast probabilities fall."""

Probabilities = npt.NDArray[np.float64]


class MirostatSampler(Sampler):
    """Some of its lanes ask for Mirostat; the others are sampled as ever."""

    def __init__(
        self,
        lanes: Sequence[Lane],
        vocab_size: int,
        arrays: NumpyArrays,
        allowed: MutableMapping[LaneId, float],
    ) -> None:
        """``allowed``: of each lane, the most surprise that its next token may have, in bits; kept
        by the engine for as long as the lane lives."""
        super().__init__(lanes, vocab_size, arrays)
        self._allowed = allowed
        self._wanting = [
            (row, lane.id, lane.job.sampling)
            for row, lane in enumerate(lanes)
            if lane.job.sampling.mirostat_mode and not lane.job.sampling.greedy
        ]

    def _choose(self, logits: Array) -> Array:
        tokens = super()._choose(logits)
        if not self._wanting:
            return tokens
        chosen = np.array(tokens)
        draws = uniforms(self._keys, self._positions + np.uint64(self._steps))
        for row, lane, sampling in self._wanting:
            allowed = self._allowed.get(lane, 2 * sampling.mirostat_tau)
            token, surprise = _drawn(logits[row], sampling, allowed, float(draws[row]))
            error = surprise - sampling.mirostat_tau
            self._allowed[lane] = allowed - sampling.mirostat_eta * error
            chosen[row] = token
        return chosen


def _drawn(
    logits: npt.NDArray[np.float32], sampling: Sampling, allowed: float, draw: float
) -> tuple[int, float]:
    """A token, and its surprise in bits."""
    scaled = logits.astype(np.float64) / sampling.temperature
    order = np.argsort(-scaled, kind="stable")
    weights = np.exp(scaled[order] - scaled[order[0]])
    probabilities = weights / weights.sum()
    if sampling.mirostat_mode == 1:
        kept = _first_version(probabilities, allowed)
    else:
        kept = int(np.count_nonzero(probabilities >= 2.0**-allowed))
    among = probabilities[: max(1, kept)]
    cumulative = np.cumsum(among)
    place = int(np.argmax((cumulative > draw * cumulative[-1]) & (among > 0)))
    return int(order[place]), float(-np.log2(among[place] / cumulative[-1]))


def _first_version(probabilities: Probabilities, allowed: float) -> int:
    """How many tokens to keep, for a text whose words are as frequent as Zipf has it."""
    best = probabilities[probabilities > 0][:MOST_LIKELY]
    if len(best) < 2:
        return 1
    ranks = np.arange(1, len(best))
    steps = np.log((ranks + 1) / ranks)
    exponent = float((steps * np.log(best[:-1] / best[1:])).sum() / (steps**2).sum())
    excess = exponent - 1.0
    if exponent <= 0 or excess == 0:
        return len(probabilities)
    size = float(len(probabilities))
    # An allowance has no bound: numpy makes infinity of what Python raises an exception for.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        share = excess * np.exp2(allowed) / (1.0 - np.power(size, -excess))
        kept = np.power(share, 1 / exponent)
    return int(kept) if np.isfinite(kept) and kept < size else len(probabilities)
