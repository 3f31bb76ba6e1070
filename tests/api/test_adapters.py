"""How requests name LoRA adapters, and what the door says of them."""

from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest

from pippin.api.app import create_app
from pippin.core.model import ModelInfo
from pippin.errors import ModelNotFound
from pippin.fleet.names import split_adapter
from pippin.settings import Settings
from tests.api.fakes import FakeFleet, FakeModel

NAMES = ("kind", "rude.v2")


class Adapted(FakeModel):
    """A model with adapters."""

    @property
    def info(self) -> ModelInfo:
        return msgspec.structs.replace(super().info, adapters=NAMES, default_adapter="kind")


class ExactFleet(FakeFleet):
    """Whoever asks for a name that is none gets the first model, but is told if he asks."""

    def known(self, name: str) -> FakeModel:
        for model in self.models:
            if model.name == name:
                return model
        raise ModelNotFound("There is no such model.", "model")

    def find(self, name: str | None, slot: str | None = None) -> FakeModel:
        return next((one for one in self.models if one.name == name), self.first)


@pytest.fixture
def fleet() -> FakeFleet:
    return ExactFleet(
        Adapted("fake"), FakeModel("plain"), Adapted("a+kind"), Adapted("away", state="loading")
    )


@pytest.fixture
async def client(fleet: FakeFleet) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Settings(), fleet)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def asked(client: httpx.AsyncClient, route: str, **body: object) -> httpx.Response:
    prompts: dict[str, dict[str, object]] = {
        "chat/completions": {"messages": [{"role": "user", "content": "x"}]},
        "completions": {"prompt": "x"},
    }
    return await client.post(f"/v1/{route}", json=prompts[route] | body)


ROUTES = pytest.mark.parametrize("route", ["chat/completions", "completions"])


@pytest.mark.anyio
@ROUTES
@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({}, None),
        ({"adapter": None}, None),
        ({"adapter": ""}, ""),
        ({"adapter": "kind"}, "kind"),
        ({"adapter_name": "rude.v2"}, "rude.v2"),
        ({"adapter_name": ""}, ""),
        ({"adapter": "kind", "adapter_name": "kind"}, "kind"),
        ({"model": "fake+rude.v2"}, "rude.v2"),
        ({"model": "fake+kind", "adapter": "kind"}, "kind"),
        ({"model": "a+kind"}, None),
        ({"model": "a+kind+rude.v2"}, "rude.v2"),
        ({"model": "nobody+kind"}, None),
        ({"model": "fake+"}, None),
    ],
)
async def test_which_adapter_is_meant(
    route: str,
    body: dict[str, object],
    wanted: str | None,
    client: httpx.AsyncClient,
    fleet: FakeFleet,
) -> None:
    answer = await asked(client, route, **body)
    assert answer.status_code == 200, answer.text
    (request,) = [request for model in fleet.models for request in model.asked]
    assert request.adapter == wanted
    expected = "a+kind" if str(body.get("model")).startswith("a+kind") else "fake"
    assert answer.json()["model"] == expected


@pytest.mark.anyio
@ROUTES
@pytest.mark.parametrize(
    "name", ["nice", "../kind", "/etc/passwd", "kind ", "KIND", "\x00", "x" * 512]
)
async def test_an_adapter_that_is_not_there(
    route: str, name: str, client: httpx.AsyncClient, fleet: FakeFleet
) -> None:
    bodies: list[dict[str, object]] = [{"adapter": name}, {"adapter_name": name}]
    if len(name) < 100:
        bodies.append({"model": f"fake+{name}"})
    for body in bodies:
        answer = await asked(client, route, **body)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (404, "adapter_not_found")
        assert error["param"] == "adapter"
        assert "GET /v1/adapters" in error["message"]
        assert "rude" not in error["message"]
    assert fleet.first.asked == []


@pytest.mark.anyio
@ROUTES
async def test_a_model_without_any(route: str, client: httpx.AsyncClient) -> None:
    assert (await asked(client, route, model="plain", adapter="kind")).status_code == 404
    assert (await asked(client, route, model="plain", adapter="")).status_code == 200


@pytest.mark.anyio
@ROUTES
@pytest.mark.parametrize(
    "body",
    [
        {"adapter": "kind", "adapter_name": "rude.v2"},
        {"adapter": "", "adapter_name": "rude.v2"},
        {"adapter": "kind", "model": "fake+rude.v2"},
        {"adapter": ["kind"]},
        {"adapter": 1},
        {"adapter": "x" * 513},
    ],
)
async def test_bad_words(route: str, body: dict[str, object], client: httpx.AsyncClient) -> None:
    answer = await asked(client, route, **body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "adapter"


@pytest.mark.anyio
async def test_the_list(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/v1/adapters")).json()
    assert listed["object"] == "list"
    assert [(card["model"], card["id"], card["default"]) for card in listed["data"]] == [
        ("fake", "kind", True),
        ("fake", "rude.v2", False),
        ("a+kind", "kind", True),
        ("a+kind", "rude.v2", False),
    ]
    assert {card["object"] for card in listed["data"]} == {"adapter"}


@pytest.mark.anyio
async def test_capabilities_show_them(client: httpx.AsyncClient) -> None:
    models = (await client.get("/v1/capabilities")).json()["data"]
    assert {model["id"]: model.get("adapters") for model in models} == {
        "fake": ["kind", "rude.v2"],
        "plain": [],
        "a+kind": ["kind", "rude.v2"],
        "away": None,
    }


def test_names_are_split_at_the_last_plus() -> None:
    assert split_adapter("demo+kind") == ("demo", "kind")
    assert split_adapter("a+b+c") == ("a+b", "c")
    for whole in ("demo", "", "+", "+x", "x+"):
        assert split_adapter(whole) == (whole, None)
