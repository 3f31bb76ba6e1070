"""A full queue, one that is too slow, and who goes first in it: on the real server."""

import concurrent.futures
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from tests.journeys.server import RunningServer, serving

CHAT, TEXT = "/v1/chat/completions", "/v1/completions"
HELD: dict[str, Any] = {"prompt": "One, two,", "temperature": 0, "ignore_eos": True}
ASKS: dict[str, dict[str, Any]] = {
    CHAT: {"messages": [{"role": "user", "content": "What is the capital of Italy?"}]},
    TEXT: {"prompt": "The capital of Italy is"},
}
HEADERS_SOON = "--keepalive-interval=0.2"
"""A request that waits has its headers after so long: then it is known to be in the queue."""


@pytest.fixture(scope="module")
def tight() -> Iterator[RunningServer]:
    """One request at work, one that waits."""
    with serving("--max-concurrency=1", "--queue-size=1", HEADERS_SOON) as server:
        yield server
    assert not [line for line in server.log if "yet holds" in line], "something leaked"


class Stream:
    """A request whose answer is read in a thread of its own."""

    def __init__(self, url: str, key: str = "", **fields: Any) -> None:
        self._ask = url + TEXT, HELD | {"stream": True} | fields, key
        self.accepted = threading.Event()
        self.begun = threading.Event()
        self.left = False
        self.lines: list[str] = []
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        url, body, key = self._ask
        headers = {"x-api-key": key} if key else {}
        with httpx.stream("POST", url, json=body, headers=headers, timeout=60) as answer:
            self.accepted.set()
            for line in filter(None, answer.iter_lines()):
                self.lines.append(line)
                if line.startswith("data:"):
                    self.begun.set()
                if self.left:
                    return

    def leave(self) -> None:
        self.left = True
        self._thread.join(60)

    def end(self) -> list[str]:
        self._thread.join(100)
        return self.lines


@contextlib.contextmanager
def holding(server: RunningServer, key: str = "") -> Iterator[Stream]:
    """The one place for work is taken."""
    stream = Stream(server.url, key, max_tokens=3500)
    assert stream.begun.wait(60)
    try:
        yield stream
    finally:
        stream.leave()


@contextlib.contextmanager
def full(server: RunningServer) -> Iterator[tuple[Stream, Stream]]:
    """And the one to wait in, too."""
    with holding(server) as worker:
        waiting = Stream(server.url, max_tokens=5)
        assert waiting.accepted.wait(60)
        yield worker, waiting


def refused(answer: httpx.Response) -> None:
    """429 in OpenAI's shape, before any event, with a time to come back."""
    assert answer.status_code == 429, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    error = answer.json()["error"]
    assert (error["type"], error["code"]) == ("rate_limit_error", "server_busy")
    assert error["message"] == answer.json()["detail"]


def prompts_begun(server: RunningServer, key: str = "") -> int:
    answer = httpx.get(f"{server.url}/v1/cache", headers={"x-api-key": key} if key else {})
    return int(answer.json()["data"][0]["figures"]["prompts"])


def test_a_full_queue_is_told_before_the_first_byte(tight: RunningServer) -> None:
    """However it is asked. Those who were there before notice nothing of it."""
    right = Stream(tight.url, max_tokens=5).end()
    before = prompts_begun(tight)
    with full(tight) as (worker, waiting):
        for route, ask in ASKS.items():
            for fields in ({}, {"stream": True}, {"n": 3}, {"n": 3, "stream": True}):
                refused(httpx.post(tight.url + route, json=ask | fields, timeout=30))
        told = len(worker.lines)
        assert not waiting.begun.is_set()
    assert len(worker.lines) > told
    assert not any('"error"' in line for line in worker.lines)
    assert _whole(waiting.end()) == _whole(right) != ""
    assert prompts_begun(tight) == before + 2, "a refused request did work"


def test_several_prompts_need_as_many_places(tight: RunningServer) -> None:
    url = tight.url + TEXT
    assert httpx.post(url, json={"prompt": ["One", "Two"]}, timeout=30).status_code == 200
    never = httpx.post(url, json={"prompt": ["One"] * 3}, timeout=30)
    assert (never.status_code, never.json()["error"]["type"]) == (400, "invalid_request_error")
    before = prompts_begun(tight)
    with holding(tight):
        refused(httpx.post(url, json={"prompt": ["One", "Two"]}, timeout=30))
    assert prompts_begun(tight) == before + 1
    assert httpx.post(url, json={"prompt": ["One", "Two"]}, timeout=30).status_code == 200


