"""What every refusal has in common."""

import contextlib
import json
import re
import socket
from typing import Any
from urllib.parse import urlsplit

import httpx

INSIDE = ("Traceback", "site-packages", "/src/", ".py", "0x")
"""What no answer may show."""


def refusal(answer: httpx.Response, status: int, param: str | None = None) -> dict[str, Any]:
    """One well-formed error of that status; with ``param``, one that names that field."""
    assert answer.status_code == status, answer.text
    return well_formed(answer.content, param)


def well_formed(body: bytes, param: str | None = None) -> dict[str, Any]:
    parsed = json.loads(body)
    assert set(parsed) == {"error", "detail"}
    error: dict[str, Any] = parsed["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"] == parsed["detail"]
    assert not any(word in parsed["detail"] for word in INSIDE)
    assert len(body) < 4096
    if param is not None:
        assert error["param"] == param, error
    return error


def failure(answer: httpx.Response, status: int) -> dict[str, Any]:
    """One error: that status, or of a stream whose headers were sent, the last event."""
    if not answer.headers["content-type"].startswith("text/event-stream"):
        return refusal(answer, status)
    assert answer.status_code == 200
    events = [line.removeprefix("data: ") for line in answer.text.splitlines() if line]
    assert sum('"error"' in event for event in events) == 1, events[-3:]
    return well_formed(events[-1].encode())


def connection(url: str) -> socket.socket:
    parts = urlsplit(url)
    assert parts.hostname is not None
    return socket.create_connection((parts.hostname, parts.port or 80), timeout=20)


def until_closed(sock: socket.socket) -> bytes:
    """All that the server says before it closes the connection, which it has to."""
    received = b""
    try:
        while data := sock.recv(65536):
            received += data
    except ConnectionResetError:
        return received
    return received


def one_answer(sock: socket.socket) -> bytes:
    """One whole answer with a Content-Length, of a connection that stays open."""
    received = b""
    while True:
        received += sock.recv(65536)
        head, blank, body = received.lower().partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        if blank and length and len(body) >= int(length[1]):
            return received


def talk(url: str, data: bytes) -> bytes:
    """Send bytes; what the server says until it closes."""
    with connection(url) as sock:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            sock.sendall(data)
        return until_closed(sock)


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def closed_with(answer: bytes, *statuses: int) -> None:
    """One whole error answer and nothing after it."""
    assert status_of(answer) in statuses, answer[:300]
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower()
    well_formed(body)
