"""A forward pass: the model, as this device is served best, each row with its adapter."""

from collections.abc import Callable, Sequence
from typing import Any

import mlx.core as mx

from pippin.engine.host_model import for_device
from pippin.engine.rows import Model
from pippin.models.adapters import RowAdapters


class Forward:
    """Owned by the engine, on its thread; decoding and prefill call it."""

    def __init__(
        self,
        model: Model,
        rows: RowAdapters | None = None,
        between: Callable[[], None] = lambda: None,
    ) -> None:
        """``rows``: of the model's adapters; ``None``: it has none. ``between``: called now and
        then while a pass is computed, if that is done while it is called; it may make another
        pass."""
        self._model = for_device(model, between)
        self._rows = rows or RowAdapters()

    def __call__(
        self, tokens: mx.array, *, cache: list[Any] | None, adapters: Sequence[int]
    ) -> mx.array:
        """Logits (B, T, V) of tokens (B, T). ``adapters``: one per row, 0 for none."""
        with self._rows.worn(adapters):
            return self._model(tokens, cache=cache)