def test_openais_client_sees_a_rate_limit(tight: RunningServer) -> None:
    with (
        openai.OpenAI(base_url=f"{tight.url}/v1", api_key="none", max_retries=0) as client,
        full(tight),
        pytest.raises(openai.RateLimitError) as caught,
    ):
        client.completions.create(model="demo", prompt="One")
    assert caught.value.code == "server_busy"
    assert int(caught.value.response.headers["retry-after"]) >= 1


def test_openais_client_comes_back_when_it_is_told_to(tight: RunningServer) -> None:
    """With its own retries, which heed Retry-After."""
    with openai.OpenAI(base_url=f"{tight.url}/v1", api_key="none", max_retries=9) as client:
        pool = concurrent.futures.ThreadPoolExecutor(1)
        with pool, full(tight):
            asked = pool.submit(client.completions.create, model="demo", prompt="One")
            with pytest.raises(concurrent.futures.TimeoutError):
                asked.result(0.5)
        assert asked.result().choices[0].text


def test_who_waits_too_long_is_told_and_does_no_work() -> None:
    flags = ("--max-concurrency=1", "--queue-timeout=0.5")
    with serving(*flags) as server:
        with holding(server) as worker:
            for route, ask in ASKS.items():
                for fields in ({}, {"stream": True}, {"n": 3}):
                    answer = httpx.post(server.url + route, json=ask | fields, timeout=60)
                    refused(answer)
                    assert "waited" in answer.json()["detail"]
        assert not any('"error"' in line for line in worker.lines)
        assert prompts_begun(server) == 1
        for route, ask in ASKS.items():
            assert httpx.post(server.url + route, json=ask, timeout=60).status_code == 200
    assert not [line for line in server.log if "yet holds" in line]


def test_a_stream_whose_headers_are_sent_ends_with_the_error() -> None:
    flags = ("--max-concurrency=1", "--queue-timeout=1", HEADERS_SOON)
    with serving(*flags) as server, holding(server):
        *before, last = Stream(server.url).end()
        assert set(before) <= {": keep-alive"}
        assert '"server_busy"' in last


KEYS = {
    "PIPPIN_API_KEYS": "person",
    "PIPPIN_AGENT_KEYS": "agent",
    "PIPPIN_BATCH_KEYS": "night",
}
BY_FIELD: list[tuple[str, dict[str, Any]]] = [
    ("person", {"pippin": {"priority": "batch"}}),
    ("person", {"pippin": {"priority": "agent"}}),
    ("person", {"pippin": {"priority": "interactive"}}),
]
BY_KEY: list[tuple[str, dict[str, Any]]] = [
    ("night", {"pippin": {"priority": "interactive"}}),
    ("agent", {}),
    ("person", {}),
]


@pytest.fixture(scope="module")
def keyed() -> Iterator[RunningServer]:
    """One request at work, and room for some that wait."""
    flags = ("--max-concurrency=1", "--queue-size=8", HEADERS_SOON)
    with serving(*flags, environment=KEYS) as server:
        yield server
    assert not [line for line in server.log if "yet holds" in line], "something leaked"


@pytest.mark.parametrize("asks", [BY_FIELD, BY_KEY], ids=["field", "key"])
def test_the_more_urgent_go_first(
    keyed: RunningServer, asks: list[tuple[str, dict[str, Any]]]
) -> None:
    """Asked in the reverse order; a key's own priority is the highest that it may ask for."""
    begun: list[int] = []

    def watch(number: int, stream: Stream) -> None:
        assert stream.begun.wait(100)
        begun.append(number)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        with holding(keyed, "person"):
            streams = []
            for key, fields in asks:
                streams.append(Stream(keyed.url, key, max_tokens=60, **fields))
                assert streams[-1].accepted.wait(60)
            watches = [pool.submit(watch, *each) for each in enumerate(streams)]
        for each in watches:
            each.result()
        for stream in streams:
            stream.end()
    assert begun == [2, 1, 0]


def test_who_gives_way_says_the_same_as_alone(keyed: RunningServer) -> None:
    """A batch job is at work; a person comes, is served at once, and the job goes on."""
    alone = Stream(keyed.url, "night", max_tokens=700).end()
    job = Stream(keyed.url, "night", max_tokens=700)
    assert job.begun.wait(60)
    person = Stream(keyed.url, "person", max_tokens=20).end()
    assert person[-1] == "data: [DONE]"
    assert "data: [DONE]" not in job.lines, "it was not interrupted: the test shows nothing"
    assert _whole(job.end()) == _whole(alone) != ""


def _whole(lines: list[str]) -> str:
    """The text of a stream."""
    pieces = [line.partition('"text":"')[2].partition('","logprobs"')[0] for line in lines]
    return "".join(pieces)
