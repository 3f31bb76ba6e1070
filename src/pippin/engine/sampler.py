"""Logits → tokens for the whole batch at once.

Every parameter is an array over lanes. A step that no lane asks for is not computed; a lane that
does not ask for it, beside one that does, gets the parameter's neutral value, which leaves its
logits exactly as they were. So a lane's token depends on its own logits and parameters only.
"""

from collections.abc import Sequence

import numpy as np

from pippin.engine.arrays import Array, Arrays
from pippin.engine.lane import Lane
from pippin.engine.noise import Keys, uniforms
from pippin.engine.penalties import EarlyEos, Penalties, bias_entries

ALL = 2.0
"""A mass that no rounding of a cumulative sum reaches: keeps every token."""


class Sampler:
    """The parameters of a fixed sequence of lanes, as arrays. Owned by one batch, which makes a
    new one whenever its lanes change; then every lane's generated tokens are known on the host.

    Shapes: B lanes, V tokens. ``logits`` are float32 (B, V).
    """

    def __init__(self, lanes: Sequence[Lane], vocab_size: int, arrays: Arrays) -> None:
        params = [lane.job.sampling for lane in lanes]
        self._arrays = arrays
        self._xp = arrays.xp
        self._keys: Keys = np.array([lane.key for lane in lanes], dtype=np.uint64)
        self._positions = np.array([len(lane.generated) for lane in lanes], dtype=np.uint64)
        self._steps = 0
        self._penalties = Penalties(lanes, vocab_size, arrays)
        self._bias = bias_entries(lanes, arrays)
        self._early_eos = EarlyEos(lanes, arrays)
        self._all_greedy = all(p.greedy for p in params)
        self._any_greedy = any(p.greedy for p in params)
        # A greedy lane beside sampled ones takes its argmax in the end: any temperature will do.
        self._is_greedy = arrays.of([p.greedy for p in params])
        self._temperature = self._column([p.temperature or 1.0 for p in params], 1.0)
        self._top_k = self._column([float(p.top_k or vocab_size) for p in params], vocab_size)
        self._top_p = self._column([_share(p.top_p) for p in params], ALL)
        self._min_p = self._column([p.min_p for p in params], 0.0)
        self._typical_p = self._column([_share(p.typical_p) for p in params], ALL)

    def __call__(self, logits: Array, limits: Array | None = None) -> Array:
        """The next token of every lane, (B,); advances the lanes' positions by one. ``limits``
        (B, V): minus infinity for tokens that are not allowed, infinity for the others, of which
        every lane has one at least."""
        logits = self._penalties.apply(logits)
        if self._bias is not None:
            logits = self._arrays.add(logits, *self._bias)
        logits = self._early_eos.apply(logits, self._steps)
        if limits is not None:
            logits = self._xp.minimum(logits, limits)
        tokens = self._choose(logits)
        self._penalties.note(tokens)
        self._steps += 1
        return tokens

    def _choose(self, logits: Array) -> Array:
        if self._all_greedy:
            return self._xp.argmax(logits, axis=-1)
        sampled = self._sample(logits)
        if not self._any_greedy:
            return sampled
        return self._xp.where(self._is_greedy, self._xp.argmax(logits, axis=-1), sampled)

    def _sample(self, logits: Array) -> Array:
        weights = self._truncate(self._weights(logits))
        # Inverse transform: the first token whose cumulative weight exceeds the draw. A parallel
        # sum need not be monotone to the last bit, so tokens of weight 0 are excluded by name.
        cumulative = self._arrays.cumulative(weights)
        draws = self._arrays.of(uniforms(self._keys, self._positions + np.uint64(self._steps)))
        threshold = draws[:, None] * cumulative[:, -1:]
        return self._xp.argmax((cumulative > threshold) & (weights > 0), axis=-1)

    def _weights(self, logits: Array) -> Array:
        """Probabilities at the lanes' temperatures, up to a factor: the best token weighs 1."""
        if self._temperature is not None:
            logits = logits / self._temperature
        return self._xp.exp(logits - self._xp.max(logits, axis=-1, keepdims=True))

    def _truncate(self, weights: Array) -> Array:
        where = self._xp.where
        if self._top_k is not None or self._top_p is not None:
            weights = where(weights >= self._cutoff(weights), weights, 0.0)
        if self._min_p is not None:
            # The best token weighs 1, and no truncation drops it.
            weights = where(weights >= self._min_p, weights, 0.0)
        if self._typical_p is not None:
            weights = where(self._typical_p < ALL, self._typical(weights), weights)
        return weights

    def _cutoff(self, weights: Array) -> Array:
        """The smallest weight that top-k and top-p keep, (B, 1). Ties with it are kept."""
        xp = self._xp
        descending = -xp.sort(-weights, axis=-1)
        if self._top_k is not None:
            ranks = xp.arange(weights.shape[-1])[None]
            descending = xp.where(ranks < self._top_k, descending, 0.0)
        kept = descending > 0.0
        if self._top_p is not None:
            cumulative = xp.cumsum(descending, axis=-1)
            kept = kept & (cumulative - descending < self._top_p * cumulative[:, -1:])
        return xp.min(xp.where(kept, descending, 1.0), axis=-1, keepdims=True)

    def _typical(self, weights: Array) -> Array:
        """Keep the tokens whose information is nearest to the entropy, up to the lane's mass."""
        xp = self._xp
        probs = weights / xp.sum(weights, axis=-1, keepdims=True)
        information = -xp.log(xp.where(probs > 0, probs, 1.0))
        entropy = xp.sum(probs * information, axis=-1, keepdims=True)
        distance = xp.where(probs > 0, xp.abs(information - entropy), float("inf"))
        order = xp.argsort(distance, axis=-1)
        ordered = xp.take_along_axis(probs, order, axis=-1)
        before = xp.cumsum(ordered, axis=-1) - ordered
        kept = xp.where(before < self._typical_p, xp.take_along_axis(weights, order, axis=-1), 0.0)
        return self._arrays.put(xp.zeros_like(weights), order, kept)

    def _column(self, values: list[float], neutral: float) -> Array | None:
        """(B, 1); ``None`` if no lane asks for anything."""
        if all(value == neutral for value in values):
            return None
        return self._arrays.of(values)[:, None]


def _share(mass: float) -> float:
    return mass if mass < 1.0 else ALL
