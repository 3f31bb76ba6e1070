"""The LoRA adapters of a model: lanes with different ones, and with none, share a forward pass.

Each linear layer that any adapter touches adds, row by row of a pass, what that row's adapter adds.
A row is multiplied with its own adapter's matrices and nothing else, so it does not depend on its
neighbours. Adapter 0 is none: its matrices are zeros.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx.nn.layers.base import Module
from mlx.nn.layers.linear import Linear
from mlx.nn.layers.quantized import QuantizedLinear
from mlx.utils import tree_unflatten

from pippin.models.adapter_files import Adapter, LowRank, read_adapter
from pippin.models.adapter_names import AdapterNames
from pippin.models.errors import CannotLoad

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""Of an adapter: nothing in it means anything in a path, or in ``MODEL+ADAPTER``."""
SHOWN_MISFITS = 3
"""Of the layers that an adapter has and its model has not."""


@dataclass(slots=True)
class RowAdapters:
    """Which adapter each row of a forward pass has. The engine says it before each pass, and the
    adapted layers look here while the pass is queued. Engine thread only."""

    indices: mx.array | None = None
    """``None``: no row has any."""

    @contextmanager
    def worn(self, adapters: Sequence[int]) -> Iterator[None]:
        """For the passes within: an adapter per row, 0 for none."""
        before = self.indices
        self.indices = mx.array(list(adapters), dtype=mx.uint32) if any(adapters) else None
        try:
            yield
        finally:
            self.indices = before  # of the pass in whose midst this one was made


@dataclass(frozen=True, slots=True)
class Adapters(AdapterNames):
    """Those that a worker's model has on. Owned by the loaded model; immutable but for ``rows``."""

    rows: RowAdapters = field(default_factory=RowAdapters)
    nbytes: int = 0


class AdaptedLinear(Module):
    """A linear layer, quantised or not, and what the rows' adapters add to it."""

    def __init__(self, linear: Module, adapters: Sequence[LowRank | None], rows: RowAdapters):
        """``adapters``: by index; ``None`` where one leaves this layer as it is."""
        super().__init__()  # type: ignore[no-untyped-call]  # mlx has no types here
        self.linear = linear
        # An underscore keeps them from being taken for the model's own weights.
        self._a, self._b = stacked(adapters)
        self._rows = rows

    def __call__(self, x: mx.array) -> mx.array:
        y: mx.array = self.linear(x)
        indices = self._rows.indices
        if indices is None:
            return y
        inputs = x.reshape(indices.size, -1, x.shape[-1])
        inner = mx.gather_mm(inputs, self._a, rhs_indices=indices)
        added = mx.gather_mm(inner, self._b, rhs_indices=indices)
        return y + added.reshape(y.shape).astype(y.dtype)


def stacked(adapters: Sequence[LowRank | None]) -> tuple[mx.array, mx.array]:
    """(adapters, inputs, rank) and (adapters, rank, outputs), of the largest rank: what an adapter
    does not have is zeros."""
    given = [each for each in adapters if each is not None]
    inputs, outputs = given[0].a.shape[0], given[0].b.shape[1]
    rank = max(each.a.shape[1] for each in given)
    dtype = mx.result_type(*(matrix for each in given for matrix in each))
    a = [mx.zeros((inputs, rank), dtype) for _ in adapters]
    b = [mx.zeros((rank, outputs), dtype) for _ in adapters]
    for index, each in enumerate(adapters):
        if each is not None:
            own = each.a.shape[1]
            a[index][:, :own] = each.a
            b[index][:own] = each.b
    return mx.stack(a), mx.stack(b)


def put_on(model: Any, folders: Mapping[str, str], default: str = "") -> Adapters:
    """Read these adapters and let the model's layers wear them. The weights must be in place.

    Raises:
        CannotLoad: one is broken, or does not fit the model; or ``default`` is none of them.
    """
    if default and default not in folders:
        raise CannotLoad(f"There is no adapter {default!r} that could be the default one.")
    for name in folders:
        if not NAME.fullmatch(name):
            raise CannotLoad(
                f"{name!r} is no name for an adapter: use letters, digits, '.', '_' and '-'."
            )
    adapters = [read_adapter(name, Path(folder).expanduser()) for name, folder in folders.items()]
    if not adapters:
        return Adapters()
    modules = dict(model.named_modules())
    for adapter in adapters:
        _check_fit(adapter, modules)
    rows = RowAdapters()
    adapted = {
        path: AdaptedLinear(modules[path], [None, *(a.layers.get(path) for a in adapters)], rows)
        for path in sorted({path for adapter in adapters for path in adapter.layers})
    }
    matrices = [matrix for layer in adapted.values() for matrix in (layer._a, layer._b)]
    mx.eval(matrices)
    model.update_modules(tree_unflatten(list(adapted.items())))
    names = tuple(folders)
    return Adapters(
        names,
        default=names.index(default) + 1 if default else 0,
        digests=(b"", *(adapter.digest for adapter in adapters)),
        rows=rows,
        nbytes=sum(matrix.nbytes for matrix in matrices),
    )


def _check_fit(adapter: Adapter, modules: Mapping[str, Any]) -> None:
    misfits = [
        misfit
        for path, low_rank in adapter.layers.items()
        if (misfit := _misfit(path, low_rank, modules.get(path)))
    ]
    if misfits:
        shown = "; ".join(misfits[:SHOWN_MISFITS])
        more = f"; and {len(misfits) - SHOWN_MISFITS} more" * (len(misfits) > SHOWN_MISFITS)
        raise CannotLoad(f"The adapter {adapter.name!r} does not fit this model: {shown}{more}.")


def _misfit(path: str, low_rank: LowRank, layer: Any) -> str | None:
    """In which way an adapter does not fit a layer, if it does not."""
    if layer is None:
        return f"there is no layer {path[:200]}"
    if not isinstance(layer, Linear | QuantizedLinear):
        return f"{path} is a {type(layer).__name__}, and only linear layers are adapted"
    outputs, inputs = layer.weight.shape
    if isinstance(layer, QuantizedLinear):
        inputs = inputs * 32 // layer.bits
    has = (low_rank.a.shape[0], low_rank.b.shape[1])
    if has != (inputs, outputs):
        return (
            f"{path} has {inputs} inputs and {outputs} outputs, the adapter {has[0]} and {has[1]}"
        )
    return None
