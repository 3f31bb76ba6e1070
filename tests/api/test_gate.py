"""The gate, duty by duty, without a socket."""

import logging
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from starlette.routing import Route

from pippin.api.app import create_app
from pippin.api.gate.keys import OPEN_PATHS
from pippin.errors import EngineFailure
from pippin.settings import Settings
from tests.api.conftest import Door
from tests.api.fakes import FakeFleet

pytestmark = pytest.mark.anyio

CHAT = "/v1/chat/completions"
ASK: dict[str, Any] = {"messages": [{"role": "user", "content": "hello"}]}
KEYED = {"api_keys": ("sk-one", "sk-two")}


def error_of(answer: httpx.Response) -> dict[str, Any]:
    body = answer.json()
    assert body["detail"] == body["error"]["message"]
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert "x-request-id" in answer.headers
    return dict(body["error"])


def every_route() -> list[tuple[str, str]]:
    """Method and path of each route of the app, parameters filled in."""
    app = create_app(Settings(), FakeFleet())
    found = []
    for route in app.routes:
        if isinstance(route, APIRoute | Route):
            path = route.path.replace("{model_id:path}", "fake")
            found += [(method, path) for method in sorted(route.methods or ())]
    return found


def test_the_route_table_is_what_the_walk_sees() -> None:
    paths = {path for _, path in every_route()}
    assert {CHAT, "/v1/completions", "/docs", "/redoc", "/openapi.json", "/v1/models/fake"} <= paths
    assert paths >= OPEN_PATHS


@pytest.mark.parametrize(("method", "path"), every_route())
async def test_every_route_but_health_needs_a_key(door: Door, method: str, path: str) -> None:
    async with door(**KEYED) as client:
        answer = await client.request(method, path)
        assert (answer.status_code == 401) == (path not in OPEN_PATHS)


@pytest.mark.parametrize("path", ["/nowhere", "/health/", "//health", "/health/ready/x", "/HEALTH"])
async def test_unknown_paths_need_a_key_too(door: Door, path: str) -> None:
    async with door(**KEYED) as client:
        assert (await client.get(path)).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer sk-two"},
        {"authorization": "bearer  sk-one"},
        {"x-api-key": "sk-one"},
    ],
)
async def test_any_key_opens(door: Door, headers: dict[str, str]) -> None:
    async with door(**KEYED) as client:
        assert (await client.get("/v1/models", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer"},
        {"authorization": "Bearer sk-three"},
        {"authorization": "Basic sk-one"},
        {"authorization": "sk-one"},
        {"x-api-key": "sk-on"},
        {"x-api-key": b"sk-\xff"},
    ],
)
async def test_wrong_keys_do_not_open(
    door: Door, headers: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with door(**KEYED) as client:
        answer = await client.get("/v1/models", headers=headers)
        assert answer.status_code == 401
        assert error_of(answer)["code"] == "invalid_api_key"
        assert answer.headers["www-authenticate"] == "Bearer"
    assert "sk-" not in caplog.text


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:1", "[::1]:8000"])
async def test_loopback_names_are_answered(door: Door, host: str) -> None:
    async with door() as client:
        assert (await client.get("/health", headers={"host": host})).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "localhost/v1/models", "a@localhost", "", "[::1"],
)
async def test_other_hosts_are_refused_on_loopback(door: Door, host: str) -> None:
    async with door() as client:
        answer = await client.get("/health", headers={"host": host})
        assert answer.status_code == 403
        assert error_of(answer)["code"] == "host_not_allowed"


async def test_configured_hosts_are_answered(door: Door) -> None:
    async with door(allowed_hosts=("pippin.lan",)) as client:
        assert (await client.get("/health", headers={"host": "Pippin.lan:80"})).status_code == 200


async def test_a_public_server_takes_any_wellformed_host(door: Door) -> None:
    async with door(host="0.0.0.0", api_keys=("k",)) as client:
        assert (await client.get("/health", headers={"host": "any.example"})).status_code == 200
        assert (await client.get("/health", headers={"host": "a/b"})).status_code == 403


@pytest.mark.parametrize("host", ["localhost/health", "localhost/health?x="])
async def test_a_host_with_a_path_opens_nothing(door: Door, host: str) -> None:
    async with door(host="0.0.0.0", **KEYED) as client:
        assert (await client.get("/v1/models", headers={"host": host})).status_code in (401, 403)


