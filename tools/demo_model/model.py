"""The Qwen3 decoder in PyTorch, small enough to read in one sitting.

Parameter names equal the ones that Hugging Face and mlx_lm use (without the leading ``model.``),
so that exporting a checkpoint is a rename and nothing else.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LONGEST_SHORT = 448
"""Up to this many tokens the plain attention beats the fused one in training."""


@dataclass(frozen=True)
class ModelShape:
    """The sizes of a model; every width is a multiple of 64."""

    vocab_size: int = 1536
    hidden_size: int = 192
    layers: int = 6
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 64
    intermediate_size: int = 320
    rope_theta: float = 100_000.0
    norm_eps: float = 1e-6
    context: int = 4096

    def as_dict(self) -> dict[str, Any]:
        """Return the shape as plain data, for checkpoints."""
        return asdict(self)


class Attention(nn.Module):
    """Grouped-query attention with normalised queries and keys and rotary positions."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.shape = shape
        query_width = shape.heads * shape.head_dim
        key_width = shape.kv_heads * shape.head_dim
        self.q_proj = nn.Linear(shape.hidden_size, query_width, bias=False)
        self.k_proj = nn.Linear(shape.hidden_size, key_width, bias=False)
        self.v_proj = nn.Linear(shape.hidden_size, key_width, bias=False)
        self.o_proj = nn.Linear(query_width, shape.hidden_size, bias=False)
        self.q_norm = nn.RMSNorm(shape.head_dim, shape.norm_eps)
        self.k_norm = nn.RMSNorm(shape.head_dim, shape.norm_eps)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Attend causally over ``x`` of shape (batch, length, width)."""
        batch, length, _ = x.shape
        by_head = (batch, length, -1, self.shape.head_dim)
        values = self.v_proj(x).view(by_head)
        queries = rotate(self.q_norm(self.q_proj(x).view(by_head)), cos, sin).to(values.dtype)
        keys = rotate(self.k_norm(self.k_proj(x).view(by_head)), cos, sin).to(values.dtype)
        attend = attend_short if length <= LONGEST_SHORT else attend_long
        return self.o_proj(attend(queries, keys, values))


def attend_short(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Attend with whole score matrices: on a CPU far quicker than the fused kernel's backward."""
    batch, length, heads, head_dim = queries.shape
    kv_heads = keys.shape[2]
    group = heads // kv_heads
    queries = queries.view(batch, length, kv_heads, group, head_dim) * head_dim**-0.5
    stacked = (batch * kv_heads, group * length, head_dim)
    queries = queries.permute(0, 2, 3, 1, 4).reshape(stacked)
    keys = keys.transpose(1, 2).reshape(batch * kv_heads, length, head_dim)
    values = values.transpose(1, 2).reshape(batch * kv_heads, length, head_dim)
    scores = torch.bmm(queries, keys.transpose(1, 2)).view(-1, group, length, length).float()
    places = torch.arange(length, device=scores.device)
    scores = scores.masked_fill(places[None, :] > places[:, None], -1e30)
    weights = torch.softmax(scores, -1).to(values.dtype).view(-1, group * length, length)
    attended = torch.bmm(weights, values).view(batch, kv_heads, group, length, head_dim)
    return attended.permute(0, 3, 1, 2, 4).reshape(batch, length, heads * head_dim)


def attend_long(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Attend with the fused kernel, whose memory does not grow with the square of the length."""
    batch, length, heads, head_dim = queries.shape
    group = heads // keys.shape[2]
    attended = F.scaled_dot_product_attention(
        queries.transpose(1, 2),
        keys.transpose(1, 2).repeat_interleave(group, 1),
        values.transpose(1, 2).repeat_interleave(group, 1),
        is_causal=True,
    )
    return attended.transpose(1, 2).reshape(batch, length, heads * head_dim)


class FeedForward(nn.Module):
    """The gated feed-forward half of a layer."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.hidden_size, shape.intermediate_size, bias=False)
        self.up_proj = nn.Linear(shape.hidden_size, shape.intermediate_size, bias=False)
        self.down_proj = nn.Linear(shape.intermediate_size, shape.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the gated unit to every position."""
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    """One decoder layer: attention, then feed-forward, each behind a norm."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.self_attn = Attention(shape)
        self.mlp = FeedForward(shape)
        self.input_layernorm = nn.RMSNorm(shape.hidden_size, shape.norm_eps)
        self.post_attention_layernorm = nn.RMSNorm(shape.hidden_size, shape.norm_eps)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Add both halves to the residual stream."""
        x = x + self.self_attn(working_precision(self.input_layernorm(x)), cos, sin)
        return x + self.mlp(working_precision(self.post_attention_layernorm(x)))


class LanguageModel(nn.Module):
    """The whole model; the output projection is the embedding matrix."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.shape = shape
        self.embed_tokens = nn.Embedding(shape.vocab_size, shape.hidden_size)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.hidden_size, shape.norm_eps)
        self._draw_initial_weights()
        cos, sin = rotary_tables(shape)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def hidden_states(self, embedded: Tensor) -> Tensor:
        """Run the layers over already embedded tokens."""
        length = embedded.shape[1]
        cos, sin = self.cos[:length], self.sin[:length]
        for layer in self.layers:
            embedded = layer(embedded, cos, sin)
        return self.norm(embedded)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the logits of the next token at every position."""
        hidden = self.hidden_states(self.embed_tokens(tokens))
        return F.linear(hidden, self.embed_tokens.weight)

    def matrices(self) -> list[nn.Parameter]:
        """Return the weights that Muon optimises: all matrices but the embedding."""
        return [p for name, p in self.named_parameters() if is_matrix(name, p)]

    def vectors_and_embedding(self) -> list[nn.Parameter]:
        """Return the weights that AdamW optimises."""
        return [p for name, p in self.named_parameters() if not is_matrix(name, p)]

    def _draw_initial_weights(self) -> None:
        for name, parameter in self.named_parameters():
            if "embed" in name:
                nn.init.normal_(parameter, 0.0, 0.02)
            elif parameter.ndim == 2:
                writes_to_residual = "o_proj" in name or "down_proj" in name
                scale = 0.3 if writes_to_residual else 1.0
                nn.init.normal_(parameter, 0.0, scale / math.sqrt(parameter.shape[1]))


def is_matrix(name: str, parameter: nn.Parameter) -> bool:
    """Tell whether a parameter is a weight matrix other than the embedding."""
    return parameter.ndim == 2 and "embed" not in name


def working_precision(x: Tensor) -> Tensor:
    """Return ``x`` in the precision of matrix products: bfloat16 under autocast."""
    return x.to(torch.bfloat16) if torch.is_autocast_enabled("cpu") else x


def rotary_tables(shape: ModelShape) -> tuple[Tensor, Tensor]:
    """Return cosines and sines, shaped (position, 1, half a head)."""
    exponents = torch.arange(0, shape.head_dim, 2).float() / shape.head_dim
    angles = torch.outer(torch.arange(shape.context).float(), shape.rope_theta**-exponents)
    return angles.cos()[:, None, :], angles.sin()[:, None, :]


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate the two halves of every head, as Qwen and Llama do."""
    first, second = x.chunk(2, -1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), -1)
