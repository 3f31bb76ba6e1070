"""A model that fails now and then: what it left half-done changes no other answer, and no later
one."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.isolation.hashing import HashingModel
from tests.isolation.server import House, cancelled
from tests.isolation.talk import TURN_END, family, job, words

PROMPT = [*words(1, 90), TURN_END, *words(2, 30), TURN_END]


@pytest.fixture
def model(hashing_house: House) -> Iterator[HashingModel]:
    """The house's, to plant failures in."""
    assert isinstance(hashing_house.model, HashingModel)
    yield hashing_house.model
    hashing_house.model.fail_at = hashing_house.model.poison_at = None


@pytest.mark.parametrize("choices", [1, 2])
@pytest.mark.parametrize("call", [1, 2, 3, 4, 8])
def test_no_numbers_once(
    hashing_house: House, model: HashingModel, call: int, choices: int
) -> None:
    """The caches that gave no numbers are not what the next one goes on with."""
    truth = hashing_house.alone(job(0, PROMPT, choices=choices))
    with hashing_house.serving() as server:
        model.poison_at = model.calls + call
        server.ask(job(0, PROMPT, choices=choices))
        assert server.said.failed
        for number in (2, 4):
            asked = job(number, PROMPT, choices=choices)
            said = {(0, lane[1]): tokens for lane, tokens in server.ask(asked).items()}
            assert said == truth
        assert server.cached(asked) > 0


@pytest.mark.parametrize("call", range(1, 12, 2))
@pytest.mark.parametrize("leaves", [False, True])
def test_no_numbers_are_not_remembered_on_disk(
    hashing_house: House, model: HashingModel, tmp_path: Path, call: int, leaves: bool
) -> None:
    """Nor by those who leave before anybody has seen that there are none."""
    prompt = [*words(1, 200), TURN_END, *words(2, 300), TURN_END]
    truth = hashing_house.alone(job(0, prompt))
    with hashing_house.serving(tmp_path) as server:
        model.poison_at = model.calls + call
        server.submit(job(0, prompt))
        server.step_until(lambda: model.calls >= (model.poison_at or 0))
        if leaves:
            server.engine.cancel(0)
        server.finish()
    for number in (2, 4):
        with hashing_house.serving(tmp_path) as server:
            assert server.ask(job(number, prompt)) == {(number, 0): truth[0, 0]}


@pytest.mark.parametrize("call", range(1, 30, 2))
def test_a_call_that_raises(hashing_house: House, model: HashingModel, call: int) -> None:
    jobs = [*family(10, words(5, 70)), job(20, PROMPT, choices=2), job(21, PROMPT)]
    truth = hashing_house.alone(*jobs)
    with hashing_house.serving(max_lanes=3) as server:
        model.fail_at = model.calls + call
        server.submit(*jobs)
        said = server.finish().tokens
        failed = server.said.failed
        assert failed
        assert said == cancelled(truth, said, failed)
        again = [replace(each, id=each.id + 100) for each in jobs]
        assert server.ask(*again) == {(i + 100, n): tokens for (i, n), tokens in truth.items()}


@pytest.mark.parametrize("choices", [1, 2, 3])
def test_a_job_fails_once(hashing_house: House, model: HashingModel, choices: int) -> None:
    with hashing_house.serving() as server:
        server.submit(job(0, PROMPT, choices=choices))
        server.step_until(lambda: bool(server.said.tokens))
        model.poison_at = model.calls + 1
        server.finish()
        assert server.said.failed == [0]


@pytest.mark.parametrize("way", ["raises", "no numbers"])
def test_what_a_failed_job_began_with_is_not_used_again(
    hashing_house: House, model: HashingModel, way: str
) -> None:
    """It may be why the job failed."""
    with hashing_house.serving() as server:
        server.ask(job(0, PROMPT))
        second, third, fourth = (job(number, PROMPT) for number in (2, 4, 6))
        if way == "raises":
            model.fail_at = model.calls + 1
        else:
            model.poison_at = model.calls + 1
        server.ask(second)
        assert server.cached(second) > 0
        assert server.said.failed == [2]
        server.ask(third)
        assert server.cached(third) == 0
        server.ask(fourth)
        assert server.cached(fourth) > 0
