"""Wishes for models: those that nobody has any more, and those that must not be lost."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from tests.formats.files import model_folder

from pippin.core.events import Delta
from pippin.core.request import GenerationRequest, TextPrompt
from pippin.errors import ModelUnavailable
from pippin.fleet.fleet import MAX_UNLISTED, Fleet
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
        async with asyncio.timeout(60):
            await unloading
        assert await waiting == "x "


async def test_a_crash_loop_makes_room(make_fleet: MakeFleet) -> None:
    models = [model("bad", "dies-loading", load="demand"), model("b", load="demand")]
    async with make_fleet(*models, memory_limit=int(1.9 * GIB)) as fleet:
        bad, b = fleet.models
        with pytest.raises(ModelUnavailable, match="again and again"):
            await say(bad, "x")
        async with asyncio.timeout(60):
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


async def test_who_waits_is_not_forgotten_when_the_models_files_change(
    make_fleet: MakeFleet, tmp_path: Path
) -> None:
    model_folder(tmp_path / "b")
    room = {"memory_limit": 3 * GIB, "memory": GIB, "models_dir": tmp_path}
    async with make_fleet(model("a", memory=2 * GIB), **room) as fleet:
        a, b = fleet.models
        async with a.held():
            waiting = asyncio.create_task(say(b, "x"))
            await asyncio.sleep(0.05)
            (tmp_path / "b" / "chat_template.jinja").write_text("{{ tools }}")
            await fleet.refresh()
            assert fleet.find("b") is b
        async with asyncio.timeout(60):
            assert await waiting == "x "


async def test_a_crowd_that_lists_looks_at_the_disk_once(
    make_fleet: MakeFleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make_fleet(model("a", load="demand")) as fleet:
        looks: list[int] = []
        open_looks = 0

        def look(_: object) -> None:
            nonlocal open_looks
            open_looks += 1
            looks.append(open_looks)
            time.sleep(0.05)
            open_looks -= 1

        monkeypatch.setattr(fleet._catalogue, "refresh", look)
        first = asyncio.create_task(fleet.refresh())
        await asyncio.sleep(0.01)
        await asyncio.gather(first, *(fleet.refresh() for _ in range(20)))
        # The second one began after all of them had come; never two at a time.
        assert looks == [1, 1]


async def test_an_error_does_not_end_the_keeping_of_models(
    make_fleet: MakeFleet, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with make_fleet(model("a", load="demand")) as fleet:
        (a,) = fleet.models
        with monkeypatch.context() as broken:
            broken.setattr(a._presence, "standing", lambda: 1 / 0)
            waiting = asyncio.create_task(say(a, "x"))
            await asyncio.sleep(0.05)
        async with asyncio.timeout(60):
            assert await waiting == "x "
    assert "ZeroDivisionError" in caplog.text


async def test_who_comes_to_a_server_that_stops_is_told(make_fleet: MakeFleet) -> None:
    async with make_fleet(model("a", load="demand"), unknown_model="load") as fleet:
        fleet.end_answers()
        async with asyncio.timeout(60):
            with pytest.raises(ModelUnavailable, match="stopping"):
                await say(fleet.find("org/new"), "x")


async def test_names_that_clients_make_up_do_not_pile_up(make_fleet: MakeFleet) -> None:
    async with make_fleet(model("a", load="demand"), unknown_model="load") as fleet:
        first = fleet.find("org/first")
        async with first.held():
            for number in range(MAX_UNLISTED + 20):
                fleet.find(f"org/{number}")
            assert len(fleet.models) == MAX_UNLISTED + 2  # the listed one, and the one in use
            assert fleet.find("org/first") is first
            assert "org/0" not in {one.name for one in fleet.models}
        fleet.slots.put("7", "org/first")
        for number in range(MAX_UNLISTED + 20):
            fleet.find(f"org/{number}")
        assert fleet.find(None, "7") is first
