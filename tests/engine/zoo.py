"""Small random-weight models of many architectures: every kind of cache that mlx-lm has.

``ZOO``: one of each kind that Pippin batches or remembers, for whatever is tried with every kind.
``FURTHER``: what else there is, with heads that can be quantised.
"""

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

WIDE = {**COMMON, "hidden_size": 128, "head_dim": 32, "num_hidden_layers": 2}
SLIDING = {**WIDE, "num_hidden_layers": 4, "sliding_window": 24, "sliding_window_pattern": 2}
LATENT = {
    **WIDE,
    "kv_lora_rank": 32,
    "q_lora_rank": 16,
    "qk_rope_head_dim": 32,
    "v_head_dim": 32,
    "qk_nope_head_dim": 32,
    "moe_intermediate_size": 16,
}
FURTHER: dict[str, dict[str, Any]] = {
    "phi": {**WIDE, "num_key_value_heads": 4, "partial_rotary_factor": 0.5},
    "phi3": WIDE,
    "olmo2": WIDE,
    "mixtral": {**WIDE, "num_local_experts": 4, "num_experts_per_tok": 2},
    "qwen3_moe": {
        **WIDE,
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "decoder_sparse_step": 1,
        "mlp_only_layers": [],
        "moe_intermediate_size": 32,
        "tie_word_embeddings": False,
        "norm_topk_prob": True,
    },
    # Sliding windows.
    "cohere2": SLIDING,
    "gpt_oss": {**SLIDING, "num_local_experts": 4, "num_experts_per_tok": 2},
    "iquestloopcoder": {**WIDE, "loop_window_size": 24},
    # Layers that use the cache of another one.
    "gemma3n": {
        "text_config": {
            **SLIDING,
            "model_type": "gemma3n",
            "num_hidden_layers": 6,
            "num_kv_shared_layers": 2,
            "vocab_size_per_layer_input": VOCAB,
            "rope_local_base_freq": 1e4,
            "final_logit_softcapping": 1e4,
            "layer_types": ["sliding_attention", "sliding_attention", "full_attention"] * 2,
            "activation_sparsity_pattern": [0.0] * 6,
            "hidden_size_per_layer_input": 8,
            "altup_num_inputs": 2,
            "altup_coef_clip": 120.0,
            "altup_correct_scale": True,
            "altup_active_idx": 0,
            "laurel_rank": 4,
        }
    },
    # Latent attention, plain and with an index.
    "deepseek_v2": {
        **LATENT,
        "rope_scaling": {"type": "yarn", "factor": 2.0, "mscale": 1.0, "mscale_all_dim": 1.0},
    },
    "deepseek_v3": LATENT,
    "deepseek_v32": {**LATENT, "index_head_dim": 32, "index_n_heads": 2, "index_topk": 16},
    # A window that is cut in chunks and does not merge.
    "llama4": {
        "text_config": {
            **WIDE,
            "model_type": "llama4",
            "num_hidden_layers": 4,
            "attention_bias": False,
            "attention_chunk_size": 24,
            "interleave_moe_layer_step": 1,
            "intermediate_size_mlp": 32,
            "num_experts_per_tok": 1,
            "num_local_experts": 2,
            "rope_scaling": None,
            "use_qk_norm": True,
        }
    },
    # It treats its very first token unlike all others.
    "recurrent_gemma": {
        **COMMON,
        "num_hidden_layers": 3,
        "num_key_value_heads": 1,
        "attention_bias": False,
        "conv1d_width": 4,
        "logits_soft_cap": 1e4,
        "attention_window_size": 24,
        "block_types": ["recurrent", "recurrent", "attention"],
    },
    # A kind of cache of its own, which cannot be put back.
    "deepseek_v41": {
        **COMMON,
        "num_hidden_layers": 2,
        "head_dim": 16,
        "q_lora_rank": 16,
        "qk_rope_head_dim": 8,
        "o_groups": 2,
        "o_lora_rank": 8,
        "moe_intermediate_size": 16,
        "n_routed_experts": 2,
        "num_experts_per_tok": 1,
        "sliding_window": 24,
        "compress_ratios": (1, 4),
        "kv_source_layer_ids": (0, 1),
        "index_source_layer_ids": (-1, 1),
        "candidate_source_layer_id": -1,
        "index_n_heads": 2,
        "index_head_dim": 8,
        "index_topk": 4,
    },
}


def build(name: str, **changes: Any) -> Any:
    """A model of this architecture, its weights loud enough for its tokens to vary."""
    module = importlib.import_module(f"mlx_lm.models.{name}")
    mx.random.seed(3)
    config = {"model_type": name, **(ZOO | FURTHER)[name], **changes}
    model = module.Model(module.ModelArgs.from_dict(config))
    model.eval()

    def louder(weight: mx.array) -> mx.array:
        if not mx.issubdtype(weight.dtype, mx.floating):
            return weight
        return weight + mx.random.normal(weight.shape) * (0.25 if weight.ndim > 1 else 0.02)

    model.update(tree_map(louder, model.parameters()))
    mx.eval(model.parameters())
    return model
