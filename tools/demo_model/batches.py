"""Batches of tokens: made up on the fly, sorted by length, the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

import torch
from tokenizers import Tokenizer
from torch import Tensor

from .conversations import chat, chat_with_tools, long_conversation
from .dialogue import Conversation
from .drills import distant_facts, first_calls, repeating
from .nonsense import Row, copying_row, repeated_row
from .render import segments
from .tokenizer import encode

BLOCK_STEPS = 8
"""How many steps are made up together, so that rows of equal length can share a batch."""


@dataclass(frozen=True)
class Batch:
    """Padded rows; ``role`` is 2 for tokens of the model, 1 for other tokens, 0 for padding."""

    source: str
    tokens: Tensor
    role: Tensor


@dataclass(frozen=True)
class Mixture:
    """How many tokens of each source a step gets, and from which step on.

    From ``tools_from`` on there are more tools and fewer other conversations; from ``novel_from``
    on the tools have more unheard-of names, and more calls share their descriptions. From
    ``drills_from`` on most tools are plainly worded ones that are called for the first time, and
    most long conversations are about distant facts, whose answers weigh more. From ``far_from`` on
    long conversations come more often, and only their last answers and the first tokens of these
    weigh more, for these are what takes looking back.
    """

    chat_tokens: int = 2000
    tool_tokens: int = 2200
    long_tokens: int = 3800
    copying_tokens: int = 1200
    tools_from: int = 2704
    late_chat_tokens: int = 1100
    late_tool_tokens: int = 3600
    novel_from: int = 3304
    drills_from: int = 4904
    drill_chat_tokens: int = 1600
    drill_long_every: int = 3
    drill_copying_every: int = 4
    distant_weight: float = 3.0
    far_from: int = 6752
    far_long_every: int = 2
    far_opening_weight: float = 3.0
    far_last_tokens: int = 300
    far_early_weight: float = 0.05
    long_every: int = 4
    long_from: int = 600
    longer_from: int = 1225
    longest_from: int = 1750
    copying_every: int = 8
    copying_until: int = 2000

    def sources(self, step: int) -> list[str]:
        """Return the sources of one step."""
        chosen = ["chat", "tools"]
        drills = step >= self.drills_from
        long_every = self.drill_long_every if drills else self.long_every
        long_every = self.far_long_every if step >= self.far_from else long_every
        if step >= self.long_from and step % long_every == 0:
            chosen.append("long")
        early = step < self.copying_until and step % self.copying_every == 3
        if early or (drills and step % self.drill_copying_every == 1):
            chosen.append("copying")
        return chosen

    def tokens(self, source: str, step: int) -> int:
        """Return how many tokens of a source a step gets."""
        late = step >= self.tools_from
        chat_tokens = self.late_chat_tokens if late else self.chat_tokens
        return {
            "chat": self.drill_chat_tokens if step >= self.drills_from else chat_tokens,
            "tools": self.late_tool_tokens if late else self.tool_tokens,
            "long": self.long_tokens,
            "copying": self.copying_tokens,
        }[source]

    def weights(self, batch: Batch, step: int) -> Tensor:
        """Return how much every token of a batch counts: answers do, and some more than others."""
        answers = (batch.role == 2).float()
        if batch.source != "long" or step < self.drills_from:
            return answers
        if step < self.far_from:
            return answers * self.distant_weight
        opens = (batch.role == 2) & (batch.role.roll(1, 1) != 2)
        ends = (batch.role > 0).sum(1, keepdim=True)
        late = torch.arange(batch.role.shape[1]) >= ends - self.far_last_tokens
        answers[opens] = self.far_opening_weight
        answers[~late] *= self.far_early_weight
        return answers * self.distant_weight


class Batches:
    """The training data: step by step, each block drawn from its own seed."""

    def __init__(self, tokenizer: Tokenizer, mixture: Mixture, seed: int, steps: int) -> None:
        self.tokenizer = tokenizer
        self.mixture = mixture
        self.seed = seed
        self.steps = steps
        self._makers: dict[str, Callable[[Random, int], Row]] = {
            "chat": self._chat,
            "tools": self._tools,
            "long": self._long,
            "copying": self._copying,
        }

    def from_step(self, first: int) -> Iterator[list[Batch]]:
        """Yield the batches of every step from ``first`` on."""
        for block in range(first // BLOCK_STEPS, -(-self.steps // BLOCK_STEPS)):
            for step, batches in enumerate(self._block(block), block * BLOCK_STEPS):
                if first <= step < self.steps:
                    yield batches

    def _block(self, block: int) -> list[list[Batch]]:
        rng = Random(f"{self.seed} {block}")
        steps: list[list[Batch]] = [[] for _ in range(BLOCK_STEPS)]
        first = block * BLOCK_STEPS
        for source, make in self._makers.items():
            tokens = self.mixture.tokens(source, first)
            users = [
                index
                for index in range(BLOCK_STEPS)
                for wanted in self.mixture.sources(first + index)
                if wanted == source
            ]
            if users:
                rows = _rows(partial(make, rng, first), tokens * len(users))
                batches = pack(source, rows, tokens)
                rng.shuffle(batches)
                for index, batch in enumerate(batches):
                    steps[users[index % len(users)]].append(batch)
        return steps

    def _chat(self, rng: Random, step: int) -> Row:
        if step >= self.mixture.drills_from and rng.random() < 0.15:
            return row(self.tokenizer, repeating(rng), 448)
        return row(self.tokenizer, chat(rng), 448)

    def _tools(self, rng: Random, step: int) -> Row:
        if step >= self.mixture.drills_from and rng.random() < 0.85:
            return row(self.tokenizer, first_calls(rng), 1200)
        if step >= self.mixture.novel_from:
            conversation = chat_with_tools(rng, most_exchanges=6, novelty=0.45, open_share=0.1)
            return row(self.tokenizer, conversation, 1000)
        return row(self.tokenizer, chat_with_tools(rng), 800)

    def _long(self, rng: Random, step: int) -> Row:
        draw = rng.random()
        if draw < 0.75 and step >= self.mixture.drills_from:
            return row(self.tokenizer, distant_facts(rng, rng.randint(250, 1050)), 4096)
        if draw < 0.03 and step >= self.mixture.longest_from:
            words = rng.randint(1000, 1400)
        elif step < self.mixture.longer_from:
            words = rng.randint(80, 350)
        else:
            words = rng.randint(150, 900)
        return row(self.tokenizer, long_conversation(rng, words), 3700)

    def _copying(self, rng: Random, step: int) -> Row:
        if step >= self.mixture.drills_from and rng.random() < 0.8:
            return repeated_row(self.tokenizer, rng)
        return copying_row(self.tokenizer, rng)


def row(tokenizer: Tokenizer, conversation: Conversation, longest: int) -> Row:
    """Return the tokens of a conversation, cut at ``longest``."""
    tokens: list[int] = []
    by_model: list[bool] = []
    for text, written in segments(conversation):
        ids = encode(tokenizer, text)
        tokens += ids
        by_model += [written] * len(ids)
    return Row(tokens[:longest], by_model[:longest])


def pack(source: str, rows: Sequence[Row], most_tokens: int) -> list[Batch]:
    """Sort rows by length and cut them into batches of about so many padded tokens."""
    ordered = sorted(rows, key=lambda each: len(each.tokens))
    batches: list[Batch] = []
    current: list[Row] = []
    for each in ordered:
        if current and len(each.tokens) * (len(current) + 1) > most_tokens * 1.15:
            batches.append(padded(source, current))
            current = []
        current.append(each)
    return [*batches, padded(source, current)]


def padded(source: str, rows: Sequence[Row]) -> Batch:
    """Return rows as one rectangle, whose length is a multiple of 16."""
    length = -(-max(len(each.tokens) for each in rows) // 16) * 16
    tokens = torch.zeros(len(rows), length, dtype=torch.long)
    role = torch.zeros(len(rows), length, dtype=torch.long)
    for index, each in enumerate(rows):
        tokens[index, : len(each.tokens)] = torch.tensor(each.tokens)
        role[index, : len(each.tokens)] = torch.tensor(each.by_model).long() + 1
    return Batch(source, tokens, role)


def _rows(make: Callable[[], Row], tokens: int) -> list[Row]:
    rows: list[Row] = []
    total = 0
    while total < tokens:
        rows.append(make())
        total += len(rows[-1].tokens)
    return rows
