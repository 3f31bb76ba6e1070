"""How answers leave: order, errors, silence, disconnects, tasks."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import pytest
from starlette.types import Message

from pippin.api.app import create_app
from pippin.core.events import Delta, Finished, Started
from pippin.core.request import GenerationRequest
from pippin.errors import ContextLengthExceeded, EngineFailure
from pippin.settings import Settings
from tests.api.conftest import Door
from tests.api.fakes import FakeFleet, Step

pytestmark = pytest.mark.anyio

CHAT = "/v1/chat/completions"
ASK: dict[str, Any] = {"messages": [{"role": "user", "content": "hello"}]}


def events_of(text: str) -> list[Any]:
    """Data of the server-sent events; comments as they are."""
    found: list[Any] = []
    for event in text.split("\n\n")[:-1]:
        data = event.removeprefix("data: ")
        found.append(json.loads(data) if data.startswith("{") else data)
    return found


async def test_the_shape_of_a_chat_stream(door: Door) -> None:
    async with door() as client:
        answer = await client.post(CHAT, json=ASK | {"stream": True, "max_tokens": 2})
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    events = events_of(answer.text)
    head = {name: events[0][name] for name in ("id", "created", "model", "system_fingerprint")}
    assert events[-1] == "[DONE]"
    for event in events[:-1]:
        assert event["object"] == "chat.completion.chunk"
        assert {name: event[name] for name in head} == head
        assert "usage" not in event
    assert [event["choices"] for event in events[:-1]] == [
        [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}]
        for delta, reason in [
            ({"role": "assistant", "content": ""}, None),
            ({"content": " hello"}, None),
            ({"content": " hello"}, None),
            ({}, "length"),
        ]
    ]


async def test_an_error_before_the_first_byte_has_its_status(door: Door, fleet: FakeFleet) -> None:
    fleet.first.script = lambda _: [ContextLengthExceeded("Too long.", "messages")]
    async with door() as client:
        for stream in (False, True):
            answer = await client.post(CHAT, json=ASK | {"stream": stream})
            assert answer.status_code == 400
            assert answer.json()["error"]["code"] == "context_length_exceeded"


async def test_an_error_after_the_first_byte_is_one_event(door: Door, fleet: FakeFleet) -> None:
    fleet.first.script = lambda _: [Started(1, 3), Delta(1, 0, "a"), EngineFailure("It broke.")]
    async with door() as client:
        events = events_of((await client.post(CHAT, json=ASK | {"stream": True})).text)
        assert events[1]["choices"][0]["delta"] == {"content": "a"}
        assert events[2]["error"]["message"] == "It broke."
        assert len(events) == 3
        assert (await client.post(CHAT, json=ASK)).status_code == 500


async def test_an_unexpected_error_in_a_stream_tells_nothing(
    door: Door, fleet: FakeFleet, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: GenerationRequest) -> Iterable[Step]:
        yield Started(1, 3)
        raise RuntimeError("inside")

    fleet.first.script = broken
    async with door() as client:
        answer = await client.post(CHAT, json=ASK | {"stream": True})
    assert "inside" not in answer.text
    assert events_of(answer.text)[-1]["error"]["type"] == "server_error"
    assert "inside" in caplog.text


async def test_one_failed_prompt_cancels_the_others(door: Door, fleet: FakeFleet) -> None:
    def second_fails(request: GenerationRequest) -> Iterable[Step]:
        yield Started(1, 1)
        if request is fleet.first.asked[1]:
            yield EngineFailure("It broke.")
        yield 60

    fleet.first.script = second_fails
    async with door() as client:
        answer = await client.post("/v1/completions", json={"prompt": ["a", "b", "c"]})
    assert answer.status_code == 500
    assert all(answer.cancelled.is_set() for answer in fleet.first.answers)


async def test_keep_alive_during_silence(door: Door, fleet: FakeFleet) -> None:
    fleet.first.script = lambda _: [Started(1, 3), 0.1, Delta(1, 0, "a"), Finished(1, 0, "stop", 1)]
    async with door(keepalive_interval_s=0.02) as client:
        events = events_of((await client.post(CHAT, json=ASK | {"stream": True})).text)
    assert ": keep-alive" in events[1:3]
    assert events[-1] == "[DONE]"


async def test_a_request_that_waits_long_gets_its_headers(door: Door, fleet: FakeFleet) -> None:
    fleet.first.script = lambda _: [0.1, EngineFailure("It broke.")]
    async with door(keepalive_interval_s=0.02) as client:
        answer = await client.post(CHAT, json=ASK | {"stream": True})
    assert answer.status_code == 200
    assert events_of(answer.text)[-1]["error"]["message"] == "It broke."


async def test_a_queued_prompt_does_not_hold_back_the_others(door: Door, fleet: FakeFleet) -> None:
    """The second prompt fails late: by then the first one's text has long been on its way."""

    def one_by_one(request: GenerationRequest) -> Iterable[Step]:
        if request is fleet.first.asked[1]:
            yield 0.2
            yield EngineFailure("It broke.")
        yield Started(1, 1)
        for _ in range(1000):
            yield 0.005
            yield Delta(1, 0, "a")

    fleet.first.script = one_by_one
    async with door(keepalive_interval_s=0.05) as client:
        answer = await client.post("/v1/completions", json={"prompt": ["a", "b"], "stream": True})
    events = events_of(answer.text)
    assert events[0]["choices"][0]["text"].startswith("a")
    assert events[-1]["error"]["message"] == "It broke."