@pytest.mark.parametrize(
    ("declared", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=UTF-8", 200),
        ("Application/Vnd.api+JSON", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("text/plain; application/json", 415),
        ("application/json; charset=utf-16", 415),
        ("", 415),
    ],
)
async def test_bodies_must_be_json(door: Door, declared: str, status: int) -> None:
    async with door() as client:
        answer = await client.post(
            CHAT,
            content=b'{"messages":[{"role":"user","content":"x"}]}',
            headers={"content-type": declared},
        )
        assert answer.status_code == status


async def test_body_limit(door: Door) -> None:
    async def endless() -> Any:
        for _ in range(100):
            yield b" " * 100

    async with door(max_body_bytes=1024) as client:
        json_type = {"content-type": "application/json"}
        for body in (b" " * 1025, endless()):
            answer = await client.post(CHAT, content=body, headers=json_type)
            assert answer.status_code == 413
            assert error_of(answer)["code"] == "request_too_large"
            assert answer.headers["connection"] == "close"


async def test_cors_is_off_unless_asked(door: Door) -> None:
    preflight = {"origin": "https://a.example", "access-control-request-method": "POST"}
    async with door() as client:
        answer = await client.options(CHAT, headers=preflight)
        assert answer.status_code == 405
        assert "access-control-allow-origin" not in answer.headers
    async with door(cors_origins=("https://a.example",), **KEYED) as client:
        answer = await client.options(CHAT, headers=preflight)
        assert answer.headers["access-control-allow-origin"] == "https://a.example"
        assert "access-control-allow-credentials" not in answer.headers
        refused = await client.post(CHAT, json=ASK, headers={"origin": "https://a.example"})
        assert refused.status_code == 401
        assert refused.headers["access-control-allow-origin"] == "https://a.example"
        assert "retry-after" in refused.headers["access-control-expose-headers"]
        other = await client.options(CHAT, headers=preflight | {"origin": "https://b.example"})
        assert "access-control-allow-origin" not in other.headers


async def test_request_ids(door: Door) -> None:
    async with door() as client:
        own = [(await client.get("/health")).headers["x-request-id"] for _ in range(2)]
        assert own[0] != own[1]
        assert own[0].startswith("req-")
        for given, echoed in [("abc-1", True), ("a b", False), ("x" * 129, False), ("é", False)]:
            headers = {b"x-request-id": given.encode("latin-1")}
            answer = await client.get("/health", headers=headers)
            assert (answer.headers["x-request-id"] == given) == echoed


async def test_the_log_has_no_content_and_no_control_characters(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "pippin")
    async with door(**KEYED) as client:
        await client.get("/a%0d%0ainjected%1b[31m", headers={"x-api-key": "sk-one"})
        secret = {"messages": [{"role": "user", "content": "my secret"}], "user": "me"}
        await client.post(CHAT, json=secret, headers={"x-api-key": "sk-one"})
        await client.post(CHAT, content=b'{"my secret', headers={"x-api-key": "sk-one"})
    lines = [record.getMessage() for record in caplog.records if record.name == "pippin.access"]
    assert len(lines) == 3
    assert "\\r\\ninjected\\x1b" in lines[0]
    assert f"POST {CHAT} 200" in lines[1]
    assert all(line.isprintable() for line in lines)
    assert "secret" not in caplog.text
    assert "sk-one" not in caplog.text


async def test_unknown_routes_and_methods_have_openais_shape(door: Door) -> None:
    async with door() as client:
        answer = await client.get("/v2/nothing")
        assert (answer.status_code, error_of(answer)["code"]) == (404, "not_found")
        answer = await client.get(CHAT)
        assert (answer.status_code, error_of(answer)["code"]) == (405, "method_not_allowed")
        assert "POST" in answer.headers["allow"]


async def test_internals_stay_inside(
    door: Door, fleet: FakeFleet, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: object) -> Any:
        raise RuntimeError("/home/someone/model.py line 3")

    fleet.first.script = broken
    async with door() as client:
        answer = await client.post(CHAT, json=ASK)
        assert answer.status_code == 500
        assert "someone" not in answer.text
        assert error_of(answer)["type"] == "server_error"
    assert "someone" in caplog.text

    fleet.first.script = lambda _: [EngineFailure("A step failed.")]
    async with door() as client:
        answer = await client.post(CHAT, json=ASK)
        assert (answer.status_code, error_of(answer)["code"]) == (500, "engine_failure")


async def test_retry_after(door: Door, fleet: FakeFleet) -> None:
    fleet.first.state = "loading"
    async with door() as client:
        answer = await client.post(CHAT, json=ASK)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "2"
        assert error_of(answer)["code"] == "model_unavailable"


@pytest.mark.parametrize(
    ("encoding", "status"), [("gzip", 415), ("br, gzip", 415), ("identity", 200)]
)
async def test_compressed_bodies_are_refused_by_name(
    door: Door, encoding: str, status: int
) -> None:
    async with door() as client:
        answer = await client.post(CHAT, json=ASK, headers={"content-encoding": encoding})
        assert answer.status_code == status
        if status == 415:
            assert encoding in error_of(answer)["message"]


async def test_head_wherever_get_is(door: Door) -> None:
    reading = {path for method, path in every_route() if method == "GET"}
    assert reading == {path for method, path in every_route() if method == "HEAD"}
    async with door() as client:
        for path in reading - {"/v1/internal/model/info"}:  # of a slot, and none is filled
            assert (await client.head(path)).status_code == 200
        assert {"GET", "POST"} <= set((await client.put("/health")).headers["allow"].split(", "))


async def test_a_failed_model_is_not_worth_waiting_for(door: Door, fleet: FakeFleet) -> None:
    fleet.first.state = "failed"
    async with door() as client:
        answer = await client.post(CHAT, json=ASK)
        assert answer.status_code == 503
        assert "retry-after" not in answer.headers


async def test_any_header_may_cross_origins(door: Door) -> None:
    preflight = {
        "origin": "https://a.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "x-stainless-os,authorization",
    }
    async with door(cors_origins=("https://a.example",)) as client:
        answer = await client.options(CHAT, headers=preflight)
        assert answer.status_code == 200
        assert "access-control-allow-credentials" not in answer.headers
