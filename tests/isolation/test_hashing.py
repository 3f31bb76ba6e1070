"""The models that the others are tested with say what arithmetic says, and tell rows apart."""

import random

import mlx.core as mx
import pytest

from pippin.core.sampling import Sampling
from pippin.engine.lane import Job
from tests.isolation.hashing import KINDS, VOCAB, HashingModel, Kind, Truth
from tests.isolation.server import House


@pytest.mark.parametrize("kind", KINDS)
def test_alone_it_says_what_arithmetic_says(kind: Kind) -> None:
    house, truth = House(HashingModel(kind), VOCAB), Truth(kind)
    assert house.sharing.decode
    rng = random.Random(3)
    for number in range(6):
        job = Job(
            id=number,
            prompt=tuple(rng.randrange(VOCAB) for _ in range(rng.choice([1, 11, 50, 150]))),
            sampling=Sampling(temperature=0.9 * (number % 2), seed=number),
            max_tokens=20,
            choices=2,
        )
        expected = {(number, i): list(truth.lane(job, i)) for i in range(2)}
        assert house.alone(job) == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", [0, 30, 38, 39])
def test_every_token_that_may_be_seen_matters(kind: Kind, place: int) -> None:
    model = HashingModel(kind)
    tokens = [number % VOCAB for number in range(40)]
    changed = [*tokens]
    changed[place] += 1
    one, other = (
        model(mx.array([text]), cache=model.make_cache())[0, -1] for text in (tokens, changed)
    )
    assert not mx.array_equal(one, other).item()
