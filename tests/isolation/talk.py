"""Prompts and jobs for the tests of isolation."""

import random
from collections.abc import Sequence
from typing import Any

from pippin.core.sampling import Sampling
from pippin.engine.lane import Job

WORDS = 60
"""Tokens below it are words; it ends a turn."""
TURN_END = WORDS


def words(seed: int, count: int) -> list[int]:
    rng = random.Random(seed)
    return [rng.randrange(WORDS) for _ in range(count)]


def job(number: int, prompt: Sequence[int], **more: Any) -> Job:
    """Even numbers are greedy."""
    fields: dict[str, Any] = {
        "max_tokens": 12,
        "sampling": Sampling(temperature=0.9 * (number % 2), seed=number),
        "turn_ends": frozenset({TURN_END}),
        **more,
    }
    return Job(id=number, prompt=tuple(prompt), **fields)


def family(first: int, system: Sequence[int], seed: int | None = None) -> list[Job]:
    """Jobs that share prefixes in all the ways that people do: a shared system prompt, a branch
    in the middle of a turn, the very same prompt again, and with another seed. Their numbers
    begin with ``first``; what they say follows from ``seed``."""
    seed = first if seed is None else seed
    question = [*system, *words(seed, 45), TURN_END]
    branch = [*question[:-20], *words(seed + 1, 30), TURN_END]
    again = Sampling(temperature=0.9, seed=first + 1000)
    return [
        job(first, question),
        job(first + 1, [*system, *words(seed + 2, 30), TURN_END]),
        job(first + 2, branch),
        job(first + 3, question, choices=2),
        job(first + 4, question, sampling=again),
        job(first + 5, question[:-5]),
    ]
