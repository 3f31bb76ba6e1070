"""A fleet whose workers are mocks."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from pippin.fleet.fleet import Fleet
from pippin.settings import Settings

MOCK_COMMAND = (sys.executable, str(Path(__file__).with_name("mock_worker.py")))

MakeFleet = Callable[..., AbstractAsyncContextManager[Fleet]]


@asynccontextmanager
async def mock_fleet(*models: str, **settings: object) -> AsyncIterator[Fleet]:
    """A started fleet of mock workers, all settled: ready or failed."""
    given = {"models": models, "hide_hub": True, **settings}
    fleet = Fleet(Settings.model_validate(given), MOCK_COMMAND)
    await fleet.start()
    try:
        for model in fleet.models:
            await model.settled()
        yield fleet
    finally:
        await fleet.stop()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that must come; the test's own time-out is the bound."""
    while not condition():
        await asyncio.sleep(0.01)


@pytest.fixture
def make_fleet() -> MakeFleet:
    return mock_fleet


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    return until
