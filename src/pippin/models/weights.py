"""A model's folder → the model, its weights not read yet."""

from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx.utils import tree_flatten
from mlx_lm.utils import load_model

from pippin.formats.errors import BadModelFile
from pippin.formats.safetensors import check_safetensors
from pippin.models.errors import CannotLoad
from pippin.models.resolve import Progress


def open_model(folder: Path) -> tuple[Any, dict[str, Any]]:
    """A model whose arrays are read when they are computed, and its configuration as mlx-lm
    understood it. No code of the folder is run, and native code sees no file that was not checked.

    Raises:
        CannotLoad: the folder is no model that can be served here, and why.
    """
    try:
        for path in sorted(folder.glob("*.safetensors")):
            check_safetensors(path)
        model, config = load_model(folder, lazy=True)
    except BadModelFile as error:
        raise CannotLoad(str(error)) from error
    except Exception as error:  # mlx-lm and safetensors raise whatever their parts raise
        raise CannotLoad(f"The model in {folder} cannot be loaded: {error}") from error
    return model, config


def parameters_of(model: Any) -> list[mx.array]:
    """All arrays of a model."""
    pairs: Any = tree_flatten(model.parameters())
    return [array for _, array in pairs]


def compute_all(model: Any, stage: str, progress: Progress) -> None:
    """Compute the weights piece by piece, so that progress can be told, in bytes."""
    arrays = parameters_of(model)
    total = sum(array.nbytes for array in arrays)
    done = 0
    for array in arrays:
        mx.eval(array)
        done += array.nbytes
        progress(stage, done, total)
