"""Behind long texts, too, a lane's numbers are its own to the bit, alone and in a crowd."""

import random

import pytest

from pippin.core.sampling import Sampling
from pippin.engine.engine import Engine
from pippin.engine.lane import Job
from tests.engine.driver import run
from tests.engine.zoo import VOCAB, build

LENGTHS = (300, 380, 420, 700, 1_000)
"""Around and beyond what a BLAS sums in one go."""


def job(number: int, length: int) -> Job:
    draw = random.Random(number).randrange
    return Job(
        id=number,
        prompt=tuple(draw(VOCAB) for _ in range(length)),
        max_tokens=12,
        sampling=Sampling(temperature=0.7, seed=number),
        logprobs=3,
    )


@pytest.mark.parametrize("name", ["llama", "qwen3"])
def test_log_probabilities_are_those_of_a_lane_alone(name: str) -> None:
    model = build(name)
    jobs = [job(number, length) for number, length in enumerate(LENGTHS)]
    crowd = run(Engine(model, vocab_size=VOCAB), jobs)
    for each in jobs:
        alone = run(Engine(model, vocab_size=VOCAB, prefill_budget=48), [each])
        assert crowd.tokens[each.id, 0] == alone.tokens[each.id, 0]
        assert crowd.scores[each.id, 0] == alone.scores[each.id, 0]
