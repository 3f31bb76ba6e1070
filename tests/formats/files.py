"""Files of models, well made and badly made."""

import json
from collections.abc import Mapping
from pathlib import Path

CONFIG = {
    "architectures": ["Qwen3ForCausalLM"],
    "model_type": "qwen3",
    "max_position_embeddings": 4096,
}


def header_bytes(header: object) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text


def safetensors_bytes(tensors: Mapping[str, tuple[str, list[int], int]]) -> bytes:
    """``tensors``: name → type, shape, and bytes of data, which are zeros."""
    header: dict[str, object] = {"__metadata__": {"format": "mlx"}}
    at = 0
    for name, (dtype, shape, size) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    return header_bytes(header) + bytes(at)


SMALL = safetensors_bytes(
    {
        "model.embed.weight": ("BF16", [4, 8], 64),
        "model.norm.weight": ("F32", [8], 32),
        "empty": ("F16", [0, 3], 0),
        "scalar": ("I64", [], 8),
    }
)


def model_folder(
    folder: Path, config: Mapping[str, object] = CONFIG, weights: bytes = SMALL
) -> Path:
    """A folder that looks like a model's, though no program could run it."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(weights)
    return folder
