"""What is remembered of prompts: every kind of cache gives the same tokens cold and warm."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from pippin.core.sampling import Sampling
from pippin.engine.costs import lane_cost
from pippin.engine.engine import Engine
from pippin.engine.lane import Job
from pippin.engine.mlx_arrays import DeviceArrays, HostArrays
from pippin.engine.probe import Sharing, probe
from pippin.engine.rows import CacheMaker, cannot_be_cut
from pippin.memory.disk import DiskTier
from pippin.memory.prompts import PromptMemory
from tests.engine.driver import run
from tests.engine.zoo import VOCAB, ZOO, build

TURN_END = 96
FINGERPRINT = b"a model"


@pytest.fixture(scope="module", params=[HostArrays, DeviceArrays], autouse=True)
def arrays(request: pytest.FixtureRequest) -> Iterator[type]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pippin.engine.engine.arrays_for_device", request.param)
        yield request.param


class Bench:
    """A model with engines that remember, or do not."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.model = build(name)
        self.make = CacheMaker(self.model)
        self.sharing: Sharing = probe(self.model, self.make, VOCAB)

    def engine(self, memory: PromptMemory | None = None) -> Engine:
        return Engine(
            self.model,
            vocab_size=VOCAB,
            prefill_budget=48,
            sharing=self.sharing,
            memory=memory,
            memory_bytes=1 << 30,
            lane_cost=lane_cost(self.model, self.make),
        )

    def memory(self, disk: DiskTier | None = None, ram_bytes: int = 1 << 28) -> PromptMemory:
        return PromptMemory(
            fingerprint=FINGERPRINT,
            needs_state=cannot_be_cut(self.make),
            ram_bytes=ram_bytes,
            disk=disk,
        )

    def disk(self, folder: Path) -> DiskTier:
        disk = DiskTier(
            folder,
            fingerprint=FINGERPRINT,
            needs_state=cannot_be_cut(self.make),
            budget_bytes=1 << 28,
            write_bytes_per_s=1 << 30,
            min_free_bytes=0,
        )
        disk.start()
        return disk


@pytest.fixture(scope="module", params=ZOO)
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench(request.param)


def words(seed: int, count: int) -> list[int]:
    rng = random.Random(seed)
    return [rng.randrange(TURN_END) for _ in range(count)]


def job(number: int, prompt: list[int], memory: PromptMemory | None, **fields: object) -> Job:
    return Job(
        id=number,
        prompt=tuple(prompt),
        max_tokens=12,
        turn_ends=frozenset({TURN_END}),
        text=memory.text("", prompt) if memory else None,
        **fields,  # type: ignore[arg-type]
    )


def seeded(number: int) -> Sampling:
    return Sampling(temperature=0.8 * (number % 2), seed=number)


def conversation(
    bench: Bench, memory: PromptMemory | None, turns: int = 4
) -> tuple[list[list[int]], list[int]]:
    """A conversation that goes on with what was answered. The answers, and the cached tokens."""
    engine = bench.engine(memory)
    history = [*words(1, 70), TURN_END]
    answers, cached = [], []
    for turn in range(turns):
        history += [*words(100 + turn, 20 + turn), TURN_END]
        transcript = run(engine, [job(turn, history, memory, sampling=seeded(turn))])
        answers.append(transcript.tokens[turn, 0])
        cached.append(transcript.begun[turn].cached)
        history += transcript.tokens[turn, 0] + [TURN_END]
    return answers, cached


def test_a_conversation_is_the_same_with_and_without_a_memory(bench: Bench) -> None:
    cold, nothing = conversation(bench, None)
    warm, cached = conversation(bench, bench.memory())
    assert warm == cold
    assert nothing == [0, 0, 0, 0]
    lengths = [92, 92 + 13 + 22, 92 + 13 + 22 + 13 + 23]
    assert cached[0] == 0
    for known, length in zip(cached[1:], lengths, strict=True):
        assert known >= length - 1, "all but the newest token of the turn before"


def test_a_shared_system_prompt_is_reused(bench: Bench) -> None:
    system = [*words(1, 90), TURN_END]
    memory = bench.memory()
    warm, cold = bench.engine(memory), bench.engine()
    for number in range(5):
        prompt = [*system, *words(50 + number, 30), TURN_END]
        told = run(warm, [job(number, prompt, memory, sampling=seeded(number))])
        true = run(cold, [job(number, prompt, None, sampling=seeded(number))])
        assert told.tokens == true.tokens
        assert told.begun[number].cached == (len(system) if number else 0)
