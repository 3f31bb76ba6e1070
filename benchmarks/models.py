"""The models under test: llamas of random weights, made here, the same on every machine."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from benchmarks import tokenizer as tok

CONTEXT = 32768
_LOGIT_SPREAD = 9.0
"""Standard deviation of a word's logit. Words of this spread leave all other tokens, whose logits
are 0, a chance of less than 1e-7 together even at temperature 1: the end of text is never
sampled."""


@dataclass(frozen=True)
class Shape:
    """What a model's size is made of. Head width is ``width / heads``."""

    name: str
    vocab: int
    width: int
    inner: int
    layers: int
    heads: int
    kv_heads: int


SHAPES = {
    "tiny": Shape("tiny", vocab=2048, width=192, inner=512, layers=6, heads=6, kv_heads=3),
    "mid": Shape("mid", vocab=8192, width=640, inner=1920, layers=8, heads=10, kv_heads=5),
    "wide": Shape("wide", vocab=32768, width=192, inner=512, layers=6, heads=6, kv_heads=3),
}
"""``wide`` is ``tiny`` with a real model's vocabulary, so that what each of its entries costs
shows."""


@dataclass(frozen=True)
class BenchModel:
    """A model folder on disk, and what prompts can be made of."""

    name: str
    folder: Path
    parameters: int
    words: dict[int, str]
    """Token id -> its text, for every token that the model can pick."""

    def text(self, tokens: Sequence[int]) -> str:
        return "".join(self.words[token] for token in tokens)

    def tokens(self, text: str) -> list[int]:
        """The ids of an answer: one per word. Raises KeyError for a text that is not of words."""
        ids = {word: id_ for id_, word in self.words.items()}
        return [ids[" " + word] for word in text.split()]


def ensure(name: str, cache: Path) -> BenchModel:
    """The model of that name in ``cache``; made on first use."""
    cache.mkdir(parents=True, exist_ok=True)
    (cache / ".gitignore").write_text("*\n")
    folder = cache / name
    if not _is_whole(folder):
        _make(SHAPES[name], folder)
    facts = json.loads((folder / "bench.json").read_text())
    words = {int(id_): word for id_, word in facts["words"].items()}
    return BenchModel(name, folder, facts["parameters"], words)


def _is_whole(folder: Path) -> bool:
    """Made to its end, and by a version of this file that gave it the same context and spread."""
    path = folder / "bench.json"
    facts = json.loads(path.read_text()) if path.exists() else {}
    return (facts.get("context"), facts.get("spread")) == (CONTEXT, _LOGIT_SPREAD)


def _make(shape: Shape, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tokenizer = tok.train(shape.vocab)
    tok.save(tokenizer, folder, CONTEXT)
    words = tok.word_tokens(tokenizer)
    eos = tok.eos_id(tokenizer)
    weights = _weights(shape, words)
    save_file(weights, folder / "model.safetensors", metadata={"format": "mlx"})
    (folder / "config.json").write_text(json.dumps(_config(shape, eos), indent=1))
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [eos]}))
    facts = {
        "context": CONTEXT,
        "spread": _LOGIT_SPREAD,
        "parameters": sum(w.size for w in weights.values()),
        "words": {id_: tokenizer.decode([id_]) for id_ in words},
    }
    # Last: its presence says that the folder is whole.
    (folder / "bench.json").write_text(json.dumps(facts))


def _config(shape: Shape, eos: int) -> dict[str, object]:
    return {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "hidden_size": shape.width,
        "intermediate_size": shape.inner,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "head_dim": shape.width // shape.heads,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "vocab_size": shape.vocab,
        "max_position_embeddings": CONTEXT,
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
        "eos_token_id": eos,
    }


def _weights(shape: Shape, words: list[int]) -> dict[str, np.ndarray]:
    """Random projections scaled to keep the activations' size; unit norms; a head of words."""
    rng = np.random.default_rng(20261121)

    def normal(rows: int, columns: int, scale: float) -> np.ndarray:
        return (rng.standard_normal((rows, columns)) * scale).astype(np.float32)

    width, kv_width = shape.width, shape.width // shape.heads * shape.kv_heads
    matrices = {
        "self_attn.q_proj": (width, width),
        "self_attn.k_proj": (kv_width, width),
        "self_attn.v_proj": (kv_width, width),
        "self_attn.o_proj": (width, width),
        "mlp.gate_proj": (shape.inner, width),
        "mlp.up_proj": (shape.inner, width),
        "mlp.down_proj": (width, shape.inner),
    }
    weights = {"model.embed_tokens.weight": normal(shape.vocab, width, 1.0)}
    for layer in range(shape.layers):
        prefix = f"model.layers.{layer}."
        for name, (rows, columns) in matrices.items():
            weights[f"{prefix}{name}.weight"] = normal(rows, columns, columns**-0.5)
        for norm in ("input_layernorm", "post_attention_layernorm"):
            weights[f"{prefix}{norm}.weight"] = np.ones(width, np.float32)
    weights["model.norm.weight"] = np.ones(width, np.float32)
    head = np.zeros((shape.vocab, width), np.float32)
    head[words] = normal(len(words), width, _LOGIT_SPREAD * width**-0.5)
    weights["lm_head.weight"] = head
    return weights
