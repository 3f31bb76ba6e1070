"""``/v1/cache``: what is remembered, and how it is forgotten."""

import msgspec
import pytest

from pippin.core.memory import MemoryFigures
from tests.api.conftest import Door
from tests.api.fakes import FakeFleet, FakeModel

pytestmark = pytest.mark.anyio


@pytest.fixture
def fleet() -> FakeFleet:
    return FakeFleet(FakeModel("org/one"), FakeModel("two"), FakeModel("new", state="loading"))


async def test_figures_and_rates(door: Door, fleet: FakeFleet) -> None:
    fleet.models[1].figures = MemoryFigures(enabled=False)
    async with door() as client:
        body = (await client.get("/v1/cache")).json()
    one, two, new = body["data"]
    assert one == {
        "id": "org/one",
        "state": "ready",
        "hit_rate": 0.25,
        "cached_share": 0.75,
        "figures": msgspec.to_builtins(fleet.first.figures),
    }
    assert (two["hit_rate"], two["cached_share"]) == (None, None)
    assert two["figures"]["enabled"] is False
    assert (new["state"], new["figures"]) == ("loading", None)


async def test_forget_all(door: Door, fleet: FakeFleet) -> None:
    async with door() as client:
        answer = await client.delete("/v1/cache")
    assert answer.status_code == 200
    assert [model.figures.ram_bytes for model in fleet.models] == [0, 0, 7]
    assert [one["figures"] and one["figures"]["ram_bytes"] for one in answer.json()["data"]] == [
        0,
        0,
        None,
    ]


async def test_forget_one(door: Door, fleet: FakeFleet) -> None:
    async with door() as client:
        answer = await client.delete("/v1/cache", params={"model": "two"})
        assert [one["id"] for one in answer.json()["data"]] == ["two"]
        assert [model.figures.ram_bytes for model in fleet.models] == [7, 0, 7]
        missing = await client.delete("/v1/cache", params={"model": "three"})
        loading = await client.delete("/v1/cache", params={"model": "new"})
    assert (missing.status_code, loading.status_code) == (404, 503)


@pytest.mark.parametrize("query", ["modle=two", "model=two&model=org/one", "model=two&x=1", "="])
async def test_a_misspelt_query_forgets_nothing(door: Door, fleet: FakeFleet, query: str) -> None:
    async with door() as client:
        assert (await client.delete(f"/v1/cache?{query}")).status_code == 400
    assert [model.figures.ram_bytes for model in fleet.models] == [7, 7, 7]


async def test_a_page_of_another_origin_cannot_forget(door: Door) -> None:
    async with door(cors_origins=("https://good.example",)) as client:
        headers = {"origin": "https://good.example", "access-control-request-method": "DELETE"}
        answer = await client.options("/v1/cache", headers=headers)
    assert "DELETE" not in answer.headers.get("access-control-allow-methods", "")
