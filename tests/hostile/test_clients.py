"""Rows 86 and 87: clients that leave in every phase, and clients that do not read."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import psutil
import pytest

from tests.hostile.conftest import Canary
from tests.hostile.expect import connection, until_closed
from tests.journeys.server import RunningServer, serving

CHAT, TEXT = "/v1/chat/completions", "/v1/completions"
PATIENCE_S = 100.0
MIB = 1024 * 1024
ENDLESS = {"ignore_eos": True, "max_tokens": 3000, "temperature": 0}


@pytest.fixture(scope="module")
def narrow() -> Iterator[RunningServer]:
    """A server with one place for work and none to wait, per model: who is let in shows that the
    one before is really gone. The canary has a model of its own."""
    flags = ("--max-concurrency=1", "--queue-size=0")
    with serving("demo", "other=demo", *flags) as server, Canary(server.url, "other") as canary:
        yield server
        canary.must_sing()
    assert not [line for line in server.log if "yet holds" in line or "Traceback" in line]


def request(fields: dict[str, Any], path: str = TEXT) -> bytes:
    body = json.dumps({"model": "demo"} | fields).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    head += "Connection: close\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def place_is_free(url: str) -> None:
    """Somebody else is let in, begins, and ends."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        body = {"model": "demo", "prompt": "One, two,", "max_tokens": 4}
        answer = httpx.post(url + TEXT, json=body, timeout=PATIENCE_S)
        if answer.status_code == 200:
            return
        assert answer.status_code == 429
        time.sleep(0.1)
    raise AssertionError("the place was never free again")


def place_is_taken(url: str) -> None:
    """Nobody else is let in."""
    body = {"model": "demo", "prompt": "One, two,", "max_tokens": 4}
    assert httpx.post(url + TEXT, json=body, timeout=PATIENCE_S).status_code == 429


LONG = "word " * 1500
"""A prompt that takes many steps."""
PHASES: dict[str, tuple[dict[str, Any], int]] = {
    "at once": ({"prompt": LONG, "stream": True}, 0),
    "in prefill": ({"prompt": LONG}, 0),
    "after the head": ({"prompt": "One,", "stream": True}, 1),
    "between tokens": ({"prompt": "One,", "stream": True}, 4000),
    "whole": ({"prompt": "One,"}, 0),
    "many choices": ({"prompt": "One,", "n": 8, "stream": True}, 4000),
    "with scores": ({"prompt": LONG, "echo": True, "logprobs": 5}, 0),
}


@pytest.mark.parametrize("rudely", [False, True])
@pytest.mark.parametrize("phase", PHASES)
def test_row_86_a_client_that_leaves(narrow: RunningServer, phase: str, rudely: bool) -> None:
    """With a FIN or with a RST. Without a cancel its answer would hold the place for long."""
    fields, read = PHASES[phase]
    with connection(narrow.url) as sock:
        if rudely:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.sendall(request(ENDLESS | fields))
        got = 0
        while got < read:
            got += len(sock.recv(65536))
        if phase != "at once":
            time.sleep(0.2)
            place_is_taken(narrow.url)
    place_is_free(narrow.url)


def test_row_86_a_body_that_never_ends(narrow: RunningServer) -> None:
    with connection(narrow.url) as sock:
        sock.sendall(request(ENDLESS | {"prompt": "x"})[:-5])
    place_is_free(narrow.url)


def test_row_86_half_a_connection(narrow: RunningServer) -> None:
    """A client that will say nothing more, and reads: taken for one that left. It gets nothing
    that looks like an answer."""
    with connection(narrow.url) as sock:
        sock.sendall(request(ENDLESS | {"prompt": "One,", "stream": True}))
        sock.shutdown(socket.SHUT_WR)
        assert b"[DONE]" not in until_closed(sock)
    place_is_free(narrow.url)


def test_row_86_clients_that_leave_the_queue() -> None:
    """Their places in it are free at once, and they are never begun."""
    flags = ("--max-concurrency=1", "--queue-size=1")
    with serving("demo", "other=demo", *flags) as server, Canary(server.url, "other") as canary:
        with connection(server.url) as holder:
            holder.sendall(request(ENDLESS | {"prompt": "One,", "stream": True}))
            holder.recv(1)
            for stream in (True, False) * 3:
                with connection(server.url) as waiting:
                    ask = ENDLESS | {"prompt": "Two,", "stream": stream, "n": 2}
                    waiting.sendall(request(ask))
                    time.sleep(0.1)
                    place_is_taken(server.url)
            canary.must_sing()
        place_is_free(server.url)
        (figures, _) = httpx.get(f"{server.url}/v1/cache").json()["data"]
        assert figures["figures"]["prompts"] == 2, "somebody was begun who had left"


@pytest.mark.timeout(240)
def test_row_87_a_client_that_does_not_read(narrow: RunningServer) -> None:
    """What waits for it is bounded; then its request is cancelled, and it is told why."""
    gateway = psutil.Process(narrow.process.pid)
    before, most = gateway.memory_info().rss, 0
    messages = [{"role": "user", "content": "Count."}]
    fields = {"messages": messages, "n": 32, "stream": True, "logprobs": True, "top_logprobs": 20}
    with connection(narrow.url) as sock:
        sock.sendall(request(ENDLESS | fields, CHAT))
        freed = threading.Thread(target=place_is_free, args=(narrow.url,))
        freed.start()
        while freed.is_alive():
            most = max(most, gateway.memory_info().rss)
            freed.join(0.1)
        said = until_closed(sock)
    assert b"read too slowly" in said[-2000:]
    assert b"[DONE]" not in said
    assert most - before < 150 * MIB


def test_row_87_a_client_that_reads_slowly(narrow: RunningServer) -> None:
    """A little at a time, and gets all of it."""
    fields = {"prompt": "One,", "stream": True, "max_tokens": 200}
    said = b""
    with connection(narrow.url) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.sendall(request(ENDLESS | fields))
        while b"[DONE]" not in said[-100:]:
            said += sock.recv(512)
            time.sleep(0.002)
    assert b'"error"' not in said
    place_is_free(narrow.url)
