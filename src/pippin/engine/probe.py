"""Whether sequences of a model can share a forward pass: tried, not believed.

Some models of mlx-lm have caches that merge and yet fail, or answer wrongly, with rows of unlike
length. So the worker tries it once: two rows together must give what each gives alone.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import mlx.core as mx
import numpy as np
import numpy.typing as npt

from pippin.engine.rows import CacheRows, Make, Model, has_plain_caches, merges

log = logging.getLogger(__name__)

PROMPTS = ((3, 1, 4, 1, 5, 9, 2, 6, 5), (2, 7, 1, 8))
STEPS = ((5, 3), (8, 6))
"""What two decode steps take in, one token per row."""
TOLERANCE = 0.05
"""Of the logits' spread: far above rounding in 16 bits, far below another token's logits."""

Logits = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sharing:
    """What sequences of a model may do together."""

    decode: bool
    """Decode in one batch. Without it one lane runs at a time."""
    prefill: bool
    """Be prefilled together, padded to the longest."""


ALL_TOGETHER = Sharing(decode=True, prefill=True)


def probe(model: Model, make: Make, vocab_size: int) -> Sharing:
    """Try both ways on a few tokens. ``make`` makes the caches of a sequence."""
    alone = [_run(model, make, [row], vocab_size) for row in range(len(PROMPTS))]

    def same(run: Callable[[], Logits], what: str) -> bool:
        try:
            together = run()
        except Exception as error:  # noqa: BLE001  any failure means that it cannot be done
            log.warning("sequences of this model cannot %s together: %s", what, error)
            return False
        if all(_close(together[:, row], alone[row][:, 0]) for row in range(len(PROMPTS))):
            return True
        log.warning("sequences of this model give other results when they %s together", what)
        return False

    decode = merges(make) and same(lambda: _merged(model, make, vocab_size), "decode")
    prefill = (
        decode
        and has_plain_caches(make)
        and same(lambda: _run(model, make, range(len(PROMPTS)), vocab_size), "are prefilled")
    )
    return Sharing(decode, prefill)


def _run(model: Model, make: Make, rows: Sequence[int], vocab_size: int) -> Logits:
    """Prefill these rows together, then decode. Logits of every step and row."""
    prompts = [[token % vocab_size for token in PROMPTS[row]] for row in rows]
    longest = max(map(len, prompts))
    padding = [longest - len(prompt) for prompt in prompts]
    cache = CacheRows.empty(make, padding)
    padded = [[0] * pad + prompt for pad, prompt in zip(padding, prompts, strict=True)]
    model(mx.array(padded), cache=cache.layers)
    return _decode(model, cache, rows, vocab_size)


def _merged(model: Model, make: Make, vocab_size: int) -> Logits:
    """Prefill each row alone, put them together, then decode."""
    caches = []
    for prompt in PROMPTS:
        cache = CacheRows.empty(make)
        model(mx.array([[token % vocab_size for token in prompt]]), cache=cache.layers)
        caches.append(cache)
    first, *others = caches
    for other in others:
        first.extend(other)
    return _decode(model, first, range(len(PROMPTS)), vocab_size)


def _decode(model: Model, cache: CacheRows, rows: Sequence[int], vocab_size: int) -> Logits:
    steps = []
    for inputs in STEPS:
        tokens = mx.array([[inputs[row] % vocab_size] for row in rows])
        logits = model(tokens, cache=cache.layers)[:, -1, :]
        steps.append(np.array(logits.astype(mx.float32)))
    return np.stack(steps)


def _close(some: Logits, others: Logits) -> bool:
    spread = float(others.max() - others.min())
    return bool(np.abs(some - others).max() <= TOLERANCE * spread)
