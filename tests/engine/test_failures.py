"""Steps that fail again and again end the engine; steps that fail now and then do not."""

from typing import Any

import mlx.core as mx
import pytest

from pippin.engine.engine import Engine
from pippin.engine.failures import MAX_FAILURES, EngineBroken, Failures
from pippin.engine.lane import Job, JobFailed, Token
from tests.engine.mock_model import MockModel, counting

VOCAB = 64


def test_so_many_in_a_row() -> None:
    failures = Failures()
    for number in range(MAX_FAILURES - 1):
        assert failures.among([JobFailed(number), Token(99, 0, 1)]) == [number]
        assert failures.among([]) == []
    with pytest.raises(EngineBroken):
        failures.among([JobFailed(0)])


def test_one_step_that_goes_well_is_enough() -> None:
    failures = Failures()
    for _ in range(3 * MAX_FAILURES):
        failures.among([JobFailed(1)])
        failures.among([Token(2, 0, 1)])


class Broken(MockModel):
    def __call__(self, tokens: mx.array, cache: list[Any]) -> mx.array:
        raise RuntimeError("planted failure")


def test_an_engine_whose_model_always_fails_gives_up() -> None:
    engine = Engine(Broken(counting(VOCAB)), vocab_size=VOCAB)
    failed = []
    with pytest.raises(EngineBroken, match=str(MAX_FAILURES)):  # noqa: PT012
        for number in range(2 * MAX_FAILURES):
            engine.submit(Job(id=number, prompt=(1, 2, 3), max_tokens=4))
            failed += [output.job_id for output in engine.step() if isinstance(output, JobFailed)]
    assert failed == list(range(MAX_FAILURES - 1))
