"""A server that is told to stop tells each client so, once."""

import asyncio
import json

import httpx
import pytest
from tests.fleet.conftest import MOCK_COMMAND, until

from pippin.api.server import Server
from pippin.fleet.fleet import Fleet
from pippin.settings import Settings

pytestmark = pytest.mark.anyio


class HastyServer(Server):
    drain_s = 0.3


async def test_answers_that_do_not_end_are_ended_with_an_error() -> None:
    settings = Settings(models=("good",), port=0)
    fleet = Fleet(settings, MOCK_COMMAND)
    server = HastyServer(settings, fleet)
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    await fleet.models[0].settled()
    port = server.servers[0].sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{port}/v1/completions"
    async with httpx.AsyncClient(timeout=30) as client:
        ask = {"prompt": "forever"}
        whole = asyncio.create_task(client.post(url, json=ask))
        streamed = asyncio.create_task(client.post(url, json=ask | {"stream": True}))
        await asyncio.sleep(0.5)
        server.should_exit = True
        answer, stream = await whole, await streamed
    await serving
    assert answer.status_code == 503
    assert answer.json()["detail"] == "The server is stopping."
    assert stream.status_code == 200
    last = stream.text.rstrip().rpartition("data: ")[2]
    assert json.loads(last)["error"]["message"] == "The server is stopping."
