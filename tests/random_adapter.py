"""LoRA adapters with random weights, as mlx-lm and PEFT would write them."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

SHAPES = {
    "self_attn.q_proj": (192, 256),
    "self_attn.v_proj": (192, 128),
    "self_attn.o_proj": (256, 192),
    "mlp.down_proj": (320, 192),
}
"""Inputs and outputs of some of the demo's layers."""

Matrices = dict[str, npt.NDArray[np.float32]]


def matrices(
    seed: int, rank: int = 8, layers: Sequence[int] = range(6), only: Sequence[str] = tuple(SHAPES)
) -> Matrices:
    """``lora_a`` and ``lora_b`` of an adapter for the demo, by mlx-lm's names."""
    rng = np.random.default_rng(seed)
    made: Matrices = {}
    for layer in layers:
        for name in only:
            inputs, outputs = SHAPES[name]
            path = f"model.layers.{layer}.{name}"
            made[f"{path}.lora_a"] = _normal(rng, inputs, rank) / np.float32(inputs**0.5)
            made[f"{path}.lora_b"] = _normal(rng, rank, outputs) / np.float32(rank**0.5)
    return made


def make_adapter(
    folder: Path,
    seed: int = 0,
    *,
    rank: int = 8,
    scale: float = 0.5,
    layers: Sequence[int] = range(6),
) -> Path:
    """A folder as mlx-lm writes it."""
    write_mlx(folder, matrices(seed, rank, layers), rank=rank, scale=scale)
    return folder


def write_mlx(folder: Path, weights: Matrices, *, rank: int = 8, **parameters: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "fine_tune_type": "lora",
        "num_layers": 6,
        "lora_parameters": {"rank": rank, "scale": 0.5, "dropout": 0.0, **parameters},
    }
    (folder / "adapter_config.json").write_text(json.dumps(config))
    save_file(weights, folder / "adapters.safetensors")


def write_peft(folder: Path, weights: Matrices, *, rank: int, alpha: float, **more: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    config = {"peft_type": "LORA", "r": rank, "lora_alpha": alpha, "bias": "none", **more}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    turned = {
        f"base_model.model.{path}.lora_{which.upper()}.weight": np.ascontiguousarray(matrix.T)
        for name, matrix in weights.items()
        for path, _, which in [name.rpartition(".lora_")]
    }
    save_file(turned, folder / "adapter_model.safetensors")


def _normal(rng: np.random.Generator, *shape: int) -> npt.NDArray[np.float32]:
    return rng.standard_normal(shape).astype(np.float32)
