"""The limit: the plainest loop over mlx-lm's public model and caches, in a process of its own.

Prompts are prefilled one by one, then all lanes decode together: model call, argmax,
``async_eval`` one step ahead, ``tolist``. No sampling, text or HTTP. What a server loses against
it is the server's own cost. Run as ``python -m benchmarks.limit MODEL_FOLDER BLAS_THREADS``.
"""

import sys
import time
from typing import Any, cast

from benchmarks.child import Reply, serve
from pippin.models.blas import load_blas

BLAS = load_blas(int(sys.argv[2]))  # before the first import of mlx

import mlx.core as mx  # noqa: E402
from mlx_lm import load  # noqa: E402
from mlx_lm.models.cache import make_prompt_cache  # noqa: E402

CPU_CHUNK, GPU_CHUNK = 128, 2048
"""Tokens per prefill call: what was fastest on each kind of device."""


def main() -> None:
    model = load(sys.argv[1])[0]
    serve(lambda message: _answer(model, message))


def _answer(model: Any, message: Reply) -> Reply:
    if "prompts" not in message:
        return {
            "device": str(mx.default_device().type).removeprefix("DeviceType."),
            "BLAS": _blas(),
        }
    cpu, start = time.process_time(), time.perf_counter()
    tokens, first = generate(model, message["prompts"], message["max_tokens"])
    return {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
        "tokens": tokens,
        "first": [t - start for t in first],
    }


def _blas() -> str:
    if BLAS is None:
        return "MLX's own"
    stable = ", bit-stable rows" if BLAS.row_stable else ""
    return f"{BLAS.name}, {BLAS.threads} thread{'s' * (BLAS.threads != 1)}{stable}"


def generate(
    model: Any, prompts: list[list[int]], limits: list[int]
) -> tuple[list[list[int]], list[float]]:
    """Greedy tokens of every lane, and when its first one was known."""
    caches, starts, first = [], [], []
    for prompt in prompts:
        cache, token = _prefill(model, prompt)
        mx.eval(token)
        first.append(time.perf_counter())
        caches.append(cache)
        starts.append(token)
    return _decode(model, mx.concatenate(starts), _together(caches), limits), first


def _prefill(model: Any, prompt: list[int]) -> tuple[list[Any], mx.array]:
    on_gpu = mx.default_device() == mx.Device(mx.gpu)
    chunk = GPU_CHUNK if on_gpu else CPU_CHUNK
    cache = make_prompt_cache(model)
    tokens = mx.array(prompt)[None]
    for begin in range(0, len(prompt), chunk):
        logits = model(tokens[:, begin : begin + chunk], cache=cache)
        mx.eval([layer.state for layer in cache])
    return cache, mx.argmax(logits[:, -1], axis=-1)


def _together(caches: list[list[Any]]) -> list[Any]:
    """A lone lane keeps its plain cache; several become one batch, padded on the left."""
    if len(caches) == 1:
        return caches[0]
    return [type(layer[0]).merge(layer) for layer in zip(*caches, strict=True)]


def _decode(model: Any, last: mx.array, cache: list[Any], limits: list[int]) -> list[list[int]]:
    answers: list[list[int]] = [[] for _ in limits]
    alive = list(range(len(limits)))
    _start(last)
    for count in range(1, max(limits) + 1):
        # `last` holds token number `count` of every lane alive.
        following = _step(model, last, cache) if count < max(limits) else None
        for lane, token in zip(alive, _ints(last), strict=True):
            answers[lane].append(token)
        keep = [row for row, lane in enumerate(alive) if limits[lane] > count]
        if following is not None and len(keep) < len(alive):
            for layer in cache:
                layer.filter(keep)
            following = following[mx.array(keep)]
            alive = [alive[row] for row in keep]
        if following is not None:
            last = following
    return answers


def _step(model: Any, last: mx.array, cache: list[Any]) -> mx.array:
    following = mx.argmax(model(last[:, None], cache=cache)[:, -1], axis=-1)
    _start(following)
    return following


def _start(array: mx.array) -> None:
    mx.async_eval(array)


def _ints(array: mx.array) -> list[int]:
    return cast(list[int], array.tolist())


if __name__ == "__main__":
    main()
