"""The fleet's promises, with mock workers: names, states, answers, deaths, and nothing left."""

import asyncio
import logging
import os
import re
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import psutil
import pytest

from pippin.core.events import Delta, Event, Finished, Started
from pippin.core.request import GenerationRequest, TextPrompt
from pippin.errors import (
    EngineFailure,
    InvalidRequest,
    ModelNotFound,
    ModelUnavailable,
    PippinError,
    ServerBusy,
)
from pippin.fleet import inflight
from pippin.fleet.answer import Answer
from pippin.fleet.fleet import Fleet
from pippin.fleet.model import ServedModel
from pippin.fleet.process import environment
from pippin.settings import Settings
from pippin.wire.messages import PROTOCOL_VERSION

pytestmark = pytest.mark.anyio

START_WITHIN_S = 3
"""Two tests wait for so long; a mock worker on a busy machine takes more than one."""

MakeFleet = Callable[..., AbstractAsyncContextManager[Fleet]]
Eventually = Callable[[Callable[[], bool]], Awaitable[None]]


def ask(text: str, choices: int = 1) -> GenerationRequest:
    return GenerationRequest(prompt=TextPrompt(text=text), choices=choices)


async def text_of(answer: Answer, index: int = 0) -> str:
    return "".join(
        [event.text async for event in answer if isinstance(event, Delta) and event.index == index]
    )


async def outcome(answer: AsyncIterator[Event]) -> list[PippinError]:
    """The errors of an answer, read past its first one to see that none follows."""
    errors = []
    for _ in range(2):
        try:
            async for _ in answer:
                pass
        except PippinError as error:
            errors.append(error)
    return errors


def workers() -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if "mock_worker.py" in " ".join(child.cmdline())
    ]


async def test_answers_arrive_whole_and_in_order(make_fleet: MakeFleet) -> None:
    async with make_fleet("good") as fleet:
        events = [event async for event in fleet.find(None).submit(ask("one two", choices=2))]
        assert isinstance(events[0], Started)
        assert sum(isinstance(event, Finished) for event in events) == 2
        for index in range(2):
            deltas = [e.text for e in events if isinstance(e, Delta) and e.index == index]
            assert "".join(deltas) == "one two "


async def test_a_crowd_gets_each_its_own_answer(make_fleet: MakeFleet) -> None:
    async with make_fleet("good") as fleet:
        model = fleet.find("good")
        answers = [model.submit(ask(f"request number {n}")) for n in range(200)]
        texts = await asyncio.gather(*(text_of(answer) for answer in answers))
        assert texts == [f"request number {n} " for n in range(200)]


async def test_questions_are_answered_or_rejected(make_fleet: MakeFleet) -> None:
    async with make_fleet("good") as fleet:
        model = fleet.find("good")
        assert (await model.tokenize(TextPrompt(text="ab"))).tokens == (97, 98)
        assert await model.detokenize((97, 98)) == "ab"
        with pytest.raises(InvalidRequest, match="no such words") as caught:
            await model.tokenize(TextPrompt(text="reject"))
        assert caught.value.param == "prompt"


async def test_a_failed_event_is_raised_once_after_what_came_before(make_fleet: MakeFleet) -> None:
    async with make_fleet("good") as fleet:
        answer = fleet.find("good").submit(ask("fail"))
        kinds = [type(await anext(answer)), type(await anext(answer))]
        assert kinds == [Started, Delta]
        errors = await outcome(answer)
        assert [type(error) for error in errors] == [EngineFailure]


def worker_of(model: ServedModel) -> int:
    named = f'"name":"{model.name}"'
    (pid,) = [int(one.pid) for one in workers() if named in " ".join(one.cmdline())]
    return pid


async def test_a_reply_of_the_wrong_kind_is_a_broken_worker(
    make_fleet: MakeFleet, eventually: Eventually
) -> None:
    async with make_fleet("good") as fleet:
        model = fleet.find("good")
        with pytest.raises(ModelUnavailable):
            await model.tokenize(TextPrompt(text="confuse"))
        await eventually(lambda: "broke the protocol" in (model.reason or ""))
        assert model.state == "degraded"


@pytest.mark.parametrize(
    ("model", "state", "says"),
    [
        ("broken", "failed", "config.json is missing"),
        ("other-version", "failed", f"speaks version {PROTOCOL_VERSION + 1}"),
        ("dies-at-once", "degraded", "exit code 1"),
        ("dies-loading", "degraded", "signal 6: SIGABRT"),
        ("no-greeting", "degraded", "did not begin with a greeting"),
        ("two-greetings", "degraded", "second greeting"),
        ("never-connects", "degraded", f"did not report within {START_WITHIN_S} s"),
        ("never-greets", "degraded", f"did not report within {START_WITHIN_S} s"),
    ],
)
async def test_a_worker_that_cannot_start_says_why(
    make_fleet: MakeFleet, model: str, state: str, says: str
) -> None:
    async with make_fleet(model, "good", worker_start_timeout_s=START_WITHIN_S) as fleet:
        failed = fleet.find(model)
        assert failed.state == state
        assert says in (failed.reason or "")
        with pytest.raises(ModelUnavailable):
            failed.submit(ask("hello"))
        assert await text_of(fleet.find("good").submit(ask("hello"))) == "hello "


