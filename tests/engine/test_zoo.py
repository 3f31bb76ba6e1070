"""Every kind of cache: the same tokens alone and in any crowd, whatever joins, forks or leaves."""

import random
from collections.abc import Callable, Iterator

import pytest

from pippin.core.sampling import Sampling
from pippin.engine.engine import Engine
from pippin.engine.lane import Job
from pippin.engine.mlx_arrays import DeviceArrays, HostArrays
from pippin.engine.probe import Sharing, probe
from pippin.engine.rows import CacheMaker
from tests.engine.driver import LaneId, Transcript, run
from tests.engine.zoo import VOCAB, ZOO, build

NOT_TOGETHER = {"gemma2", "afm7"}
Crowd = tuple[Callable[..., Engine], list[Job], dict[LaneId, list[int]]]
LENGTHS = [1, 2, 9, 17, 30, 31, 33, 70, 130]


@pytest.fixture(scope="module", params=ZOO)
def model(request: pytest.FixtureRequest) -> tuple[str, object, Sharing]:
    built = build(request.param)
    return request.param, built, probe(built, CacheMaker(built), VOCAB)


def jobs(count: int) -> list[Job]:
    rng = random.Random(1)
    return [
        Job(
            id=number,
            prompt=tuple(rng.randrange(VOCAB) for _ in range(rng.choice(LENGTHS))),
            max_tokens=rng.choice([1, 3, 12, 30]),
            choices=rng.choice([1, 1, 2]),
            sampling=Sampling(
                temperature=rng.choice([0.0, 0.8]),
                seed=number,
                top_p=rng.choice([1.0, 0.9]),
                repetition_penalty=rng.choice([1.0, 1.3]),
            ),
        )
        for number in range(count)
    ]


def test_the_probe_tells_who_can_share(model: tuple[str, object, Sharing]) -> None:
    name, _, sharing = model
    assert sharing.decode == (name not in NOT_TOGETHER)


@pytest.fixture(scope="module", params=[HostArrays, DeviceArrays])
def crowd(request: pytest.FixtureRequest, model: tuple[str, object, Sharing]) -> Iterator[Crowd]:
    """Engines of a model, jobs for them, and what each is told alone."""
    _, built, sharing = model

    def engine(prefill_budget: int = 512, cost: int = 0) -> Engine:
        return Engine(
            built,  # type: ignore[arg-type]
            vocab_size=VOCAB,
            prefill_budget=prefill_budget,
            max_lanes=12,
            forward_cost=cost,
            sharing=sharing,
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pippin.engine.engine.arrays_for_device", request.param)
        everyone = [job for job in jobs(14) if sharing.decode or job.choices == 1]
        alone: dict[LaneId, list[int]] = {}
        for job in everyone:
            alone |= run(engine(), [job]).tokens
        yield engine, everyone, alone


@pytest.mark.parametrize(("budget", "cost"), [(512, 0), (16, 200), (7, 10**6)])
def test_alone_and_in_a_crowd(crowd: Crowd, budget: int, cost: int) -> None:
    engine, everyone, alone = crowd
    rng = random.Random(budget)
    arrival = {job.id: rng.randrange(20) for job in everyone}
    leaves = {job.id: rng.randrange(40) for job in rng.sample(everyone, 3)}
    waiting = list(everyone)

    def happen(step: int, engine: Engine) -> bool:
        for job in [job for job in waiting if arrival[job.id] <= step]:
            engine.submit(job)
            waiting.remove(job)
        for job_id in [i for i, when in leaves.items() if when == step]:
            engine.cancel(job_id)
        return bool(waiting)

    compare(run(engine(budget, cost), before_step=happen), alone, set(leaves))


def compare(crowd: Transcript, alone: dict[LaneId, list[int]], left: set[int]) -> None:
    assert crowd.failed == []
    for lane, tokens in alone.items():
        found = crowd.tokens.get(lane, [])
        assert found == (tokens[: len(found)] if lane[0] in left else tokens)
