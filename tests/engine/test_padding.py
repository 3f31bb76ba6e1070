"""One long row beside seven short ones: what their caches take in memory."""

import pytest

from pippin.core.sampling import Sampling
from pippin.engine.engine import Engine
from pippin.engine.lane import Job
from tests.engine import zoo
from tests.engine.driver import SetPace, run

LENGTHS = (8192, *[64] * 7)
MORE_THAN_ROWS = 1.5
BUDGET = 1024
"""Prompt tokens a step: all are to decode together soon."""


def jobs(lengths: tuple[int, ...]) -> list[Job]:
    greedy = Sampling(temperature=0.0)
    return [
        Job(id=number, prompt=(5,) * length, max_tokens=40, sampling=greedy)
        for number, length in enumerate(lengths, start=1)
    ]


def held(forward_cost: int, lengths: tuple[int, ...]) -> int:
    """Bytes of the caches while all of these decode."""
    found = []

    def look(_: int, engine: Engine) -> None:
        if len(engine._decoder.lanes) == len(lengths):
            found.append(engine._decoder.nbytes)

    model = zoo.build("llama")
    engine = Engine(model, vocab_size=zoo.VOCAB, forward_cost=forward_cost, prefill_budget=BUDGET)
    engine._pace = SetPace(BUDGET, patience=None)  # type: ignore[assignment]
    run(engine, jobs(lengths), look)
    return max(found)


@pytest.mark.parametrize("forward_cost", [100, 1_000_000], ids=["small model", "large model"])
@pytest.mark.parametrize("order", [1, -1], ids=["long one first", "long one last"])
def test_caches_take_little_more_than_their_rows(forward_cost: int, order: int) -> None:
    """However dear a further pass is, and whoever comes first."""
    rows = held(forward_cost, (8192,)) + 7 * held(forward_cost, (64,))
    assert held(forward_cost, LENGTHS[::order]) <= MORE_THAN_ROWS * rows
