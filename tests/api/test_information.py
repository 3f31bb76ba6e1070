"""Models, health, tokens, capabilities, and the OpenAPI document."""

from typing import Any

import pytest

from pippin.api.capabilities import BODIES, parameters_of
from pippin.api.fields import MAX_CHOICES
from tests.api.conftest import Door
from tests.api.fakes import FakeFleet, FakeModel

pytestmark = pytest.mark.anyio

CHAT = "/v1/chat/completions"


@pytest.fixture
def fleet() -> FakeFleet:
    return FakeFleet(FakeModel("org/one"), FakeModel("two", state="loading"))


async def test_models(door: Door) -> None:
    async with door() as client:
        body = (await client.get("/v1/models")).json()
        one = (await client.get("/v1/models/org/one")).json()
        assert (await client.get("/v1/models/org")).status_code == 404
    assert body["object"] == "list"
    assert body["models"] == ["org/one"]
    assert [(card["id"], card["loaded"], card["state"]) for card in body["data"]] == [
        ("org/one", True, "ready"),
        ("two", False, "loading"),
    ]
    assert one == body["data"][0]
    assert one["object"] == "model"


async def test_health(door: Door, fleet: FakeFleet) -> None:
    async with door() as client:
        for answer in (await client.get("/health"), await client.post("/health")):
            assert answer.status_code == 200
            assert answer.json()["status"] == "ok"
            assert answer.json()["handler_initialized"] is False
        answer = await client.get("/health/ready")
        assert answer.status_code == 503
        assert answer.json()["models"] == {"org/one": "ready", "two": "loading"}
        fleet.models[1].state = "ready"
        answer = await client.get("/health/ready")
        assert (answer.status_code, answer.json()["status"]) == (200, "ready")
        fleet.models[1].state = "failed"
        assert (await client.get("/health/ready")).status_code == 503
        fleet.models[1].on_start = False  # only a request asked for it
        answer = await client.get("/health/ready")
        assert (answer.status_code, answer.json()["models"]) == (200, {"org/one": "ready"})


@pytest.mark.parametrize("name", ["prompt", "content"])
async def test_tokenize_a_text(door: Door, name: str) -> None:
    async with door() as client:
        plain = (await client.post("/v1/tokenize", json={name: "a bb"})).json()
        ask = {name: "a bb", "add_special_tokens": False, "return_token_strs": True}
        bare = (await client.post("/v1/tokenize", json=ask)).json()
    assert plain == {"tokens": [3, 1, 2], "count": 3, "max_model_len": 4096, "token_strs": None}
    assert (bare["tokens"], bare["token_strs"]) == ([1, 2], ["a", "bb"])


async def test_detokenize(door: Door) -> None:
    async with door() as client:
        answer = await client.post("/v1/detokenize", json={"tokens": [1, 2]})
        assert answer.json() == {"prompt": "1 2", "content": "1 2"}
        assert (await client.post("/v1/detokenize", json={"tokens": []})).status_code == 200
        assert (await client.post("/v1/detokenize", json={"tokens": [1000]})).status_code == 400


async def test_token_count(door: Door) -> None:
    messages = [{"role": "user", "content": "a b c"}]
    async with door() as client:
        route = "/v1/internal/token-count"
        assert (await client.post(route, json={"prompt": "a b"})).json() == {"length": 3}
        assert (await client.post(route, json={"messages": messages})).json() == {"length": 4}
        both = {"prompt": "a", "messages": messages}
        for wrong in ({}, both, {"messages": [messages]}, {"prompt": "a", "add": 1}):
            assert (await client.post(route, json=wrong)).status_code == 400


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tools", [{"name": "f"}]),
        ("enable_thinking", True),
        ("chat_template_kwargs", {"enable_thinking": True}),
    ],
)
async def test_what_shapes_a_chats_prompt_shapes_its_tokens(
    door: Door, name: str, value: Any
) -> None:
    messages = [{"role": "user", "content": "a b c"}]
    async with door() as client:
        for route in ("/v1/tokenize", "/v1/internal/token-count"):
            asked = await client.post(route, json={"messages": messages, name: value})
            assert asked.status_code == 200
            text = await client.post(route, json={"prompt": "a", name: value})
            assert text.json()["error"]["param"] == name


