"""Models whose next token follows from all that their cache row holds, and what it must be.

Every kind of cache has its own sum over the tokens, weighted by position: a token that is missing,
doubled, moved or another row's changes what comes next. Integers only, so nothing is rounded.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import mlx.core as mx
import numpy as np
from mlx_lm.models.cache import ArraysCache, KVCache, RotatingKVCache

from pippin.engine.constraints.masks import MaskFiller, Masks
from pippin.engine.lane import Job, Lane
from pippin.engine.mlx_arrays import HostArrays
from pippin.engine.sampler import Sampler

Kind = Literal["growing", "sliding", "recurrent", "hybrid"]
KINDS: tuple[Kind, ...] = ("growing", "sliding", "recurrent", "hybrid")
VOCAB = 61
WINDOW = 12
MODULUS = 1009
LONGEST = 2048
WEIGHTS = np.random.default_rng(0).integers(1, 1 << 16, LONGEST)


class HashingModel:
    """With mlx-lm's interface and caches. ``fail_at`` and ``poison_at`` are numbers of calls: one
    raises, the other puts what is no number into the caches and gives none back."""

    def __init__(self, kind: Kind) -> None:
        self.layers = [object()]
        self.calls = 0
        self.fail_at: int | None = None
        self.poison_at: int | None = None
        self._kinds = {
            "growing": (KVCache,),
            "sliding": (KVCache, RotatingKVCache),
            "recurrent": (ArraysCache,),
            "hybrid": (ArraysCache, KVCache),
        }[kind]

    def make_cache(self) -> list[Any]:
        sizes: dict[Any, tuple[int, ...]] = {RotatingKVCache: (WINDOW,), ArraysCache: (1,)}
        return [make(*sizes.get(make, ())) for make in self._kinds]  # type: ignore[arg-type]

    def __call__(self, tokens: mx.array, cache: list[Any]) -> mx.array:
        self.calls += 1
        if self.calls == self.fail_at:
            raise RuntimeError("planted failure")
        poison = float("nan") if self.calls == self.poison_at else 0.0
        hashed = mx.zeros(tokens.shape)
        one = mx.ones((1, 1, 1, 1))
        for kind, layer in zip(self._kinds, cache, strict=True):
            # In the midst of a pass others may have theirs, as in a real model's attention.
            mx.fast.scaled_dot_product_attention(one, one, one, scale=1.0)
            if kind is ArraysCache:
                hashed += recurrent(tokens, layer, poison)
            else:
                hashed += attended(tokens, layer, poison, sliding=kind is RotatingKVCache)
        return logits_of(hashed)


def recurrent(tokens: mx.array, layer: Any, poison: float) -> mx.array:
    """(B, T): state' = (31 * state + token + 1) mod MODULUS."""
    state = layer[0]
    if state is None:
        state = mx.zeros((tokens.shape[0], 1), mx.float32)
    states = []
    for at in range(tokens.shape[1]):
        state = (31 * state + tokens[:, at : at + 1] + 1) % MODULUS
        states.append(state)
    layer[0] = state + poison
    return mx.concatenate(states, axis=1) + poison


def attended(tokens: mx.array, layer: Any, poison: float, *, sliding: bool) -> mx.array:
    """(B, T): the weighted sum of what each position may see. Padding is kept as zeros."""
    before = mx.array(layer.offset).reshape(-1, 1)
    at = before + mx.arange(tokens.shape[1])[None] + mx.zeros((tokens.shape[0], 1), mx.int32)
    kept = mx.where(at >= 0, tokens + 1, 0).astype(mx.float32) + poison
    places = mx.where(at >= 0, at + 1, 0).astype(mx.float32)
    keys, values = layer.update_and_fetch(kept[:, None, :, None], places[:, None, :, None])
    keys, values = keys[:, 0, :, 0], values[:, 0, :, 0]
    weights = mx.array(WEIGHTS)[values.astype(mx.int32) % LONGEST].astype(mx.float32)
    parts = mx.where(values > 0, (keys * weights) % MODULUS, 0.0)
    seen = (values[:, None] <= at[..., None] + 1) & (values > 0)[:, None]
    if sliding:
        seen = seen & (values[:, None] > at[..., None] + 1 - WINDOW)
    return mx.where(seen, parts[:, None], 0.0).sum(axis=-1) % MODULUS


def logits_of(hashed: mx.array) -> mx.array:
    """One token is clearly best; some others are possible."""
    ids = mx.arange(VOCAB)
    hashed = hashed[..., None]
    noise = ((hashed + 1) * (ids * 7 + 3) % 101) / 25
    return (noise + 2 * (ids == hashed % VOCAB)).astype(mx.float32)


class Truth:
    """What a model of a kind says after a text, by arithmetic."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._arrays = HostArrays()
        self._filler = MaskFiller()

    def lane(self, job: Job, index: int) -> Iterator[int]:
        """A lane's tokens, one by one."""
        lane = Lane(job, index)
        while lane.tokens_left:
            hashed = mx.array([float(self._hash([*job.prompt, *lane.generated]))])
            logits = np.array(logits_of(hashed))
            limits = Masks([lane], VOCAB, self._arrays, self._filler).take()
            token = int(Sampler([lane], VOCAB, self._arrays)(logits, limits)[0])
            lane.accept(token)
            yield token

    def _hash(self, tokens: Sequence[int]) -> int:
        whole = _weighted(tokens, 0)
        window = _weighted(tokens[-WINDOW:], max(0, len(tokens) - WINDOW))
        state = 0
        for token in tokens:
            state = (31 * state + token + 1) % MODULUS
        match self._kind:
            case "growing":
                return whole
            case "sliding":
                return whole + window
            case "recurrent":
                return state
            case "hybrid":
                return state + whole


def _weighted(tokens: Sequence[int], start: int) -> int:
    parts = [(t + 1) * int(WEIGHTS[start + i + 1]) % MODULUS for i, t in enumerate(tokens)]
    return sum(parts) % MODULUS
