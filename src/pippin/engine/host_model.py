"""A model as a CPU serves it best: while it is called, some of ``mx.fast`` is ours.

MLX composes these of many small operations on a CPU. mlx-lm's models look them up by their names at
the time of the call.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import mlx.core as mx

from pippin.engine.host_attention import HostAttention
from pippin.engine.host_rope import HostRope
from pippin.engine.mlx_arrays import arrays_for_device
from pippin.engine.rows import Model


def for_device(model: Model, between: Callable[[], None] = lambda: None) -> Model:
    """The model as the default device is served best. ``between``: as of ``HostAttention``."""
    return for_host(model, between) if arrays_for_device().on_host else model


def for_host(model: Model, between: Callable[[], None] = lambda: None) -> Model:
    """The model, for one thread of a process on a CPU: it computes when it is called."""
    attention = HostAttention(between=between)

    def forward(inputs: mx.array, *, cache: list[Any] | None) -> mx.array:
        with _replaced(scaled_dot_product_attention=attention, rope=HostRope()):
            return model(inputs, cache=cache)

    return forward


@contextmanager
def _replaced(**ours: Callable[..., mx.array]) -> Iterator[None]:
    # Those before may be ours, too: if this call is made between two parts of another.
    before = {name: getattr(mx.fast, name) for name in ours}
    _put(ours)
    try:
        yield
    finally:
        _put(before)


def _put(functions: dict[str, Callable[..., mx.array]]) -> None:
    for name, function in functions.items():
        setattr(mx.fast, name, function)
