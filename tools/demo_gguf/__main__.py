"""``python -m tools.demo_gguf``: the shipped demo model → ``demo-gguf``, in 8 bits (Q8_0)."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import numpy.typing as npt

PACKAGED = Path(__file__).parents[2] / "src" / "pippin" / "demo" / "models"
ARCHITECTURE = gguf.MODEL_ARCH.QWEN3
NAME = "Pippin demo"
QUANTISED = gguf.GGMLQuantizationType.Q8_0

Floats = npt.NDArray[np.float32]


def main() -> None:
    """Convert the folder; the file's bytes depend on the folder's only."""
    parser = argparse.ArgumentParser(prog="python -m tools.demo_gguf", description=__doc__)
    parser.add_argument("--folder", type=Path, default=PACKAGED / "demo")
    parser.add_argument("--out", type=Path, default=PACKAGED / "demo-gguf" / "demo.gguf")
    given = parser.parse_args()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    write_gguf(given.folder, given.out)
    given.out.chmod(0o644)
    sys.stderr.write(f"{given.out}: {given.out.stat().st_size} bytes\n")


def write_gguf(folder: Path, out: Path) -> None:
    """Settings, tokenizer, chat template and weights of a ``qwen3`` folder, in one file."""
    config = _read_json(folder / "config.json")
    writer = gguf.GGUFWriter(out, gguf.MODEL_ARCH_NAMES[ARCHITECTURE])
    writer.add_name(NAME)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    if _read_json(folder / "generation_config.json").get("do_sample") is False:
        writer.add_float32("general.sampling.temp", 0.0)
    _add_shape(writer, config)
    _add_tokenizer(writer, folder, config)
    names = gguf.get_tensor_name_map(ARCHITECTURE, config["num_hidden_layers"])
    for name, weights in _weights(folder / "model.safetensors"):
        _add_tensor(writer, names.get_name(name, (".weight",)), weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_shape(writer: gguf.GGUFWriter, config: dict[str, Any]) -> None:
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_vocab_size(config["vocab_size"])


def _add_tokenizer(writer: gguf.GGUFWriter, folder: Path, config: dict[str, Any]) -> None:
    tokenizer = _read_json(folder / "tokenizer.json")
    ids = dict(tokenizer["model"]["vocab"])
    types = dict.fromkeys(ids.values(), gguf.TokenType.NORMAL)
    for token in tokenizer["added_tokens"]:
        ids[token["content"]] = token["id"]
        special = token["special"]
        types[token["id"]] = gguf.TokenType.CONTROL if special else gguf.TokenType.USER_DEFINED
    texts = sorted(ids, key=ids.__getitem__)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(texts)
    writer.add_token_types([types[ids[text]] for text in texts])
    writer.add_token_merges([" ".join(pair) for pair in tokenizer["model"]["merges"]])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_pad_token_id(config["pad_token_id"])
    writer.add_add_bos_token(False)
    writer.add_chat_template((folder / "chat_template.jinja").read_text())


def _add_tensor(writer: gguf.GGUFWriter, name: str, weights: Floats) -> None:
    if weights.ndim < 2:
        writer.add_tensor(name, weights)
        return
    writer.add_tensor(name, gguf.quants.quantize(weights, QUANTISED), raw_dtype=QUANTISED)


def _weights(file: Path) -> list[tuple[str, Floats]]:
    """Every tensor of a safetensors file in bfloat16, by name."""
    raw = file.read_bytes()
    head = int.from_bytes(raw[:8], "little")
    described = json.loads(raw[8 : 8 + head])
    weights = []
    for name, about in sorted(described.items()):
        if name == "__metadata__":
            continue
        begin, end = (8 + head + offset for offset in about["data_offsets"])
        halves = np.frombuffer(raw[begin:end], dtype="<u2").astype(np.uint32)
        weights.append((name, (halves << 16).view(np.float32).reshape(about["shape"])))
    return weights


def _read_json(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(file.read_text())
    return content


if __name__ == "__main__":
    main()