async def test_children_of_a_worker_do_not_outlive_it(
    make_fleet: MakeFleet, eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with make_fleet("leaves-a-child"):
        found = re.search(r"my child is (\d+)", caplog.text)
        assert found is not None
        await eventually(lambda: not psutil.pid_exists(int(found[1])))


async def test_a_command_that_cannot_run_is_a_failed_model() -> None:
    fleet = Fleet(settings_of("demo"), ("/no/such/program",))
    await fleet.start()
    await fleet.find(None).settled()
    assert fleet.find(None).state == "degraded"
    assert "cannot be started" in str(fleet.find(None).reason)
    await fleet.stop()


async def test_loading_is_told_and_waited_for(eventually: Eventually) -> None:
    fleet = Fleet(settings_of("slow-load"), mock_command())
    await fleet.start()
    model = fleet.find(None)
    await eventually(lambda: model.state == "loading")
    with pytest.raises(ModelUnavailable, match="is loading"):
        model.submit(ask("hello"))
    seen = set()
    while model.state == "loading":
        seen.add(model.reason)
        await asyncio.sleep(0.01)
    assert "weights, 50 %" in seen
    assert model.progress.total == 20
    assert model.info.architecture == "mock"
    await fleet.stop()


def settings_of(*models: str, **given: object) -> Settings:
    return Settings.model_validate({"models": models, "hide_hub": True, **given})


def mock_command() -> tuple[str, ...]:
    return (sys.executable, str(Path(__file__).with_name("mock_worker.py")))


async def test_cancel_reaches_the_worker_once(
    make_fleet: MakeFleet, eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with make_fleet("good") as fleet:
        answer = fleet.find("good").submit(ask("forever"))
        assert isinstance(await anext(answer), Started)
        answer.cancel()
        answer.cancel()
        assert [event async for event in answer] == []
        await eventually(lambda: "cancelled" in caplog.text)
        done = fleet.find("good").submit(ask("hello"))
        assert await text_of(done) == "hello "
        done.cancel()
    assert caplog.text.count("cancelled") == 1


async def test_a_request_over_the_frame_limit_fails_alone(make_fleet: MakeFleet) -> None:
    async with make_fleet("good") as fleet:
        model = fleet.find("good")
        neighbour = model.submit(ask("still here"))
        with pytest.raises(InvalidRequest, match="too large"):
            model.submit(ask("x" * (65 * 1024 * 1024)))
        assert await text_of(neighbour) == "still here "


async def test_a_worker_that_takes_nothing_does_not_fill_our_memory(
    make_fleet: MakeFleet, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inflight, "MAX_UNSENT_BYTES", 1024 * 1024)
    async with make_fleet("good", worker_stop_timeout_s=0.3) as fleet:
        model = fleet.find("good")
        os.kill(worker_of(model), signal.SIGSTOP)
        with pytest.raises(ServerBusy):
            flood(model)
        os.kill(worker_of(model), signal.SIGCONT)
        await eventually(lambda: accepts(model))


def flood(model: ServedModel) -> None:
    for _ in range(100):
        model.submit(ask("x" * 100_000))


def accepts(model: ServedModel) -> bool:
    try:
        model.submit(ask("hello")).cancel()
    except ServerBusy:
        return False
    return True


async def test_stop_ends_stubborn_workers_and_their_answers(
    make_fleet: MakeFleet, eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with make_fleet("good", worker_stop_timeout_s=0.3) as fleet:
        answers = [fleet.find("good").submit(ask(words)) for words in ("silence", "hang")]
        await eventually(lambda: "hanging" in caplog.text)
        assert len(workers()) == 1
        await fleet.stop()
        assert workers() == []
        for answer in answers:
            (error,) = await outcome(answer)
            assert error.message == "The server is stopping."


async def test_nothing_is_left_after_stop(
    make_fleet: MakeFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    async with make_fleet("good", "broken", "never-greets", worker_start_timeout_s=1):
        assert list(tmp_path.iterdir()) == []
    assert workers() == []


async def test_stop_while_loading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eventually: Eventually
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    fleet = Fleet(settings_of("never-connects", "a=slow-load"), mock_command())
    await fleet.start()
    await eventually(lambda: any(tmp_path.iterdir()))
    (folder, *_) = tmp_path.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    await fleet.stop()
    assert workers() == []
    assert list(tmp_path.iterdir()) == []


async def test_a_fleet_that_never_started_stops() -> None:
    await Fleet(Settings()).stop()


async def test_find(make_fleet: MakeFleet) -> None:
    fleet = Fleet(settings_of("demo", "mine=org/repo"))
    assert [model.name for model in fleet.models] == ["demo", "mine"]
    assert fleet.find(None).name == "demo"
    assert fleet.find("mine").name == "mine"
    assert fleet.find("repo").name == "mine"
    assert fleet.find("org/repo").name == "mine"
    with pytest.raises(ModelNotFound) as caught:
        fleet.find("org/other")
    assert caught.value.param == "model"
    with pytest.raises(ModelNotFound) as caught:
        fleet.find("ö" * 10_000)
    assert caught.value.message.isascii()
    assert len(caught.value.message) < 200


async def test_keys_do_not_reach_the_worker() -> None:
    outer = {"PIPPIN_API_KEYS": "secret", "PIPPIN_BLAS": "/lib/blas.so", "PATH": "/bin"}
    inner = environment(outer)
    assert "secret" not in inner.values()
    assert "PIPPIN_API_KEY" not in environment({"PIPPIN_API_KEY": "typo"})
    assert "MLX_SERVER_API_KEY" not in environment({"MLX_SERVER_API_KEY": "secret"})
    assert inner["PIPPIN_BLAS"] == "/lib/blas.so"
    assert inner["PATH"] == "/bin"
