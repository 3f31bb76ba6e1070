"""Models that come and go: on demand, for want of room, by request, when they are idle."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import psutil
import pytest

from pippin.core.events import Delta
from pippin.core.request import GenerationRequest, TextPrompt
from pippin.errors import ModelFailed, ModelNotFound, ModelUnavailable, ServerBusy
from pippin.fleet.fleet import Fleet
from pippin.fleet.model import ServedModel
from pippin.settings import GIB, ModelSettings

pytestmark = pytest.mark.anyio

MakeFleet = Callable[..., AbstractAsyncContextManager[Fleet]]
Eventually = Callable[[Callable[[], bool]], Awaitable[None]]


def model(name: str, where: str = "good", **given: object) -> ModelSettings:
    """One that takes a GiB of caches and loads in a tenth of a second."""
    return ModelSettings.model_validate({"model": where, "name": name, "memory": GIB, **given})


def ask(text: str) -> GenerationRequest:
    return GenerationRequest(prompt=TextPrompt(text=text))


async def say(served: ServedModel, text: str) -> str:
    async with served.held():
        answer = served.submit(ask(text))
        return "".join([event.text async for event in answer if isinstance(event, Delta)])


def workers() -> int:
    children = psutil.Process().children(recursive=True)
    return sum("mock_worker.py" in " ".join(one.cmdline()) for one in children)


async def test_the_first_request_loads_it(make_fleet: MakeFleet) -> None:
    async with make_fleet(model("a"), model("b", load="demand")) as fleet:
        a, b = fleet.models
        assert (a.state, b.state, workers()) == ("ready", "unloaded", 1)
        with pytest.raises(ModelUnavailable, match="not loaded"):
            b.submit(ask("x"))
        assert await asyncio.gather(*(say(b, f"hello {n}") for n in range(20))) == [
            f"hello {n} " for n in range(20)
        ]
        assert workers() == 2


async def test_unloading_waits_for_answers_and_frees_the_process(
    make_fleet: MakeFleet, eventually: Eventually
) -> None:
    async with make_fleet(model("a")) as fleet:
        (a,) = fleet.models
        words = "slowly " + "on " * 60
        speaking = asyncio.create_task(say(a, words))
        await eventually(lambda: a.card.worker is not None and not speaking.done())
        await asyncio.sleep(0.1)
        unloading = asyncio.create_task(a.unload())
        await asyncio.sleep(0.1)
        assert not unloading.done()
        later = asyncio.create_task(say(a, "me too"))
        assert await speaking == words
        await unloading
        assert await later == "me too "  # it was loaded again for that
        await a.unload()
        assert (a.state, workers()) == ("unloaded", 0)
        await a.unload()


async def test_three_models_in_room_for_two(make_fleet: MakeFleet) -> None:
    models = [model(name, load="demand") for name in "abc"]
    async with make_fleet(*models, memory_limit=int(3.2 * GIB)) as fleet:
        served = fleet.models

        async def user(number: int) -> None:
            for turn in range(4):
                words = f"{number} {turn}"
                assert await say(served[(number + turn) % 3], words) == f"{words} "

        await asyncio.gather(*(user(number) for number in range(12)))
        assert workers() <= 2


async def test_a_pinned_model_is_never_in_the_way_of_itself(make_fleet: MakeFleet) -> None:
    models = [model("a", pin=True), model("b", load="demand"), model("c", load="demand")]
    async with make_fleet(*models, memory_limit=int(3.2 * GIB)) as fleet:
        a, b, c = fleet.models
        await say(b, "x")
        await say(c, "x")
        assert (a.state, b.state, c.state) == ("ready", "unloaded", "ready")


async def test_what_never_fits_is_refused_at_once(make_fleet: MakeFleet) -> None:
    models = [model("a", pin=True), model("huge", load="demand", memory=8 * GIB)]
    async with make_fleet(*models, memory_limit=4 * GIB) as fleet:
        a, huge = fleet.models
        with pytest.raises(ModelUnavailable, match="--memory-limit"):
            await say(huge, "x")
        assert not huge.card.fits
        assert await say(a, "x") == "x "


async def test_what_does_not_fit_at_the_start_is_left_for_later(make_fleet: MakeFleet) -> None:
    models = [model(name) for name in "abc"]
    async with make_fleet(*models, memory_limit=int(3.2 * GIB)) as fleet:
        a, b, c = fleet.models
        assert [one.state for one in (a, b, c)] == ["ready", "ready", "unloaded"]
        assert "no room" in str(c.reason)
        assert await say(c, "now") == "now "


async def test_an_idle_model_is_unloaded(make_fleet: MakeFleet, eventually: Eventually) -> None:
    async with make_fleet(model("a", ttl_s=0.3), model("b")) as fleet:
        a, b = fleet.models
        await eventually(lambda: a.state == "unloaded")
        assert b.state == "ready"
        assert await say(a, "again") == "again "
        words = "slowly " + "on " * 60
        began = time.monotonic()
        assert await say(a, words) == words
        assert time.monotonic() - began > 0.3  # longer than its time, and yet it stayed


async def test_what_cannot_be_loaded_is_tried_again_by_request_only(make_fleet: MakeFleet) -> None:
    async with make_fleet(model("a", "broken", load="demand")) as fleet:
        (a,) = fleet.models
        with pytest.raises(ModelFailed):
            await say(a, "x")
        assert a.reason == "config.json is missing"
        with pytest.raises(ModelFailed):
            await say(a, "x")
        with pytest.raises(ModelFailed):
            await a.load()
        assert workers() == 0


async def test_waiting_has_an_end(make_fleet: MakeFleet) -> None:
    slow = model("a", "slow-load", load="demand", queue_timeout_s=0.2)
    async with make_fleet(slow) as fleet:
        (a,) = fleet.models
        with pytest.raises(ServerBusy, match="in time"):
            await say(a, "x")


async def test_only_so_many_wait(make_fleet: MakeFleet) -> None:
    slow = model("a", "slow-load", load="demand", queue_size=0, max_concurrency=2)
    async with make_fleet(slow) as fleet:
        (a,) = fleet.models
        told = await asyncio.gather(*(say(a, "x") for _ in range(5)), return_exceptions=True)
        assert sum(isinstance(one, ServerBusy) for one in told) == 3
        assert told.count("x ") == 2


async def test_who_leaves_does_not_have_it_loaded(make_fleet: MakeFleet) -> None:
    models = [model("a", pin=True), model("b", load="demand")]
    async with make_fleet(*models, memory_limit=int(1.6 * GIB) + GIB) as fleet:
        a, b = fleet.models
        async with a.held():
            waiting = asyncio.create_task(say(b, "x"))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait((waiting,))
        assert not b.awaited


async def test_stopping_tells_those_who_wait(make_fleet: MakeFleet) -> None:
    async with make_fleet(model("a", "slow-load", load="demand")) as fleet:
        (a,) = fleet.models
        waiting = asyncio.create_task(say(a, "x"))
        await asyncio.sleep(0.2)
        fleet.end_answers()
        with pytest.raises(ModelUnavailable, match="stopping"):
            await waiting


async def test_names_and_slots(make_fleet: MakeFleet) -> None:
    models = [model("org/a", aliases=("short",)), model("b", load="demand")]
    async with make_fleet(*models) as fleet:
        a, b = fleet.models
        for name in ("org/a", "a", "short", "default", "dummy", None):
            assert fleet.find(name) is a
        for name in ("", "../b", "/etc", "B", "org/b"):
            with pytest.raises(ModelNotFound):
                fleet.find(name)
        assert fleet.slots.put("7", "b")
        assert fleet.find("a", "7") is b
        with pytest.raises(ModelNotFound, match="X-Model-Id '8'"):
            fleet.find("a", "8")
        fleet.slots.put("0", "b")
        assert fleet.find(None) is b
        assert fleet.find("a") is a


async def test_unknown_names_as_the_setting_says(make_fleet: MakeFleet) -> None:
    async with make_fleet(model("a"), unknown_model="default") as fleet:
        assert fleet.find("gpt-4-turbo") is fleet.models[0]
        with pytest.raises(ModelNotFound):
            fleet.known("gpt-4-turbo")
    async with make_fleet(model("a"), unknown_model="load") as fleet:
        asked = fleet.find("org/repo")
        assert (asked.name, asked.state) == ("org/repo", "unloaded")
        assert fleet.find("org/repo") is asked
        assert asked in fleet.models
        for name in ("../x", "/etc/passwd", "~/x", "a/b/c", "gpt-4"):
            with pytest.raises(ModelNotFound):
                fleet.find(name)
