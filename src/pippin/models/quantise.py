"""A model's folder → one with its weights in fewer bits.

As mlx-lm converts: the same layers, to the same numbers, in the same files. Layers that are not as
wide as a multiple of the group size stay as they are.
"""

import logging
import shutil
from collections.abc import Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx.utils import tree_map_with_path
from mlx_lm.utils import (
    dequantize_model,
    quantize_model,
    save_config,
    save_model,
)

from pippin.core.worker import Quantisation
from pippin.models.errors import CannotLoad
from pippin.models.resolve import Progress
from pippin.models.weights import compute_all, open_model, parameters_of

log = logging.getLogger(__name__)

DTYPES = {"float16": mx.float16, "bfloat16": mx.bfloat16, "float32": mx.float32}
COPIED = (".json", ".jinja", ".model", ".txt", ".tiktoken")
"""Of the source's files, beside the weights: tokenizer, template, defaults. Never code."""
MARGIN_BYTES = 64 << 20
"""Free on the disk beside the weights."""


def has_bits(config: Mapping[str, Any], wanted: Quantisation) -> bool:
    """Whether a model says in its configuration that it is quantised so already. Single layers
    may differ: some models ask for more bits where they matter."""
    own = config.get("quantization") or {}
    return (
        isinstance(own, dict)
        and own.get("bits") == wanted.bits
        and own.get("group_size") == wanted.group_size
        and own.get("mode", "affine") == "affine"
    )


def write_quantised(source: Path, wanted: Quantisation, target: Path, progress: Progress) -> None:
    """Write a model folder with these weights into ``target``, which must be empty.

    Raises:
        CannotLoad: the source cannot be loaded or quantised, or there is no room for the result.
    """
    progress("reading", 0, 0)
    model, config = open_model(source)
    try:
        model, config = _quantised(model, config, wanted)
        _check_room(model, target)
        compute_all(model, "quantising", progress)
        save_model(target, model, donate_model=True)
        save_config(config, target / "config.json")
        _copy_rest(source, target)
        open_model(target)  # a disk that ran full is not noticed by everybody who writes
    except (OSError, RuntimeError, ValueError) as error:
        raise CannotLoad(f"The weights of {source} cannot be quantised: {error}") from error


def _quantised(
    model: Any, config: dict[str, Any], wanted: Quantisation
) -> tuple[Any, dict[str, Any]]:
    """Only the graph is built: nothing is computed."""
    if config.pop("quantization", None) or config.pop("quantization_config", None):
        config.pop("quantization_config", None)
        log.info("the weights are quantised already, otherwise: they are rounded once more")
        model = dequantize_model(model)
    _cast(model, config)
    _check_layers(model, wanted)
    with redirect_stdout(StringIO()):  # it prints
        quantised: tuple[Any, dict[str, Any]] = quantize_model(
            model, config, wanted.group_size, wanted.bits
        )
    return quantised


def _cast(model: Any, config: Mapping[str, Any]) -> None:
    """Into the type of numbers that the configuration names: scales are kept in it."""
    inner = config.get("text_config") or {}
    dtype = DTYPES.get(str(config.get("torch_dtype") or inner.get("dtype")))
    if dtype is None:
        return
    may = getattr(model, "cast_predicate", lambda _: True)

    def cast(path: str, array: mx.array) -> mx.array:
        return array.astype(dtype) if _floating(array) and may(path) else array

    model.update(tree_map_with_path(cast, model.parameters()))


def _floating(array: mx.array) -> bool:
    return bool(mx.issubdtype(array.dtype, mx.floating))


def _check_layers(model: Any, wanted: Quantisation) -> None:
    """Raises: CannotLoad if no layer at all can be quantised."""
    layers = [one for _, one in model.named_modules() if hasattr(one, "to_quantized")]
    odd = sum(layer.weight.shape[-1] % wanted.group_size != 0 for layer in layers)
    if odd == len(layers):
        raise CannotLoad(
            f"No layer of this model is as wide as a multiple of {wanted.group_size}, so none can "
            "be quantised in groups of that size: choose a smaller --group-size."
        )
    if odd:
        log.info(
            "%d of %d layers stay as they are: not as wide as a multiple of %d",
            odd,
            len(layers),
            wanted.group_size,
        )


def _check_room(model: Any, target: Path) -> None:
    needed = sum(array.nbytes for array in parameters_of(model)) + MARGIN_BYTES
    free = shutil.disk_usage(target).free
    if free < needed:
        raise CannotLoad(
            f"The converted weights need {needed >> 20} MiB in {target.parent}, and {free >> 20} "
            "MiB are free there. Make room, or choose another --cache-dir."
        )


def _copy_rest(source: Path, target: Path) -> None:
    for path in source.iterdir():
        wanted = path.suffix in COPIED and not path.name.endswith(".safetensors.index.json")
        if wanted and path.is_file() and not (target / path.name).exists():
            shutil.copyfile(path, target / path.name)
