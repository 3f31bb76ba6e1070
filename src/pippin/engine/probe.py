"""What can be done with a model's caches: tried, not believed.

Some models of mlx-lm have caches that merge and yet fail, or answer wrongly, with rows of unlike
length; some do their own arithmetic with keys and cannot have them quantised; some have caches
that cannot be put back. So the worker tries it once: whatever is done with rows, they must give
what each gives alone.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import mlx.core as mx
import numpy as np
import numpy.typing as npt

from pippin.engine.forward import Forward
from pippin.engine.rows import CacheMaker, CacheRows, Make, Model, has_plain_caches, merges
from pippin.models.errors import CannotLoad

log = logging.getLogger(__name__)

PROMPTS = ((3, 1, 4, 1, 5, 9, 2, 6, 5), (2, 7, 1, 8))
STEPS = ((5, 3), (8, 6))
"""What two decode steps take in, one token per row."""
TOLERANCE = 0.05
"""Of the logits' spread: far above rounding in 16 bits, far below another token's logits."""
TOLERANCE_FLOAT32 = 0.01
"""Some ways to be wrong are small. Not with quantised caches, where rounding tips codes over."""

Logits = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sharing:
    """What sequences of a model may share: a pass with others, and what is remembered."""

    decode: bool
    """Decode in one batch. Without it one lane runs at a time."""
    prefill: bool
    """Be prefilled together, padded to the longest."""
    remembered: bool = True
    """Begin with what was copied out of another one's caches."""


ALL_TOGETHER = Sharing(decode=True, prefill=True)


def probe(model: Model, make: CacheMaker, vocab_size: int) -> Sharing:
    """Try all ways on a few tokens. ``make`` makes the caches of a sequence.

    Raises:
        CannotLoad: with these caches the model does not even answer alone.
    """
    alone = _alone(model, make, vocab_size)
    everyone = range(len(PROMPTS))
    exact = model(mx.array([[0]]), cache=make()).dtype == mx.float32 and not make.quantises
    tolerance = TOLERANCE_FLOAT32 if exact else TOLERANCE

    def same(run: Callable[[], Logits], what: str) -> bool:
        try:
            tried = run()
        except Exception as error:  # noqa: BLE001  any failure means that it cannot be done
            log.warning("sequences of this model cannot %s: %s", what, error)
            return False
        if all(_apart(tried[:, row], alone[row][:, 0]) <= tolerance for row in everyone):
            return True
        log.warning("sequences of this model give other results when they %s", what)
        return False

    decode = merges(make) and same(lambda: _merged(model, make, vocab_size), "decode together")
    prefill = (
        decode
        and has_plain_caches(make)
        and same(lambda: _run(model, make, everyone, vocab_size), "are prefilled together")
    )
    remembered = same(lambda: _restored(model, make, vocab_size), "are remembered")
    return Sharing(decode, prefill, remembered)


def _alone(model: Model, make: CacheMaker, vocab_size: int) -> list[Logits]:
    try:
        return [_run(model, make, [row], vocab_size) for row in range(len(PROMPTS))]
    except CannotLoad:
        raise
    except Exception as error:
        log.warning("the model fails with its caches: %s: %s", type(error).__name__, error)
        if make.quantises:
            raise CannotLoad(
                "This model's cache cannot be quantised (--kv-bits): leave --kv-bits out."
            ) from error
        raise CannotLoad(
            "This model fails with the caches that it makes for itself, so it cannot be served: "
            f"{type(error).__name__}: {error}"
        ) from error


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
    first, *others = (_prefilled(model, make, prompt, vocab_size) for prompt in PROMPTS)
    for other in others:
        first.extend(other)
    return _decode(model, first, range(len(PROMPTS)), vocab_size)


def _restored(model: Model, make: Make, vocab_size: int) -> Logits:
    """Prefill each row, copy it out, put the copy back, then decode."""
    steps = []
    for row, prompt in enumerate(PROMPTS):
        length = len(prompt)
        snapshot = _prefilled(model, make, prompt, vocab_size).snapshot(0, 0, length)
        cache = CacheRows.restored(make, [(snapshot, 0, length)], len(STEPS))
        steps.append(_decode(model, cache, [row], vocab_size))
    return np.concatenate(steps, axis=1)


def _prefilled(model: Model, make: Make, prompt: Sequence[int], vocab_size: int) -> CacheRows:
    cache = CacheRows.empty(make)
    model(mx.array([[token % vocab_size for token in prompt]]), cache=cache.layers)
    return cache


def _decode(model: Model, cache: CacheRows, rows: Sequence[int], vocab_size: int) -> Logits:
    steps = []
    for inputs in STEPS:
        tokens = mx.array([[inputs[row] % vocab_size] for row in rows])
        logits = model(tokens, cache=cache.layers)[:, -1, :]
        mx.eval(logits, cache.arrays)
        steps.append(np.array(logits.astype(mx.float32)))
    return np.stack(steps)


def _apart(some: Logits, others: Logits) -> float:
    """As a share of their spread."""
    return float(np.abs(some - others).max() / max(np.ptp(others), np.finfo(np.float32).tiny))


def probe_adapters(forward: Forward, names: Sequence[str], vocab_size: int) -> None:
    """Try each adapter beside none, in one pass. ``names``: of the adapters 1, 2, ...

    Raises:
        CannotLoad: the model does not work with one, or its layers do not keep rows apart.
    """
    tokens = [token % vocab_size for token in PROMPTS[0]]

    def logits(*adapters: int) -> Logits:
        rows = mx.array([tokens] * len(adapters))
        return np.array(forward(rows, cache=None, adapters=adapters).astype(mx.float32))

    plain = logits(0)[0]
    for adapter, name in enumerate(names, start=1):
        try:
            alone, pair = logits(adapter)[0], logits(adapter, 0)
        except Exception as error:
            raise CannotLoad(
                f"The model fails with the adapter {name!r}: {type(error).__name__}: {error}"
            ) from error
        if not np.isfinite(alone).all():
            raise CannotLoad(f"The model gives no finite numbers with the adapter {name!r}.")
        if max(_apart(pair[0], alone), _apart(pair[1], plain)) > TOLERANCE:
            raise CannotLoad(
                f"With the adapter {name!r} this model gives other results to requests that are "
                "answered together, so its adapters cannot be served."
            )
