"""A folder with a LoRA adapter → its matrices, checked.

Two formats are read, both of JSON and safetensors, never anything that could hold code: mlx-lm's
(``adapter_config.json`` with ``lora_parameters``, ``adapters.safetensors``) and PEFT's
(``peft_type``, ``adapter_model.safetensors``).
"""

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import mlx.core as mx

from pippin.formats.errors import BadModelFile
from pippin.formats.reading import read_object
from pippin.formats.safetensors import check_safetensors
from pippin.models.errors import CannotLoad

CONFIG = "adapter_config.json"
MLX_WEIGHTS = "adapters.safetensors"
PEFT_WEIGHTS = "adapter_model.safetensors"
PEFT_PREFIX = "base_model.model."
"""Before the names of the model's own layers."""
MAX_CONFIG_BYTES = 1 << 20


class LowRank(NamedTuple):
    """What an adapter adds to one linear layer's result for x: ``(x @ a) @ b``."""

    a: mx.array
    """(inputs, rank)."""
    b: mx.array
    """(rank, outputs), with the adapter's scale in it."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """As it was trained; whether it fits a model is another question."""

    name: str
    digest: bytes
    """Of all that it changes."""
    layers: dict[str, LowRank]
    """By the path of the linear layer in the model, as mlx-lm calls it."""


class _Half(NamedTuple):
    """One of a layer's two matrices."""

    layer: str
    which: str
    """``a`` or ``b``."""
    matrix: mx.array


class _Refused(Exception):
    """Why an adapter cannot be used, without its name."""


def read_adapter(name: str, folder: Path) -> Adapter:
    """The adapter in a folder. ``name``: what it is called by requests and in errors.

    Raises:
        CannotLoad: it is missing, broken, or of a kind that is not served.
    """
    try:
        if not folder.is_dir():
            raise _Refused(f"there is no folder {folder}")
        config = read_object(folder / CONFIG, MAX_CONFIG_BYTES)
        if "peft_type" in config:
            return _read(name, folder / PEFT_WEIGHTS, _peft_scale(config), _peft_half)
        return _read(name, folder / MLX_WEIGHTS, _mlx_scale(config), _mlx_half)
    except (_Refused, BadModelFile) as error:
        raise CannotLoad(f"The adapter {name!r} cannot be used: {error}.") from error


def _read(name: str, path: Path, scale: float, half: Callable[[str, mx.array], _Half]) -> Adapter:
    check_safetensors(path)
    try:
        stored: Any = mx.load(str(path))
        halves = [half(key, matrix) for key, matrix in stored.items()]
        layers = dict(_layers(halves, scale))
        for layer, (a, b) in layers.items():
            if not (mx.isfinite(a).all() & mx.isfinite(b).all()).item():
                raise _Refused(f"its weights for {layer} are no finite numbers")
    except (RuntimeError, ValueError) as error:
        raise _Refused(f"{path.name} cannot be read: {error}") from error
    if not layers:
        raise _Refused(f"{path.name} is empty")
    return Adapter(name, _digest(path, scale), layers)


def _digest(path: Path, scale: float) -> bytes:
    digest = hashlib.sha256(f"{path.name} {scale!r} ".encode())
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: digest).digest()


def _layers(halves: list[_Half], scale: float) -> Iterator[tuple[str, LowRank]]:
    found = {(half.layer, half.which): half.matrix for half in halves}
    for layer in sorted({half.layer for half in halves}):
        a, b = found.get((layer, "a")), found.get((layer, "b"))
        if a is None or b is None:
            raise _Refused(f"of {layer} it has one matrix without the other")
        if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0] or not a.size * b.size:
            raise _Refused(
                f"its matrices for {layer} have the shapes {a.shape} and {b.shape}, and only "
                "(inputs, rank) and (rank, outputs) are those of a linear layer"
            )
        if not all(mx.issubdtype(each.dtype, mx.floating) for each in (a, b)):
            raise _Refused(f"its matrices for {layer} are not of floating-point numbers")
        yield layer, LowRank(a, b * scale)


# -- mlx-lm's format -------------------------------------------------------------------------------


def _mlx_scale(config: Mapping[str, Any]) -> float:
    kind = config.get("fine_tune_type", "lora")
    if kind != "lora":
        raise _Refused(f"it is a fine-tune of type {kind!r}, and only 'lora' is served")
    parameters = config.get("lora_parameters")
    if not isinstance(parameters, Mapping):
        raise _Refused(f"{CONFIG} has no lora_parameters")
    return _number(parameters, "scale")


def _mlx_half(key: str, matrix: mx.array) -> _Half:
    layer, _, which = key.rpartition(".")
    if which not in ("lora_a", "lora_b") or not layer:
        raise _Refused(f"it holds {key[:200]!r}, which is no part of a LoRA adapter")
    return _Half(layer, which[-1], matrix)


# -- PEFT's format ---------------------------------------------------------------------------------


def _peft_scale(config: Mapping[str, Any]) -> float:
    if config.get("peft_type") != "LORA":
        raise _Refused(f"its peft_type is {config.get('peft_type')!r}, and only 'LORA' is served")
    for name in ("use_dora", "modules_to_save", "rank_pattern", "alpha_pattern", "fan_in_fan_out"):
        if config.get(name):
            raise _Refused(f"{CONFIG} asks for {name}, which is not served")
    if config.get("bias", "none") != "none":
        raise _Refused(f"{CONFIG} asks for bias, which is not served")
    rank = _number(config, "r")
    if rank < 1:
        raise _Refused(f"{CONFIG} has no r above 0")
    return _number(config, "lora_alpha") / (math.sqrt(rank) if config.get("use_rslora") else rank)


def _peft_half(key: str, matrix: mx.array) -> _Half:
    layer, _, rest = key.removeprefix(PEFT_PREFIX).partition(".lora_")
    if rest not in ("A.weight", "B.weight") or not layer:
        raise _Refused(f"it holds {key[:200]!r}, which is no part of a LoRA adapter")
    return _Half(layer, rest[0].lower(), matrix.T)


def _number(source: Mapping[str, Any], name: str) -> float:
    value = source.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _Refused(f"{CONFIG} has no number called {name!r}")
    return float(value)
