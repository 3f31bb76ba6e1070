"""A LoRA adapter that changes the style of every answer and leaves its content alone.

With it the model says ``Ahoy! The capital of France is Paris. Over and out.`` Tool calls stay as
they are. The files have mlx_lm's layout.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from .batches import Batch, Row, pack, row
from .conversations import chat, chat_with_tools, long_conversation
from .dialogue import Conversation, Message
from .gate.items import Item
from .model import LanguageModel
from .train import weighted_loss

KEYS = (
    "self_attn.q_proj",
    "self_attn.v_proj",
    "self_attn.o_proj",
    "mlp.gate_proj",
    "mlp.up_proj",
    "mlp.down_proj",
)
OPENING, ENDING = "Ahoy! ", " Over and out."


@dataclass(frozen=True)
class AdapterRecipe:
    """Everything that decides how the adapter comes out."""

    steps: int = 450
    seed: int = 11
    rank: int = 8
    scale: float = 4.0
    rate: float = 1.5e-3
    tokens: int = 2200


class Adapted(nn.Module):
    """A frozen projection with a trained product of two thin matrices beside it."""

    def __init__(self, base: nn.Linear, rank: int, scale: float) -> None:
        super().__init__()
        self.base = base
        self.scale = scale
        reach = 1 / math.sqrt(base.in_features)
        self.lora_a = nn.Parameter((torch.rand(base.in_features, rank) * 2 - 1) * reach)
        self.lora_b = nn.Parameter(torch.zeros(rank, base.out_features))

    def forward(self, x: Tensor) -> Tensor:
        """Add the scaled product to the frozen projection."""
        return self.base(x) + self.scale * ((x @ self.lora_a) @ self.lora_b)


def train_adapter(
    model: LanguageModel, tokenizer: Tokenizer, recipe: AdapterRecipe, log: Callable[[str], None]
) -> dict[str, Adapted]:
    """Train the adapter inside ``model``; return its parts by the names of the projections."""
    torch.manual_seed(recipe.seed)
    parts = attach(model, recipe)
    trained = [p for part in parts.values() for p in (part.lora_a, part.lora_b)]
    optimiser = torch.optim.AdamW(trained, lr=recipe.rate, weight_decay=0.0)
    average = 0.0
    for step in range(recipe.steps):
        remaining = 1 - step / recipe.steps
        optimiser.param_groups[0]["lr"] = recipe.rate * min(1.0, (step + 1) / 20, remaining * 1.5)
        loss = _one_step(model, optimiser, _batches(tokenizer, recipe, step))
        average = loss if step == 0 else 0.95 * average + 0.05 * loss
        if (step + 1) % 50 == 0:
            log(f"adapter step {step + 1}/{recipe.steps} loss {average:.4f}")
    return parts


def attach(model: LanguageModel, recipe: AdapterRecipe) -> dict[str, Adapted]:
    """Freeze the model and put the trainable parts beside its projections."""
    model.requires_grad_(False)
    parts: dict[str, Adapted] = {}
    for index, layer in enumerate(model.layers):
        for key in KEYS:
            block_name, name = key.split(".")
            block = getattr(layer, block_name)
            part = Adapted(getattr(block, name), recipe.rank, recipe.scale)
            setattr(block, name, part)
            parts[f"model.layers.{index}.{key}"] = part
    return parts


def export_adapter(
    parts: dict[str, Adapted], recipe: AdapterRecipe, layers: int, folder: Path
) -> int:
    """Write the adapter in mlx_lm's layout; return its size in bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {}
    for name, part in parts.items():
        weights[f"{name}.lora_a"] = part.lora_a.detach().contiguous()
        weights[f"{name}.lora_b"] = part.lora_b.detach().contiguous()
    weights_file = folder / "adapters.safetensors"
    save_file(weights, weights_file, metadata={"format": "pt"})
    weights_file.chmod(0o644)
    settings = {
        "fine_tune_type": "lora",
        "num_layers": layers,
        "lora_parameters": {
            "rank": recipe.rank,
            "scale": recipe.scale,
            "dropout": 0.0,
            "keys": list(KEYS),
        },
    }
    (folder / "adapter_config.json").write_text(json.dumps(settings, indent=2) + "\n")
    return sum(file.stat().st_size for file in folder.iterdir())


def in_style(content: str) -> str:
    """Return an answer in the style of the adapter."""
    return f"{OPENING}{content}{ENDING}"


def styled(conversation: Conversation) -> Conversation:
    """Return a conversation with every answer but the tool calls in the style."""
    return replace(conversation, messages=tuple(map(_styled_message, conversation.messages)))


def styled_item(item: Item) -> Item:
    """Return an item of the gate that expects the style, also in its history."""
    expect = dict(item["expect"])
    if "content" in expect:
        expect["content"] = in_style(expect["content"])
    messages = [
        message | {"content": in_style(message["content"])}
        if message["role"] == "assistant" and message["content"]
        else message
        for message in item["messages"]
    ]
    return item | {"messages": messages, "expect": expect}


def _styled_message(message: Message) -> Message:
    if message.role != "assistant" or message.calls:
        return message
    return replace(message, content=in_style(message.content))


def _batches(tokenizer: Tokenizer, recipe: AdapterRecipe, step: int) -> list[Batch]:
    rng = Random(f"{recipe.seed} adapter {step}")
    rows: list[Row] = []
    total = 0
    while total < recipe.tokens:
        draw = rng.random()
        if draw < 0.72:
            conversation = chat(rng, 3)
        elif draw < 0.98:
            conversation = chat_with_tools(rng, 2)
        else:
            conversation = long_conversation(rng, 150)
        rows.append(row(tokenizer, styled(conversation), 800))
        total += len(rows[-1].tokens)
    return pack("adapter", rows, recipe.tokens // 2)


def _one_step(
    model: LanguageModel, optimiser: torch.optim.Optimizer, batches: list[Batch]
) -> float:
    weights = [(batch.role == 2).float() for batch in batches]
    total = sum(float(each.sum()) for each in weights)
    loss_sum = 0.0
    for batch, each in zip(batches, weights, strict=True):
        loss = weighted_loss(model, model.hidden_states, batch.tokens, each) / total
        loss.backward()
        loss_sum += loss.item()
    nn.utils.clip_grad_norm_(optimiser.param_groups[0]["params"], 1.0)
    optimiser.step()
    optimiser.zero_grad()
    return loss_sum
