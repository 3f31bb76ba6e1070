"""Wishes for models: those that nobody has any more, and those that must not be lost."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from pippin.core.events import Delta
from pippin.core.request import GenerationRequest, TextPrompt
from pippin.errors import ModelUnavailable
from pippin.fleet.fleet import Fleet
from pippin.fleet.model import ServedModel
from pippin.settings import GIB, ModelSettings

pytestmark = pytest.mark.anyio

MakeFleet = Callable[..., AbstractAsyncContextManager[Fleet]]
Eventually = Callable[[Callable[[], bool]], Awaitable[None]]


def model(name: str, where: str = "good", **given: object) -> ModelSettings:
    return ModelSettings.model_validate({"model": where, "name": name, "memory": GIB, **given})


async def say(served: ServedModel, text: str) -> str:
    async with served.held():
        answer = served.submit(GenerationRequest(prompt=TextPrompt(text=text)))
        return "".join([event.text async for event in answer if isinstance(event, Delta)])


async def leave(waiting: asyncio.Task[str]) -> None:
    waiting.cancel()
    await asyncio.wait((waiting,))


async def test_who_left_during_an_unload_has_it_not_loaded_again(make_fleet: MakeFleet) -> None:
    async with make_fleet(model("a")) as fleet:
        (a,) = fleet.models
        async with a.held():
            unloading = asyncio.create_task(a.unload())
            await asyncio.sleep(0)
            waiting = asyncio.create_task(say(a, "x"))
            await asyncio.sleep(0.05)
            await leave(waiting)
        await unloading
        await asyncio.sleep(0.3)
        assert a.state == "unloaded"


async def test_an_unload_of_what_loads_for_nobody_is_final(
    make_fleet: MakeFleet, eventually: Eventually
) -> None:
    async with make_fleet(model("a", "slow-load", load="demand")) as fleet:
        (a,) = fleet.models
        waiting = asyncio.create_task(say(a, "x"))
        await eventually(lambda: a.state == "loading")
        await leave(waiting)
        await a.unload()
        await asyncio.sleep(0.3)
        assert a.state == "unloaded"


async def test_who_waits_for_what_is_unloaded_while_it_loads_is_answered(
    make_fleet: MakeFleet, eventually: Eventually
) -> None:
    async with make_fleet(model("a", "slow-load", load="demand")) as fleet:
        (a,) = fleet.models
        waiting = asyncio.create_task(say(a, "x"))
        await eventually(lambda: a.state == "loading")
        await a.unload()
        assert await waiting == "x "


async def test_an_unload_ends_even_if_it_is_loaded_again_at_once(
    make_fleet: MakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make_fleet(model("a")) as fleet:
        (a,) = fleet.models
        monkeypatch.setattr(a._presence, "_on_change", fleet._house.tidy)
        async with a.held():
            unloading = asyncio.create_task(a.unload())
            await asyncio.sleep(0)
            waiting = asyncio.create_task(say(a, "x"))
            await asyncio.sleep(0.05)
        async with asyncio.timeout(10):
            await unloading
        assert await waiting == "x "


async def test_a_crash_loop_makes_room(make_fleet: MakeFleet) -> None:
    models = [model("bad", "dies-loading", load="demand"), model("b", load="demand")]
    async with make_fleet(*models, memory_limit=int(1.9 * GIB)) as fleet:
        bad, b = fleet.models
        with pytest.raises(ModelUnavailable, match="again and again"):
            await say(bad, "x")
        async with asyncio.timeout(10):
            assert await say(b, "x") == "x "
        assert bad.state == "unloaded"


async def test_a_server_that_stood_still_does_not_blame_its_workers(make_fleet: MakeFleet) -> None:
    async with make_fleet(model("a"), worker_silence_timeout_s=1) as fleet:
        (a,) = fleet.models
        before = a.card.worker
        time.sleep(1.5)
        await asyncio.sleep(0.3)
        after = a.card.worker
        assert before is not None
        assert after is not None
        assert after.pid == before.pid
