"""Rows 1 to 5: what only a raw socket can do."""

import time

import httpx
import pytest

from tests.hostile.conftest import MAX_BODY_BYTES, RECEIPT_TIMEOUT_S
from tests.hostile.expect import (
    closed_with,
    connection,
    one_answer,
    refusal,
    status_of,
    talk,
    until_closed,
)

HEAD = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
)
GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
BODY = b'{"messages":[{"role":"user","content":"x"}]}'
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "data",
    [
        GET + b"X-Big: " + b"x" * 1_000_000 + b"\r\n\r\n",
        GET + b"X-Big: " + b"x" * 70_000,
        GET + b"x" * 70_000,
        GET + b"A: b\r\n" * 10_000 + b"\r\n",
        GET + b"".join(b"A%d: b\r\n" % i for i in range(201)) + b"\r\n",
        b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        CHUNKED + b"1;" + b"x" * 1_000_000,
        CHUNKED + b"0\r\nTrailer: " + b"x" * 1_000_000,
    ],
    ids=["header", "open value", "open name", "10000", "201", "url", "extension", "trailer"],
)
def test_row_1_huge_heads(server_url: str, data: bytes) -> None:
    closed_with(talk(server_url, data), 431)


def test_row_1_honest_heads_pass(server_url: str) -> None:
    head = GET + b"".join(b"A%d: b\r\n" % i for i in range(100)) + b"X: " + b"x" * 16_000
    with connection(server_url) as sock:
        for _ in range(3):
            sock.sendall(head + b"\r\n\r\n")
            assert status_of(one_answer(sock)) == 200


def test_row_2_a_declared_flood(server_url: str) -> None:
    closed_with(talk(server_url, HEAD + b"Content-Length: 10000000000\r\n\r\n{"), 413)


def test_row_2_an_endless_chunked_body(server_url: str) -> None:
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    closed_with(talk(server_url, CHUNKED + chunk * (MAX_BODY_BYTES // 65536 + 4)), 413)


def test_row_2_a_flood_nobody_reads(server_url: str) -> None:
    """Refused before the body was read: the connection ends, the flood is not swallowed."""
    flood = GET.replace(b"GET", b"POST") + b"Content-Length: 10000000000\r\n\r\n"
    closed_with(talk(server_url, flood), 415)


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: -1\r\n",
        b"Content-Length: ten\r\n",
        b"Content-Length: 1e3\r\n",
        b"Content-Length: 99999999999999999999999\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 5, 6\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: xchunked\r\n",
    ],
)
def test_row_3_wrong_lengths(server_url: str, headers: bytes) -> None:
    closed_with(talk(server_url, HEAD + headers + b"\r\n" + BODY), 400)


def test_row_3_no_length(client: httpx.Client) -> None:
    json_type = {"content-type": "application/json"}
    refusal(client.post("/v1/chat/completions", headers=json_type), 400)


def test_row_4_a_slow_head(server_url: str) -> None:
    began = time.monotonic()
    with connection(server_url) as sock:
        for byte in GET + b"A: b\r\n" * 100:
            try:
                sock.sendall(bytes([byte]))
            except OSError:
                break
            if time.monotonic() > began + 2 * RECEIPT_TIMEOUT_S:
                break
            time.sleep(0.02)
        closed_with(until_closed(sock), 408)


def test_row_4_a_slow_body(server_url: str) -> None:
    began = time.monotonic()
    with connection(server_url) as sock:
        sock.sendall(HEAD + b"Content-Length: 1000\r\n\r\n")
        while time.monotonic() < began + 2 * RECEIPT_TIMEOUT_S:
            try:
                sock.sendall(b" ")
            except OSError:
                break
            time.sleep(0.05)
        closed_with(until_closed(sock), 408)


@pytest.mark.parametrize("said", [b"", b"\r\n", b"G"])
def test_row_4_a_silent_connection(server_url: str, said: bytes) -> None:
    closed_with(talk(server_url, said), 408)


def test_row_4_a_kept_connection_has_a_deadline_again(server_url: str) -> None:
    with connection(server_url) as sock:
        sock.sendall(GET + b"\r\n")
        assert status_of(sock.recv(65536)) == 200
        sock.sendall(b"\r\n")
        closed_with(until_closed(sock), 408)


@pytest.mark.parametrize(
    "body",
    [
        b"5\r\nhelloXX0\r\n\r\n",
        b"5\nhello\n0\n\n",
        b"zz\r\nhello\r\n0\r\n\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"fffffffffffffffff\r\nhello",
        b"5\r\nhello\r\r\n0\r\n\r\n",
    ],
)
def test_row_5_bad_chunks(server_url: str, body: bytes) -> None:
    closed_with(talk(server_url, CHUNKED + body), 400)


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"NONSENSE\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        GET + b"A: b\x00c\r\n\r\n",
        GET + b" folded: x\r\n\r\n",
    ],
)
def test_no_http(server_url: str, data: bytes) -> None:
    closed_with(talk(server_url, data), 400)
