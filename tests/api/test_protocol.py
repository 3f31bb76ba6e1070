"""One connection, by raw sockets: upgrades that nobody grants, and nonsense after a request."""

import logging
import socket
import time
from collections.abc import Iterator

import pytest

from pippin.settings import Settings
from tests.api.fakes import FakeFleet
from tests.api.serving import running

BODY = b'{"prompt": "hello", "max_tokens": 1}'
HEAD = (
    b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n" % len(BODY)
)
GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
LAST = b"Connection: close\r\n"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with running(Settings(port=0), FakeFleet()) as url:
        yield int(url.rpartition(":")[2])


def talk(port: int, *packets: bytes) -> bytes:
    """Send packets; all that is answered until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        for packet in packets:
            sock.sendall(packet)
            time.sleep(0.05)
        received = b""
        while data := sock.recv(65536):
            received += data
        return received


def statuses(answer: bytes) -> list[int]:
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]


AFTER = GET.replace(b"\r\n\r\n", b"\r\n" + LAST + b"\r\n")
REQUEST = HEAD + H2C + b"\r\n" + BODY
CHUNKED = (
    HEAD.replace(b"Content-Length: %d" % len(BODY), b"Transfer-Encoding: chunked")
    + H2C
    + b"\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
)


@pytest.mark.parametrize("request_", [REQUEST, CHUNKED], ids=["length", "chunked"])
@pytest.mark.parametrize("cut", [0, 30, 200, "head", -3])
def test_an_upgrade_keeps_its_body(
    port: int, request_: bytes, cut: int | str, caplog: pytest.LogCaptureFixture
) -> None:
    at = request_.index(b"\r\n\r\n") + 4 if isinstance(cut, str) else cut
    answer = talk(port, request_[:at], request_[at:], AFTER)
    assert statuses(answer) == [200, 200]
    assert b'"text"' in answer
    assert "WebSocket" not in caplog.text


def test_a_websocket_is_a_plain_request(port: int) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    assert statuses(talk(port, GET[:-2] + upgrade + AFTER)) == [200, 200]


@pytest.mark.parametrize(
    "garbage", [b"NONSENSE\r\n\r\n", b"\x16\x03\x01", b"GET / HTTP/9.9\r\n\r\n"]
)
@pytest.mark.parametrize("before", [1, 3])
def test_garbage_does_not_replace_an_answer(
    port: int, garbage: bytes, before: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    answer = talk(port, (HEAD + b"\r\n" + BODY) * before + garbage)
    assert statuses(answer) == [200] * before
    refused = [r for r in caplog.records if "refused unread" in r.getMessage()]
    assert [record.levelname for record in refused] == ["INFO"]
    assert "Invalid HTTP" not in caplog.text


def test_a_bad_body_behind_a_good_request(port: int) -> None:
    bad = HEAD.replace(b"Content-Length: %d" % len(BODY), b"Transfer-Encoding: chunked")
    answer = talk(port, HEAD + b"\r\n" + BODY + bad + b"\r\nzz\r\n")
    assert statuses(answer) == [200]
