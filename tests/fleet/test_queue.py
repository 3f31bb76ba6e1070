"""How many requests one model holds, what the next ones are told, and when to try again."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from pippin.core.events import Delta, Started
from pippin.core.request import GenerationRequest, TextPrompt
from pippin.errors import InvalidRequest, ServerBusy
from pippin.fleet import turnover
from pippin.fleet.fleet import Fleet
from pippin.fleet.life import max_answers
from pippin.fleet.turnover import LONGEST_S, Turnover
from pippin.settings import Settings

pytestmark = pytest.mark.anyio

MakeFleet = Callable[..., AbstractAsyncContextManager[Fleet]]
TIGHT = {"max_concurrency": 2, "queue_size": 1}


def ask(text: str, choices: int = 1) -> GenerationRequest:
    return GenerationRequest(prompt=TextPrompt(text=text), choices=choices)


def test_how_many_one_model_holds() -> None:
    assert max_answers(Settings(max_lanes=8, queue_size=5)) == 13
    assert max_answers(Settings(max_lanes=8, max_concurrency=2, queue_size=0)) == 2


async def test_one_too_many_is_refused_and_a_cancelled_one_makes_room(
    make_fleet: MakeFleet,
) -> None:
    async with make_fleet("good", **TIGHT) as fleet:
        model = fleet.find(None)
        answers = [model.submit(ask("silence", choices=4)) for _ in range(3)]
        with pytest.raises(ServerBusy, match="waiting") as caught:
            model.submit(ask("hello"))
        assert 1 <= (caught.value.retry_after or 0) <= LONGEST_S
        answers[1].cancel()
        answers[1].cancel()
        echoed = model.submit(ask("hello"))
        assert [e.text async for e in echoed if isinstance(e, Delta)] == ["hello "]
        model.submit(ask("silence"))
        with pytest.raises(ServerBusy):
            model.submit(ask("hello"))


async def test_each_model_has_its_own_queue(make_fleet: MakeFleet) -> None:
    async with make_fleet("good", "fine=good", **TIGHT) as fleet:
        for _ in range(3):
            fleet.find("good").submit(ask("silence"))
        fleet.find("fine").submit(ask("silence"))


async def test_several_prompts_are_refused_as_a_whole(make_fleet: MakeFleet) -> None:
    async with make_fleet("good", **TIGHT) as fleet:
        model = fleet.find(None)
        model.submit(ask("silence"))
        with pytest.raises(ServerBusy):
            model.submit_all([ask("silence")] * 3)
        assert (await model.memory()).prompts == 1
        model.submit_all([ask("silence")] * 2)
        with pytest.raises(InvalidRequest, match="4 prompts; at most 3"):
            model.submit_all([ask("silence")] * 4)


async def test_a_prompt_that_is_too_large_takes_the_others_with_it(make_fleet: MakeFleet) -> None:
    async with make_fleet("good", **TIGHT) as fleet:
        model = fleet.find(None)
        with pytest.raises(InvalidRequest, match="too large"):
            model.submit_all([ask("silence"), ask("x" * (65 * 1024 * 1024))])
        model.submit_all([ask("silence")] * 3)


async def test_a_request_that_the_worker_let_wait_too_long_frees_its_place(
    make_fleet: MakeFleet,
) -> None:
    async with make_fleet("good", max_concurrency=1, queue_size=0) as fleet:
        for _ in range(3):
            answer = fleet.find(None).submit(ask("late"))
            with pytest.raises(ServerBusy, match="too long") as caught:
                await anext(aiter(answer))
            assert 1 <= (caught.value.retry_after or 0) <= LONGEST_S


async def test_memory_is_told_and_forgotten(make_fleet: MakeFleet) -> None:
    async with make_fleet("good") as fleet:
        model = fleet.find(None)
        answer = model.submit(ask("silence"))
        assert isinstance(await anext(aiter(answer)), Started)
        figures = await model.memory()
        assert (figures.enabled, figures.prompts, figures.ram_runs) == (True, 1, 1)
        assert (await model.forget_prompts()).ram_runs == 0


@pytest.mark.parametrize(
    ("ends", "places", "now", "seconds"),
    [
        ([], 1, 0.0, 1),
        ([], 1, 7.5, 8),
        ([2.0, 4.0], 1, 4.0, 2),
        ([2.0, 4.0], 5, 4.0, 10),
        ([2.0, 4.0], 1, 40.0, 20),
        ([2.0, 4.0], 1000, 4.0, LONGEST_S),
        ([0.001] * 500, 3, 0.001, 1),
    ],
)
def test_the_guess(
    monkeypatch: pytest.MonkeyPatch, ends: list[float], places: int, now: float, seconds: int
) -> None:
    clock = [0.0]
    monkeypatch.setattr(turnover, "_now", lambda: clock[0])
    rate = Turnover()
    for clock[0] in ends:
        rate.ended()
    clock[0] = now
    assert rate.seconds_for(places) == seconds


def test_a_pause_says_nothing_of_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(turnover, "_now", lambda: clock[0])
    rate = Turnover()
    clock[0] = 3600.0
    rate.begin()
    clock[0] = 3602.0
    rate.ended()
    assert rate.seconds_for(1) == 2