async def test_capabilities(door: Door) -> None:
    async with door() as client:
        body = (await client.get("/v1/capabilities")).json()
    one, two = body["data"]
    assert one["context_length"] == 4096
    assert one["defaults"] == {"temperature": 0.6, "top_k": 20}
    assert two["context_length"] is None
    chat = one["parameters"][CHAT]
    assert chat["temperature"] == {
        "support": "honoured",
        "schema": {"type": "number", "minimum": 0, "maximum": 2},
    }
    assert chat["user"]["support"] == "accepted_without_effect"
    assert chat["functions"] == {"support": "refused"}
    assert chat["tools"]["support"] == chat["response_format"]["support"] == "honoured"
    assert (one["tool_parser"], one["thinking"], two["thinking"]) == ("", False, None)
    assert body["limits"]["tools"] == 256
    assert body["limits"]["constraint_characters"] == 2**18
    assert chat["n"]["schema"]["maximum"] == MAX_CHOICES
    assert body["limits"]["body_bytes"] == 10 * 1024 * 1024
    assert body["limits"]["answers_at_once"] == 64
    assert body["limits"]["requests_at_once"] == 64
    assert body["limits"]["requests_waiting"] == 512
    assert chat["pippin"]["support"] == "honoured"
    assert set(chat["pippin"]["schema"]["properties"]) == {"explain_cache", "priority"}
    assert body["cache"] == {
        "memory_bytes": None,
        "ram_bytes": None,
        "disk_bytes": 10 * 2**30,
        "min_tokens": 32,
        "per_key": False,
        "kv_bits": None,
    }


async def test_capabilities_of_a_server_with_settings_of_its_own(door: Door) -> None:
    settings = {"max_concurrency": 2, "memory": "1GiB", "cache_ram": "0", "kv_bits": 8}
    async with door(**settings) as client:
        body = (await client.get("/v1/capabilities")).json()
    assert body["limits"]["requests_at_once"] == 2
    assert body["cache"]["memory_bytes"] == 2**30
    assert (body["cache"]["ram_bytes"], body["cache"]["kv_bits"]) == (0, 8)


@pytest.mark.parametrize("route", BODIES)
async def test_capabilities_agree_with_what_happens(door: Door, route: str) -> None:
    """What is called refused is refused by name; what is not is taken in its plainest form."""
    minimal: dict[str, Any] = {"messages": [{"role": "user", "content": "x"}]}
    if route != CHAT:
        minimal = {"prompt": "x"}
    async with door() as client:
        for name, parameter in parameters_of(BODIES[route]).items():
            odd = await client.post(route, json=minimal | {name: [{"odd": "shape"}]})
            assert odd.status_code == 400
            code = odd.json()["error"]["code"]
            assert (code == "unsupported_parameter") == (parameter.support == "refused"), name
        unlisted = await client.post(route, json=minimal | {"unlisted": 1})
        assert unlisted.json()["error"]["code"] == "unknown_parameter"


async def test_openapi_is_true(door: Door) -> None:
    async with door() as client:
        document = (await client.get("/openapi.json")).json()
        for page in ("/docs", "/redoc"):
            assert (await client.get(page)).status_code == 200
    schemas = document["components"]["schemas"]
    operation = document["paths"][CHAT]["post"]
    ref = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    assert schemas[ref.rpartition("/")[2]]["properties"]["temperature"]["anyOf"][0]["maximum"] == 2
    assert set(operation["responses"]["200"]["content"]) == {
        "application/json",
        "text/event-stream",
    }
    assert operation["responses"]["default"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/ErrorBody"
    }
    for name in refs_in(document):
        assert name in schemas


def refs_in(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [str(value["$ref"]).rpartition("/")[2]] if isinstance(value.get("$ref"), str) else []
        return own + [name for item in value.values() for name in refs_in(item)]
    if isinstance(value, list):
        return [name for item in value for name in refs_in(item)]
    return []
