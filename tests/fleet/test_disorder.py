"""Everything at once, at random: in the end nobody hangs, nothing is held, no process is left."""

import asyncio
import contextlib
import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import psutil
import pytest

from pippin.core.events import Delta
from pippin.core.request import GenerationRequest, TextPrompt
from pippin.errors import PippinError
from pippin.fleet.fleet import Fleet
from pippin.fleet.model import ServedModel
from pippin.settings import GIB, ModelSettings

pytestmark = pytest.mark.anyio

MakeFleet = Callable[..., AbstractAsyncContextManager[Fleet]]
USERS = 12
TURNS = 5
DEEDS = ("say", "say", "say", "speak", "leave", "leave", "unload", "load", "kill", "list")
SPEECH = "slowly " + "on " * 20


def models() -> list[ModelSettings]:
    """Four in a memory for two; one of them never loads."""
    places = {"a": "good", "b": "slow-load", "c": "good", "d": "dies-loading"}
    return [
        ModelSettings.model_validate(
            {"model": where, "name": name, "memory": GIB, "load": "demand", "ttl_s": ttl_s}
        )
        for (name, where), ttl_s in zip(places.items(), (0, 0.3, 0.3, 0), strict=True)
    ]


async def say(served: ServedModel, text: str) -> str:
    async with served.held():
        answer = served.submit(GenerationRequest(prompt=TextPrompt(text=text)))
        return "".join([event.text async for event in answer if isinstance(event, Delta)])


async def act(fleet: Fleet, dice: random.Random) -> None:
    """One deed of a user. What was answered is the whole answer."""
    served = dice.choice(fleet.models)
    match dice.choice(DEEDS):
        case "say":
            assert await say(served, "x y") == "x y "
        case "speak":
            assert await say(served, SPEECH) == SPEECH
        case "leave":
            waiting = asyncio.create_task(say(served, SPEECH))
            await asyncio.wait((waiting,), timeout=dice.random() / 2)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        case "unload":
            await served.unload()
        case "load":
            await served.load()
        case "kill":
            await say(served, "kill")
        case _:
            await fleet.refresh()


async def user(fleet: Fleet, dice: random.Random) -> None:
    for _ in range(TURNS):
        try:
            await act(fleet, dice)
        except PippinError as error:
            assert "/" not in error.message  # noqa: PT017  # no path


def workers() -> int:
    count = 0
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has just ended
            count += "mock_worker.py" in " ".join(child.cmdline())
    return count


@pytest.mark.parametrize("seed", range(3))
async def test_disorder_ends_in_order(make_fleet: MakeFleet, seed: int) -> None:
    async with make_fleet(*models(), memory_limit=int(3.2 * GIB)) as fleet:
        users = (user(fleet, random.Random(seed * USERS + number)) for number in range(USERS))
        async with asyncio.timeout(100):
            await asyncio.gather(*users)
        assert workers() <= 2
        for served in fleet.models:
            demand = served._presence.demand
            assert (demand.holders, demand.waiting) == (0, 0), served.name
            # What began to load for somebody who left goes on.
            assert demand.since is None or served.state == "loading", served.name
    assert workers() == 0


@pytest.mark.parametrize("seed", range(3))
async def test_a_stop_in_the_middle_of_it_ends_everything(make_fleet: MakeFleet, seed: int) -> None:
    dice = random.Random(seed)
    async with make_fleet(*models(), memory_limit=int(3.2 * GIB), worker_stop_timeout_s=1) as fleet:
        users = [
            asyncio.create_task(user(fleet, random.Random(seed * USERS + number)))
            for number in range(USERS)
        ]
        await asyncio.sleep(2 * dice.random())
        if seed:
            fleet.end_answers()
        async with asyncio.timeout(100):
            await fleet.stop()
            assert workers() == 0
            await asyncio.gather(*users)
