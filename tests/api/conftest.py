from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest

from pippin.api.app import create_app
from pippin.settings import Settings
from tests.api.fakes import FakeFleet

Door = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def fleet() -> FakeFleet:
    return FakeFleet()


@pytest.fixture
def door(fleet: FakeFleet) -> Door:
    """Opens a client on an app without a socket: ``async with door(api_keys=...) as client``."""

    @asynccontextmanager
    async def opened(**settings: Any) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(create_app(Settings(**settings), fleet))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost:8000"
        ) as client:
            yield client

    return opened
