"""Workers that die, hang or talk nonsense: their answers go on with the next worker."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from pippin.core.events import Delta, Finished, Started
from pippin.core.request import GenerationRequest, TextPrompt
from pippin.errors import ModelFailed, ModelUnavailable, PippinError
from pippin.fleet.answer import Answer
from pippin.fleet.fleet import Fleet
from pippin.fleet.model import ServedModel

pytestmark = pytest.mark.anyio

MakeFleet = Callable[..., AbstractAsyncContextManager[Fleet]]
Eventually = Callable[[Callable[[], bool]], Awaitable[None]]

WORDS = "slowly " + " ".join(f"word{number}" for number in range(80))


def ask(text: str, choices: int = 1) -> GenerationRequest:
    return GenerationRequest(prompt=TextPrompt(text=text), choices=choices)


async def told(answer: Answer) -> list[str]:
    """Each choice's text; every choice must finish, and the answer start once."""
    texts: dict[int, str] = {}
    events = [event async for event in answer]
    assert sum(isinstance(event, Started) for event in events) == 1
    finished = [event.index for event in events if isinstance(event, Finished)]
    for event in events:
        if isinstance(event, Delta):
            texts[event.index] = texts.get(event.index, "") + event.text
    assert sorted(finished) == sorted(texts)
    return [texts[index] for index in sorted(texts)]


async def error_of(answer: Answer) -> PippinError:
    with pytest.raises(PippinError) as caught:
        await told(answer)
    assert [event async for event in answer] == []
    return caught.value


def pid_of(model: ServedModel) -> int:
    worker = model.card.worker
    assert worker is not None
    return worker.pid


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGABRT, signal.SIGSTOP, signal.SIGTERM])
async def test_answers_go_on_with_the_next_worker(
    make_fleet: MakeFleet, sign: signal.Signals
) -> None:
    settings = {"worker_silence_timeout_s": 1.0, "worker_stop_timeout_s": 0.3}
    async with make_fleet("good", "other=good", "third=good", **settings) as fleet:
        model, *others = fleet.models
        answers = [model.submit(ask(WORDS, 1 + number % 3)) for number in range(20)]
        canaries = [other.submit(ask(WORDS)) for other in others]
        first = pid_of(model)
        readers = [asyncio.create_task(told(answer)) for answer in answers]
        await asyncio.sleep(0.2)
        os.kill(first, sign)
        for number, texts in enumerate(await asyncio.gather(*readers)):
            assert texts == [f"{WORDS} "] * (1 + number % 3)
        assert await asyncio.gather(*(told(one) for one in canaries)) == [[f"{WORDS} "]] * 2
        assert model.state == "ready"
        assert pid_of(model) != first
        assert all(other.state == "ready" for other in others)


async def test_who_asks_in_between_waits_for_the_next_worker(make_fleet: MakeFleet) -> None:
    async with make_fleet("good") as fleet:
        (model,) = fleet.models
        os.kill(pid_of(model), signal.SIGKILL)
        while model.state == "ready":
            await asyncio.sleep(0.001)
        async with model.held():
            assert await told(model.submit(ask("hello there"))) == ["hello there "]
        assert (await model.tokenize(TextPrompt(text="ab"))).tokens == (97, 98)


async def test_who_was_let_in_just_before_a_death_is_answered_after_it(
    make_fleet: MakeFleet,
) -> None:
    async with make_fleet("good") as fleet:
        (model,) = fleet.models
        async with model.held():
            os.kill(pid_of(model), signal.SIGKILL)
            while model.state == "ready":
                await asyncio.sleep(0.001)
            answers = model.submit_all([ask("one two"), ask("three"), ask("four")])
            answers[1].cancel()
            assert await told(answers[0]) == ["one two "]
            assert await told(answers[2]) == ["four "]


async def test_a_question_is_asked_again(make_fleet: MakeFleet) -> None:
    """Of a worker that is stopped, and killed for its silence."""
    async with make_fleet("good", worker_silence_timeout_s=0.8, worker_stop_timeout_s=0.2) as fleet:
        (model,) = fleet.models
        os.kill(pid_of(model), signal.SIGSTOP)
        assert (await model.tokenize(TextPrompt(text="ab"))).tokens == (97, 98)


async def test_silence_is_told_before_it_is_fatal(
    make_fleet: MakeFleet, eventually: Eventually
) -> None:
    async with make_fleet("good", worker_stop_timeout_s=0.2) as fleet:
        (model,) = fleet.models
        pid = pid_of(model)
        os.kill(pid, signal.SIGSTOP)
        await eventually(lambda: model.state == "unresponsive")
        os.kill(pid, signal.SIGCONT)
        await eventually(lambda: model.state == "ready")
        assert pid_of(model) == pid


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("kill", "signal 9: SIGKILL"),
        ("exit", "exit code 3"),
        ("garbage", "broke the protocol"),
        ("oversize", "broke the protocol"),
        ("hang up", "while it answered"),
    ],
)
async def test_what_kills_every_worker_is_given_up(
    make_fleet: MakeFleet, eventually: Eventually, words: str, says: str
) -> None:
    async with make_fleet("good", "other=good", worker_stop_timeout_s=0.3) as fleet:
        model, other = fleet.models
        error = await error_of(model.submit(ask(words)))
        assert isinstance(error, ModelUnavailable)
        assert model.state == "degraded"
        assert says in (model.reason or "")
        with pytest.raises(ModelUnavailable, match="again and again") as caught:
            async with model.held():
                pass
        assert caught.value.retry_after is not None
        assert await told(other.submit(ask("still here"))) == ["still here "]
        await eventually(lambda: model.state == "ready")
        assert await told(model.submit(ask("back again"))) == ["back again "]


async def test_a_cancelled_answer_is_not_taken_over(
    make_fleet: MakeFleet, eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with make_fleet("good") as fleet:
        (model,) = fleet.models
        gone, stays = model.submit(ask("forever")), model.submit(ask("forever"))
        for answer in (gone, stays):
            assert isinstance(await anext(answer), Started)
        os.kill(pid_of(model), signal.SIGKILL)
        await eventually(lambda: model.state == "loading")
        gone.cancel()
        await eventually(lambda: model.state == "ready")
        assert isinstance(await anext(stays), Delta)
        stays.cancel()
        await eventually(lambda: "cancelled 1" in caplog.text)
        assert "cancelled 2" not in caplog.text


async def test_last_words_are_in_the_log(
    make_fleet: MakeFleet, caplog: pytest.LogCaptureFixture
) -> None:
    async with make_fleet("good") as fleet:
        error = await error_of(fleet.models[0].submit(ask("exit")))
        assert isinstance(error, ModelUnavailable | ModelFailed)
    assert "its last words: ERROR the last words" in caplog.text
