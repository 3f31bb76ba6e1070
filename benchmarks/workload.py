"""What is asked: prompts of random words, seeded, never the same twice in a run."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.models import BenchModel


@dataclass(frozen=True)
class Sampling:
    """A lane's own way of choosing tokens."""

    temperature: float
    top_p: float
    seed: int


@dataclass(frozen=True)
class Form:
    """What an answer has to look like. It must not allow an answer to end before the tokens that
    are asked for."""

    fields: Mapping[str, Any]
    """Of the request, which ask for it."""
    begins: str
    """A regex of how every such answer begins, and no free one."""


@dataclass(frozen=True)
class Ask:
    """One request: a prompt, exactly how many tokens to answer, and how (``None``: greedy)."""

    prompt: tuple[int, ...]
    max_tokens: int
    sampling: Sampling | None = None
    after_s: float = 0.0
    """Sent so many seconds after the wave's start, and"""
    after_events: int = 0
    """not before so many events of the wave's first answer have come."""
    cut: bool = False
    """The client leaves as soon as all answers that are not cut are over."""
    form: Form | None = None
    """``None``: any text will do."""


class Workload:
    """Draws asks from one seeded stream, so that every contender gets the same ones."""

    def __init__(self, model: BenchModel, seed: int) -> None:
        self._words = sorted(model.words)
        self._random = random.Random(seed)

    def prompt(self, length: int) -> tuple[int, ...]:
        return tuple(self._random.choices(self._words, k=length))

    def crowd(self, lanes: int, tokens_in: int, tokens_out: int) -> list[Ask]:
        """Equal lengths: what the limit can do without padding or idle lanes."""
        return [Ask(self.prompt(tokens_in), tokens_out) for _ in range(lanes)]

    def burst(self, lanes: int = 32) -> list[Ask]:
        """Mixed lengths as a busy server sees them: prompts of 16-1,500 tokens, log-uniform,
        answers of 16-128, uniform."""
        draw = self._random.uniform
        lengths = [round(math.exp(draw(math.log(16), math.log(1500)))) for _ in range(lanes)]
        return [Ask(self.prompt(n), self._random.randint(16, 128)) for n in lengths]


def sampled(asks: Sequence[Ask]) -> list[Ask]:
    """The same asks with temperature, top-p and seed of each lane's own."""
    return [
        Ask(
            ask.prompt,
            ask.max_tokens,
            Sampling(0.6 + 0.05 * (i % 8), 0.8 + 0.02 * (i % 8), seed=1000 + i),
        )
        for i, ask in enumerate(asks)
    ]
