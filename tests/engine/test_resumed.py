"""Jobs that another engine had begun: what they say, with what they had said, is what they would
have said there."""

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from pippin.core.sampling import Sampling
from pippin.engine.engine import Engine
from pippin.engine.lane import Job, Resumed
from pippin.engine.mlx_arrays import DeviceArrays, HostArrays
from pippin.engine.probe import Sharing, probe
from pippin.engine.rows import CacheMaker
from tests.engine.driver import Transcript, run
from tests.engine.zoo import VOCAB, ZOO, build

Built = tuple[object, Sharing]


@pytest.fixture(scope="module", params=ZOO)
def model(request: pytest.FixtureRequest) -> Built:
    built = build(request.param)
    return built, probe(built, CacheMaker(built), VOCAB)


@pytest.fixture(params=[HostArrays, DeviceArrays], autouse=True)
def arrays(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pippin.engine.engine.arrays_for_device", request.param)


def engine(model: Built) -> Engine:
    built, sharing = model
    return Engine(built, vocab_size=VOCAB, prefill_budget=24, sharing=sharing)  # type: ignore[arg-type]


def jobs(count: int, most_choices: int) -> list[Job]:
    rng = random.Random(3)
    return [
        Job(
            id=number,
            prompt=tuple(rng.randrange(VOCAB) for _ in range(rng.choice([1, 2, 9, 33, 70]))),
            max_tokens=rng.choice([2, 12, 30]),
            min_tokens=rng.choice([0, 8]),
            eos=frozenset(rng.sample(range(VOCAB), 4)),
            choices=min(rng.choice([1, 1, 2, 3]), most_choices),
            logprobs=rng.choice([None, None, 2]),
            sampling=Sampling(
                temperature=rng.choice([0.0, 0.8, 1.5]),
                seed=number,
                repetition_penalty=rng.choice([1.0, 1.3]),
                frequency_penalty=rng.choice([0.0, 0.7]),
            ),
        )
        for number in range(count)
    ]


def cut(job: Job, whole: Transcript, rng: random.Random) -> Job | None:
    """The job as its engine leaves it at any moment; ``None``: when it was complete."""
    resumed: list[Resumed | None] = []
    for index in range(job.choices):
        tokens = whole.tokens[job.id, index]
        told = rng.randrange(len(tokens) + 1)
        again = rng.randrange(told + 1) if job.logprobs is not None else 0
        settled = tokens[: told - again]
        complete = told == len(tokens)
        resumed.append(
            None if complete else Resumed(tuple(settled), tuple(tokens[len(settled) : told]))
        )
    return replace(job, resumed=tuple(resumed)) if any(resumed) else None


def said(job: Job, index: int, tokens: Sequence[int]) -> list[int]:
    """All of a choice, with what had been said."""
    begun = job.resumed[index]
    assert begun is not None
    return [*begun.tokens, *tokens]


@pytest.mark.parametrize("seed", range(4))
def test_cut_anywhere_they_go_on_as_if_nothing_had_been(model: Built, seed: int) -> None:
    rng = random.Random(seed)
    whole = run(engine(model), jobs(10, 3 if model[1].decode else 1))
    parts = [cut(job, whole, rng) for job in jobs(10, 3 if model[1].decode else 1)]
    going_on = [job for job in parts if job]
    rest = run(engine(model), going_on)
    for job in going_on:
        for index in job.open_choices:
            lane = job.id, index
            assert said(job, index, rest.tokens[lane]) == whole.tokens[lane]
            assert rest.ends[lane] == whole.ends[lane]
            scores = whole.scores[lane][len(whole.tokens[lane]) - len(rest.tokens[lane]) :]
            got = [score.logprob for score in rest.scores[lane]]
            assert got == pytest.approx([score.logprob for score in scores], abs=1e-3)
    lanes = {(job.id, index) for job in going_on for index in job.open_choices}
    assert set(rest.tokens) == lanes
    assert {job.id for job in going_on} <= set(rest.begun)
