"""Loading and unloading by request: who may, and what becomes of slots."""

import pytest

from pippin.errors import ModelFailed
from tests.api.conftest import Door
from tests.api.fakes import FakeFleet, FakeModel

pytestmark = pytest.mark.anyio

LOAD = "/v1/internal/model/load"


class Breaking(FakeModel):
    """While it is loaded, somebody else empties its slot and puts another model into it."""

    fleet: FakeFleet

    async def load(self) -> None:
        self.fleet.slots.clear("7")
        self.fleet.slots.put("7", "other")
        raise ModelFailed("It cannot be loaded.")


@pytest.fixture
def fleet() -> FakeFleet:
    breaking = Breaking("breaking")
    breaking.fleet = FakeFleet(FakeModel("one"), breaking)
    return breaking.fleet


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "http://127.0.0.1"},
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "null"},
    ],
)
async def test_pages_of_other_sites_unload_nothing(
    door: Door, fleet: FakeFleet, headers: dict[str, str]
) -> None:
    async with door() as client:
        answer = await client.post("/v1/models/one/unload", headers=headers)
        assert answer.status_code == 400
        assert fleet.first.state == "ready"


@pytest.mark.parametrize("headers", [{}, {"sec-fetch-site": "same-origin"}, {"origin": "own"}])
async def test_programs_and_own_pages_may(
    door: Door, fleet: FakeFleet, headers: dict[str, str]
) -> None:
    async with door() as client:
        if "origin" in headers:
            headers = {"origin": f"http://{client.base_url.netloc.decode()}"}
        answer = await client.post("/v1/models/one/unload", headers=headers)
        assert (answer.status_code, fleet.first.state) == (200, "unloaded")


async def test_a_load_that_fails_leaves_the_slot_of_another_alone(
    door: Door, fleet: FakeFleet
) -> None:
    async with door() as client:
        ask = {"llm_model_name": "breaking"}
        answer = await client.post(LOAD, json=ask, headers={"X-Model-Id": "7"})
        assert answer.status_code == 503
        assert fleet.slots.model_of("7") == "other"
