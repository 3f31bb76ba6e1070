"""A memory budget that is too small for anything: slow, and never stuck."""

import random

import pytest

from pippin.engine.costs import UNBOUNDED, LaneCost, lane_cost
from pippin.engine.engine import Engine
from pippin.engine.lane import Job
from pippin.engine.rows import CacheMaker, cannot_be_cut
from pippin.memory.prompts import PromptMemory
from tests.engine.driver import run
from tests.engine.zoo import VOCAB, build


@pytest.mark.parametrize("name", ["llama", "gemma3_text", "qwen3_next"])
@pytest.mark.parametrize("remembers", [False, True])
def test_too_small_for_a_single_step_of_a_cache(name: str, remembers: bool) -> None:
    """One job after another is answered, as it would be with all the memory there is."""
    model = build(name)
    make = CacheMaker(model)
    cost = lane_cost(model, make)
    memory = PromptMemory(
        fingerprint=b"a model", needs_state=cannot_be_cut(make), ram_bytes=1 << 28
    )
    rng = random.Random(5)
    prompts = [tuple(rng.randrange(VOCAB) for _ in range(length)) for length in (1, 40, 300, 41)]
    jobs = [
        Job(
            id=number,
            prompt=prompt,
            max_tokens=9,
            choices=1 + number % 2,
            text=memory.text("", prompt) if remembers else None,
        )
        for number, prompt in enumerate(prompts)
    ]
    enough = run(Engine(model, vocab_size=VOCAB, prefill_budget=32), jobs)
    tiny = Engine(
        model,
        vocab_size=VOCAB,
        prefill_budget=32,
        memory=memory if remembers else None,
        memory_bytes=cost(1) // 2,
        lane_cost=cost,
    )
    most = 0

    def watch(step: int, engine: Engine) -> None:
        nonlocal most
        most = max(most, len({lane.job.id for lane in engine._decoder.lanes}))

    found = run(tiny, jobs, before_step=watch)
    assert found.failed == []
    assert found.tokens == enough.tokens
    assert most == 1
    assert tiny.fits(1) == 0
    assert tiny.figures.ram_bytes == 0


@pytest.mark.parametrize(
    "cost", [LaneCost(10, (), 0), LaneCost(10, ((3, 700),), 99), LaneCost(0, ((3, 700),), 7)]
)
@pytest.mark.parametrize("bytes_", [0, 2559, 2560, 100_000])
def test_what_fits_is_as_much_as_can_be(cost: LaneCost, bytes_: int) -> None:
    most = cost.most_tokens(bytes_)
    assert most == 0 or cost(most) <= bytes_
    assert most == UNBOUNDED or cost(most + 1) > bytes_
