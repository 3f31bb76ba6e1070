"""Rows 9, 12 to 16, 18, 20: who may come in, and what is let out."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from pippin.settings import Settings
from tests.api.fakes import FakeFleet
from tests.api.serving import running
from tests.hostile.expect import closed_with, refusal, status_of, talk

CHAT = "/v1/chat/completions"
ASK: dict[str, Any] = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 2}


@pytest.fixture(scope="module")
def keyed_url() -> Iterator[str]:
    """A server that needs a key."""
    with running(Settings(port=0, api_keys=("sk-right",)), FakeFleet()) as url:
        yield url


@pytest.mark.parametrize(
    "host",
    ["localhost/health", "localhost/health?", "localhost#/health", "u@localhost", "local host", ""],
)
def test_row_9_a_host_with_more_in_it(keyed_url: str, host: str) -> None:
    request = f"GET /v1/models HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    assert status_of(talk(keyed_url, request.encode())) == 403


@pytest.mark.parametrize("target", ["http://localhost/health", "http://x/v1/models", "//health"])
def test_row_9_absolute_targets(keyed_url: str, target: str) -> None:
    """What is matched is what is authorised: only the health route itself is open."""
    request = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    status = status_of(talk(keyed_url, request.encode()))
    assert status == (200 if target == "http://localhost/health" else 401)


@pytest.mark.parametrize(
    "path",
    [
        "/health/../v1/models",
        "/health%2f..%2fv1/models",
        "/%68ealth/",
        "/health;x",
        "/v1/models?/health",
    ],
)
def test_row_14_detours_need_a_key(keyed_url: str, path: str) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert status_of(talk(keyed_url, request.encode())) == 401


@pytest.mark.parametrize("key", ["sk-wrong", "sk-righ", "sk-right0", "x", "sk-right\u00e9"])
def test_row_13_wrong_keys(keyed_url: str, key: str) -> None:
    headers = {b"authorization": f"Bearer {key}".encode("latin-1")}
    refusal(httpx.post(keyed_url + CHAT, json=ASK, headers=headers), 401)
    refusal(httpx.post(keyed_url + CHAT, json=ASK), 401)
    right = {"authorization": "Bearer sk-right"}
    assert httpx.post(keyed_url + CHAT, json=ASK, headers=right).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io"])
def test_row_15_rebinding(client: httpx.Client, host: str) -> None:
    refusal(client.get("/v1/models", headers={"host": host}), 403)
    refusal(client.post(CHAT, json=ASK, headers={"host": host}), 403)


def test_row_15_two_hosts(server_url: str) -> None:
    hosts = b"Host: localhost\r\nHost: evil.example\r\n"
    request = b"GET /v1/models HTTP/1.1\r\n" + hosts + b"Connection: close\r\n\r\n"
    assert status_of(talk(server_url, request)) in (400, 403)


@pytest.mark.parametrize(
    "declared", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None]
)
def test_row_16_what_a_page_may_send_unasked(client: httpx.Client, declared: str | None) -> None:
    headers = {"origin": "https://evil.example"}
    if declared is not None:
        headers["content-type"] = declared
    body = b'{"messages":[{"role":"user","content":"x"}]}'
    answer = client.post(CHAT, content=body, headers=headers)
    refusal(answer, 415)
    assert "access-control-allow-origin" not in answer.headers


def test_row_16_no_preflight_is_granted(client: httpx.Client) -> None:
    headers = {
        "origin": "https://evil.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
    }
    answer = client.options(CHAT, headers=headers)
    assert answer.status_code == 405
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("given", ["../../etc", "a\tb", "x" * 10_000, "\x1b[31m", "cmpl-1;drop"])
def test_row_18_a_callers_id_is_no_key(client: httpx.Client, given: str) -> None:
    headers = {"x-request-id": given}
    try:
        answers = [client.post(CHAT, json=ASK, headers=headers) for _ in range(2)]
    except httpx.RemoteProtocolError:
        return
    for answer in answers:
        if answer.status_code == 200:
            assert given not in answer.json()["id"]
        echoed = answer.headers.get("x-request-id", "")
        assert re.fullmatch(r"[A-Za-z0-9._:/+=@-]{0,128}", echoed)


def test_row_18_the_same_id_many_times(client: httpx.Client) -> None:
    headers = {"x-request-id": "same"}
    answers = [client.post(CHAT, json=ASK, headers=headers) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.headers["x-request-id"] for answer in answers} == {"same"}
    assert len({answer.json()["id"] for answer in answers}) == 5


def test_row_12_control_characters_in_a_path(client: httpx.Client) -> None:
    answer = client.get("/v1/models/%0d%0aset-cookie:%20a=b%1b%5b31m")
    refusal(answer, 404)
    assert "set-cookie" not in answer.headers
    assert answer.text.isprintable()


def test_row_12_header_injection(server_url: str) -> None:
    request = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: a\rSet-Cookie: b\r\n\r\n"
    closed_with(talk(server_url, request), 400)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/nothing", 404), ("PUT", CHAT, 405), ("DELETE", "/v1/capabilities", 405)],
)
def test_row_20_errors_tell_no_internals(
    client: httpx.Client, method: str, path: str, status: int
) -> None:
    refusal(client.request(method, path), status)
