"""``kv_bits`` from end to end: the same tokens alone, in any crowd, and after a pause."""

import random
from collections.abc import Iterator, Set
from dataclasses import replace
from typing import Any

import pytest

from pippin.core.sampling import Sampling
from pippin.engine.costs import lane_cost
from pippin.engine.engine import Engine
from pippin.engine.lane import Job
from pippin.engine.mlx_arrays import DeviceArrays, HostArrays
from pippin.engine.probe import ALL_TOGETHER, probe
from pippin.engine.quantized import QuantizedCache
from pippin.engine.rows import CacheMaker, cannot_be_cut
from pippin.memory.prompts import PromptMemory
from tests.engine.driver import LaneId, Transcript, run
from tests.engine.zoo import VOCAB, build

MODELS = {
    "llama": {"head_dim": 64},
    "qwen3": {"head_dim": 32},
    "gemma3_text": {"head_dim": 32},
    "qwen3_next": {"head_dim": 32},
}
LENGTHS = (1, 2, 9, 31, 33, 70, 130, 300)


CASES = [(name, *rest) for name in MODELS for rest in ((8, HostArrays), (4, DeviceArrays))]
CASES += [("llama", 4, HostArrays), ("llama", 8, DeviceArrays)]


class Bench:
    """A model whose caches are quantised, and what each job is answered alone."""

    def __init__(self, name: str, bits: int) -> None:
        self.bits = bits
        self.model = build(name, **MODELS[name])
        self.make = CacheMaker(self.model, bits)
        self.sharing = probe(self.model, self.make, VOCAB)
        self.cost = lane_cost(self.model, self.make)
        self.jobs = [self._job(number) for number in range(9)]
        self.alone: dict[LaneId, list[int]] = {}

    def engine(self, **options: Any) -> Engine:
        settings = {"prefill_budget": 48, "max_lanes": 8, "memory_bytes": 1 << 30, **options}
        return Engine(
            self.model,
            vocab_size=VOCAB,
            sharing=self.sharing,
            kv_bits=self.bits,
            lane_cost=self.cost,
            **settings,
        )

    def memory(self) -> PromptMemory:
        return PromptMemory(
            fingerprint=b"a model", needs_state=cannot_be_cut(self.make), ram_bytes=1 << 28
        )

    def check(self, crowd: Transcript, left: Set[int] = frozenset()) -> None:
        """Who left has the beginning of its answer, all others have the whole."""
        if not self.alone:
            for job in self.jobs:
                self.alone |= run(self.engine(prefill_budget=512), [job]).tokens
        assert crowd.failed == []
        for lane, tokens in self.alone.items():
            found = crowd.tokens.get(lane, [])
            assert found == (tokens[: len(found)] if lane[0] in left else tokens)

    def _job(self, number: int) -> Job:
        rng = random.Random(number)
        return Job(
            id=number,
            prompt=tuple(rng.randrange(VOCAB) for _ in range(rng.choice(LENGTHS))),
            max_tokens=rng.choice([1, 3, 12, 30]),
            choices=rng.choice([1, 1, 2]),
            sampling=Sampling(temperature=rng.choice([0.0, 0.8]), seed=number),
        )


@pytest.fixture(scope="module", params=CASES)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    name, bits, arrays = request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pippin.engine.engine.arrays_for_device", arrays)
        yield Bench(name, bits)


def test_it_is_quantised_and_shared(bench: Bench) -> None:
    assert any(isinstance(layer, QuantizedCache) for layer in bench.make())
    assert bench.sharing.decode
    assert bench.sharing == ALL_TOGETHER or cannot_be_cut(bench.make)


def test_late_arrivals_and_leavers(bench: Bench) -> None:
    rng = random.Random(3)
    arrival = {job.id: rng.randrange(20) for job in bench.jobs}
    leaves = {job.id: rng.randrange(40) for job in rng.sample(bench.jobs, 3)}
    waiting = list(bench.jobs)

    def happen(step: int, engine: Engine) -> bool:
        for job in [job for job in waiting if arrival[job.id] <= step]:
            engine.submit(job)
            waiting.remove(job)
        for job_id in [i for i, when in leaves.items() if when == step]:
            engine.cancel(job_id)
        return bool(waiting)

    crowd = run(bench.engine(forward_cost=200, max_lanes=12), before_step=happen)
    bench.check(crowd, set(leaves))


@pytest.mark.parametrize(("lanes_of_bytes", "remembers"), [(None, False), (4, False), (4, True)])
def test_paused_and_resumed(bench: Bench, lanes_of_bytes: int | None, remembers: bool) -> None:
    """Better jobs come again and again: rows are kept where only lanes are short, and given up,
    remembered or not, where bytes are."""
    memory = bench.memory() if remembers else None
    engine = bench.engine(
        memory=memory,
        max_lanes=4,
        memory_bytes=lanes_of_bytes * bench.cost(600) if lanes_of_bytes else 1 << 30,
    )
    urgent = [
        Job(id=100 + number, prompt=(number + 1,) * 40, max_tokens=4, choices=4)
        for number in range(4)
    ]
    pauses = 0

    def happen(step: int, engine: Engine) -> bool:
        nonlocal pauses
        pauses += sum(each.lane is not None for each in engine._scheduler._waiting.values())
        if step % 12 == 8 and urgent:
            engine.submit(urgent.pop())
        return bool(urgent)

    texts = [memory.text("", job.prompt) if memory else None for job in bench.jobs]
    asked = [
        replace(job, priority="batch", text=text)
        for job, text in zip(bench.jobs, texts, strict=True)
    ]
    bench.check(run(engine, asked, before_step=happen))
    assert pauses > 0
