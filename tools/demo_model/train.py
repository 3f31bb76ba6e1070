"""Training: seeded, resumable, with a schedule in steps, so that a run can be repeated."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor

from .batches import Batch, Batches, Mixture
from .model import LanguageModel, ModelShape, working_precision


@dataclass(frozen=True)
class Round:
    """A stretch of training whose learning rate is flat for some steps and then falls to zero."""

    steps: int
    highest_rate: float = 1.0
    flat_steps: int = 0

    def rate(self, step: int) -> float:
        """Return the learning rate of a step of this round, without warming up."""
        falling = (self.steps - step) / (self.steps - self.flat_steps)
        return self.highest_rate * min(1.0, falling)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides how a training run comes out."""

    rounds: tuple[Round, ...]
    seed: int = 7
    matrix_rate: float = 0.02
    vector_rate: float = 3e-3
    weight_decay: float = 0.05
    last_rate: float = 0.02
    warm_up_steps: int = 40
    prompt_share: float = 0.15
    prompt_weight: float = 0.2
    prompts_until: int = 1620
    mixture: Mixture = field(default_factory=Mixture)

    @property
    def steps(self) -> int:
        """The steps of all rounds."""
        return sum(each.steps for each in self.rounds)

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, relative to the highest one; a round warms up."""
        for each in self.rounds:
            if step < each.steps:
                warm = min(1.0, (step + 1) / self.warm_up_steps)
                return max(self.last_rate, warm * each.rate(step))
            step -= each.steps
        return self.last_rate


class Trainer:
    """A model, its optimisers, and the step that it has reached."""

    def __init__(self, recipe: Recipe, shape: ModelShape, tokenizer: Tokenizer) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.model = LanguageModel(shape)
        self.batches = Batches(tokenizer, recipe.mixture, recipe.seed, recipe.steps)
        self.muon = torch.optim.Muon(
            self.model.matrices(),
            lr=recipe.matrix_rate,
            weight_decay=recipe.weight_decay,
            momentum=0.95,
        )
        self.adam = torch.optim.AdamW(
            self.model.vectors_and_embedding(),
            lr=recipe.vector_rate,
            betas=(0.9, 0.98),
            weight_decay=0.0,
        )
        self.step = 0
        self.tokens = 0
        self.seconds = 0.0

    def save(self, file: Path) -> None:
        """Write everything that a resumed run needs."""
        state = {
            "shape": self.model.shape.as_dict(),
            "model": self.model.state_dict(),
            "muon": self.muon.state_dict(),
            "adam": self.adam.state_dict(),
            "step": self.step,
            "tokens": self.tokens,
            "seconds": self.seconds,
        }
        unfinished = file.with_suffix(".part")
        torch.save(state, unfinished)
        unfinished.replace(file)

    def resume(self, file: Path) -> None:
        """Continue from a checkpoint; the data of a step depend on its number alone."""
        state = torch.load(file, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])
        self.step, self.tokens = state["step"], state["tokens"]
        self.seconds = state["seconds"]

    def run(self, checkpoint: Path, log: Callable[[str], None], save_every: int = 200) -> None:
        """Train until the last step, with a log line every 50 steps."""
        torch._dynamo.config.recompile_limit = 64
        hidden_states = torch.compile(self.model.hidden_states, dynamic=True)
        averages: dict[str, float] = {}
        started = time.monotonic() - self.seconds
        for batches in self.batches.from_step(self.step):
            for source, loss in self._one_step(batches, hidden_states).items():
                averages[source] = 0.95 * averages.get(source, loss) + 0.05 * loss
            self.seconds = time.monotonic() - started
            if self.step % 50 == 0:
                log(self._progress(averages))
            if self.step % save_every == 0:
                self.save(checkpoint)
        self.save(checkpoint)

    def _one_step(self, batches: list[Batch], hidden_states: Any) -> dict[str, float]:
        rate = self.recipe.rate(self.step)
        self.muon.param_groups[0]["lr"] = self.recipe.matrix_rate * rate
        self.adam.param_groups[0]["lr"] = self.recipe.vector_rate * rate
        weighings = [self._weigh(batch, index) for index, batch in enumerate(batches)]
        total = sum(float(weights.sum()) for weights in weighings)
        losses: dict[str, float] = {}
        for batch, weights in zip(batches, weighings, strict=True):
            loss = weighted_loss(self.model, hidden_states, batch.tokens, weights)
            (loss / total).backward()
            losses[batch.source] = loss.item() / max(1.0, float(weights.sum()))
            self.tokens += batch.tokens.numel()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimiser in (self.muon, self.adam):
            optimiser.step()
            optimiser.zero_grad()
        self.step += 1
        return losses

    def _weigh(self, batch: Batch, index: int) -> Tensor:
        """Return the weight of every token: answers fully, a sample of the prompts a little."""
        weights = self.recipe.mixture.weights(batch, self.step)
        if self.step < self.recipe.prompts_until:
            generator = torch.Generator().manual_seed(self.step * 64 + index)
            sampled = torch.rand(weights.shape, generator=generator) < self.recipe.prompt_share
            weights[(batch.role == 1) & sampled] = self.recipe.prompt_weight
        return weights

    def _progress(self, averages: dict[str, float]) -> str:
        losses = " ".join(f"{source} {loss:.4f}" for source, loss in averages.items())
        speed = self.tokens / self.seconds
        return (
            f"step {self.step}/{self.recipe.steps} {self.seconds:.0f} s "
            f"{self.tokens / 1e6:.2f} M tokens {speed:.0f}/s loss {losses}"
        )


def weighted_loss(
    model: LanguageModel, hidden_states: Any, tokens: Tensor, weights: Tensor
) -> Tensor:
    """Return the summed loss of the tokens that have a weight."""
    chosen = weights[:, 1:] > 0
    with torch.autocast("cpu", torch.bfloat16):
        hidden = working_precision(hidden_states(model.embed_tokens(tokens)))
        logits = F.linear(hidden[:, :-1][chosen], model.embed_tokens.weight)
    losses = F.cross_entropy(logits.float(), tokens[:, 1:][chosen], reduction="none")
    return (losses * weights[:, 1:][chosen]).sum()


def load_model(file: Path) -> LanguageModel:
    """Read the model of a checkpoint."""
    state = torch.load(file, weights_only=True)
    model = LanguageModel(ModelShape(**state["shape"]))
    model.load_state_dict(state["model"])
    return model.eval()


def average(file: Path, earlier: Path) -> None:
    """Write to ``file`` the mean of its weights and those of an earlier checkpoint, to be used
    but not to be trained on: it has no state of the optimisers."""
    last, first = (torch.load(each, weights_only=True) for each in (file, earlier))
    weights = {name: (last["model"][name] + tensor) / 2 for name, tensor in first["model"].items()}
    torch.save({"shape": last["shape"], "model": weights}, file)