async def test_best_of(door: Door, fleet: FakeFleet) -> None:
    def scored(request: GenerationRequest) -> Iterable[Step]:
        yield Started(1, 1)
        for index, score in enumerate([-3.0, -1.0, -2.0]):
            yield Delta(1, index, f"text {index}")
            yield Finished(1, index, "stop", 2, score)

    fleet.first.script = scored
    async with door() as client:
        answer = await client.post("/v1/completions", json={"prompt": "a", "n": 2, "best_of": 3})
    body = answer.json()
    assert [choice["text"] for choice in body["choices"]] == ["text 1", "text 2"]
    assert [choice["index"] for choice in body["choices"]] == [0, 1]
    assert body["usage"]["completion_tokens"] == 6


class Client:
    """An ASGI client that can leave, or stop reading."""

    def __init__(self, body: dict[str, Any]) -> None:
        self._body = json.dumps(body).encode()
        self._sent = False
        self.left = asyncio.Event()
        self.reads = asyncio.Event()
        self.reads.set()
        self.got: list[Message] = []
        self.first_byte = asyncio.Event()

    async def receive(self) -> Message:
        if not self._sent:
            self._sent = True
            return {"type": "http.request", "body": self._body, "more_body": False}
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.got.append(message)
        self.first_byte.set()
        await self.reads.wait()

    async def call(self, fleet: FakeFleet) -> None:
        scope = {
            "type": "http",
            "method": "POST",
            "path": CHAT,
            "raw_path": CHAT.encode(),
            "query_string": b"",
            "root_path": "",
            "http_version": "1.1",
            "headers": [
                (b"host", b"localhost"),
                (b"content-type", b"application/json"),
                (b"content-length", str(len(self._body)).encode()),
            ],
        }
        await create_app(Settings(), fleet)(scope, self.receive, self.send)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("script", [[60.0], [Started(1, 3), Delta(1, 0, "a"), 60.0]])
async def test_a_client_that_leaves_cancels(
    fleet: FakeFleet, stream: bool, script: list[Step]
) -> None:
    fleet.first.script = lambda _: script
    client = Client(ASK | {"stream": stream, "n": 2})
    before = asyncio.all_tasks()
    call = asyncio.create_task(client.call(fleet))
    while not fleet.first.answers:
        await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    client.left.set()
    await call
    assert fleet.first.answers[0].cancelled.is_set()
    assert asyncio.all_tasks() == before
    ends = [message for message in client.got if not message.get("more_body", True)]
    assert not ends


async def test_a_stopped_reader_is_cancelled_when_it_leaves(fleet: FakeFleet) -> None:
    fleet.first.script = lambda _: [Started(1, 3), Delta(1, 0, "a"), 60.0]
    client = Client(ASK | {"stream": True})
    client.reads.clear()
    call = asyncio.create_task(client.call(fleet))
    await client.first_byte.wait()
    client.left.set()
    await fleet.first.answers[0].cancelled.wait()
    client.reads.set()
    await call


async def test_what_waits_for_a_slow_reader_goes_out_in_one_piece(fleet: FakeFleet) -> None:
    client = Client(ASK | {"stream": True})
    client.reads.clear()
    call = asyncio.create_task(client.call(fleet))
    await client.first_byte.wait()
    for _ in range(20):
        await asyncio.sleep(0)
    client.reads.set()
    await call
    bodies = [message["body"] for message in client.got[1:]]
    assert len(bodies) <= 3
    assert b"".join(bodies).count(b'"content":" hello"') == 5


async def test_a_burst_is_held_back_not_stored(fleet: FakeFleet) -> None:
    def burst(_: GenerationRequest) -> Iterable[Step]:
        yield Started(1, 3)
        for _step in range(10_000):
            yield Delta(1, 0, "a")
        yield Finished(1, 0, "stop", 10_000)

    fleet.first.script = burst
    client = Client(ASK | {"stream": True})
    client.reads.clear()
    call = asyncio.create_task(client.call(fleet))
    await client.first_byte.wait()
    for _ in range(100):
        await asyncio.sleep(0)
    assert fleet.first.answers[0].delivered < 200
    client.reads.set()
    await call
    assert b"".join(m["body"] for m in client.got[1:]).count(b'"content":"a"') == 10_000


async def test_several_answers_are_merged_fairly(door: Door, fleet: FakeFleet) -> None:
    def long(_: GenerationRequest) -> Iterable[Step]:
        yield Started(1, 1)
        for _step in range(200):
            yield Delta(1, 0, "a")
        yield Finished(1, 0, "stop", 200)

    fleet.first.script = long
    async with door() as client:
        answer = await client.post("/v1/completions", json={"prompt": ["a", "b"], "stream": True})
    assert "keep-alive" not in answer.text
    order = [event["choices"][0]["index"] for event in events_of(answer.text)[:-1]]
    assert order.count(0) == order.count(1) == 201
    assert 1 in order[:70]
    assert 0 in order[-70:]


async def test_no_answer_without_a_finish(door: Door, fleet: FakeFleet) -> None:
    fleet.first.script = lambda _: [Started(1, 3), Delta(1, 0, "a")]
    async with door() as client:
        assert (await client.post(CHAT, json=ASK)).status_code == 500
        events = events_of((await client.post(CHAT, json=ASK | {"stream": True})).text)
    assert events[-1]["error"]["code"] == "engine_failure"


async def test_a_client_that_leaves_in_the_middle_of_its_body(fleet: FakeFleet) -> None:
    client = Client(ASK)
    client._sent = True
    client.left.set()
    await client.call(fleet)
    assert client.got == []
    assert fleet.first.asked == []
