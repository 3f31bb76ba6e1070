"""Small random-weight models of many architectures: every kind of cache that mlx-lm has."""

import importlib
from typing import Any

import mlx.core as mx
from mlx.utils import tree_map

VOCAB = 97
COMMON = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-5,
    "max_position_embeddings": 2048,
    "head_dim": 8,
    "rope_theta": 10000.0,
}
ZOO: dict[str, dict[str, Any]] = {
    # Growing caches.
    "llama": {**COMMON, "num_hidden_layers": 2, "tie_word_embeddings": False},
    "qwen3": {**COMMON, "num_hidden_layers": 2, "tie_word_embeddings": False},
    # Sliding windows beside full attention.
    "gemma3_text": {
        **COMMON,
        "num_hidden_layers": 4,
        "sliding_window": 24,
        "sliding_window_pattern": 3,
        "query_pre_attn_scalar": 8,
    },
    # Recurrent.
    "mamba2": {
        "vocab_size": VOCAB,
        "num_heads": 4,
        "head_dim": 16,
        "hidden_size": 32,
        "intermediate_size": 64,
        "state_size": 8,
        "num_hidden_layers": 2,
        "layer_norm_epsilon": 1e-5,
        "conv_kernel": 4,
        "n_groups": 1,
        "use_bias": False,
        "use_conv_bias": True,
        "tie_word_embeddings": False,
        "time_step_limit": (0.0, 100.0),
        "time_step_rank": "auto",
    },
    # Hybrids.
    "qwen3_next": {
        **COMMON,
        "num_hidden_layers": 4,
        "linear_num_value_heads": 4,
        "linear_num_key_heads": 2,
        "linear_key_head_dim": 8,
        "linear_value_head_dim": 8,
        "linear_conv_kernel_dim": 4,
        "num_experts": 0,
        "num_experts_per_tok": 2,
        "decoder_sparse_step": 1,
        "shared_expert_intermediate_size": 32,
        "mlp_only_layers": [0, 1, 2, 3],
        "moe_intermediate_size": 32,
        "partial_rotary_factor": 0.5,
    },
    "falcon_h1": {
        "vocab_size": VOCAB,
        "hidden_size": 32,
        "head_dim": 8,
        "intermediate_size": 64,
        "mamba_d_head": 8,
        "mamba_d_ssm": 32,
        "mamba_d_state": 8,
        "mamba_n_heads": 4,
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "num_key_value_heads": 2,
        "rope_theta": 1e4,
        "max_position_embeddings": 2048,
    },
    # Caches that merge, and a model that cannot use them merged.
    "gemma2": {**COMMON, "num_hidden_layers": 2, "query_pre_attn_scalar": 8},
    "afm7": {
        "vocab_size": VOCAB,
        "hidden_dim": 32,
        "num_layers": 4,
        "num_kv_reuse_layers": 2,
        "num_heads": 4,
        "num_kv_heads": 2,
    },
}


def build(name: str, **changes: Any) -> Any:
    """A model of this architecture, its weights loud enough for its tokens to vary."""
    module = importlib.import_module(f"mlx_lm.models.{name}")
    mx.random.seed(3)
    model = module.Model(module.ModelArgs.from_dict({"model_type": name, **ZOO[name], **changes}))
    model.eval()

    def louder(weight: mx.array) -> mx.array:
        if not mx.issubdtype(weight.dtype, mx.floating):
            return weight
        return weight + mx.random.normal(weight.shape) * (0.25 if weight.ndim > 1 else 0.02)

    model.update(tree_map(louder, model.parameters()))
    mx.eval(model.parameters())
    return model
