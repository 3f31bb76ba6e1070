"""Writing a model folder as Hugging Face and mlx_lm read it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer

from .model import LanguageModel
from .tokenizer import END_OF_TEXT, load_tokenizer

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")


def export_model(model: LanguageModel, tokenizer_folder: Path, folder: Path) -> int:
    """Write weights, settings and tokenizer; return the size of the folder in bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = load_tokenizer(tokenizer_folder)
    weights = {
        f"model.{name}": weight.to(torch.bfloat16).contiguous()
        for name, weight in model.state_dict().items()
    }
    weights_file = folder / "model.safetensors"
    save_file(weights, weights_file, metadata={"format": "pt"})
    weights_file.chmod(0o644)
    for name in TOKENIZER_FILES:
        shutil.copyfile(tokenizer_folder / name, folder / name)
    _write_json(folder / "config.json", _config(model, tokenizer))
    _write_json(folder / "generation_config.json", _generation_config(tokenizer))
    return sum(file.stat().st_size for file in folder.iterdir())


def _config(model: LanguageModel, tokenizer: Tokenizer) -> dict[str, object]:
    shape = model.shape
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "vocab_size": shape.vocab_size,
        "hidden_size": shape.hidden_size,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "head_dim": shape.head_dim,
        "intermediate_size": shape.intermediate_size,
        "hidden_act": "silu",
        "rms_norm_eps": shape.norm_eps,
        "rope_theta": shape.rope_theta,
        "rope_scaling": None,
        "max_position_embeddings": shape.context,
        "tie_word_embeddings": True,
        "attention_bias": False,
        "attention_dropout": 0.0,
        "use_cache": True,
        "use_sliding_window": False,
        "bos_token_id": None,
        "eos_token_id": tokenizer.token_to_id("<|im_end|>"),
        "pad_token_id": tokenizer.token_to_id(END_OF_TEXT),
        "torch_dtype": "bfloat16",
    }


def _generation_config(tokenizer: Tokenizer) -> dict[str, object]:
    end_of_turn, end_of_text = (tokenizer.token_to_id(t) for t in ("<|im_end|>", END_OF_TEXT))
    return {
        "eos_token_id": [end_of_turn, end_of_text],
        "pad_token_id": end_of_text,
        "do_sample": False,
    }


def _write_json(file: Path, content: dict[str, object]) -> None:
    file.write_text(json.dumps(content, indent=2) + "\n")
