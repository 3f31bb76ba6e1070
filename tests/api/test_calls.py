"""Calls and thinking on their way out: as official clients read them, streamed and not."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from pippin.core.events import CallStarted, Delta, Finished, Started
from pippin.core.request import GenerationRequest
from tests.api.conftest import Door
from tests.api.fakes import FakeFleet, Step
from tests.api.test_reply import events_of

pytestmark = pytest.mark.anyio

CHAT = "/v1/chat/completions"
ASK: dict[str, Any] = {"messages": [{"role": "user", "content": "hello"}]}


def thinks_and_calls(request: GenerationRequest) -> Iterable[Step]:
    yield Started(1, 3)
    for index in range(request.choices):
        yield Delta(1, index, "Two ", channel="reasoning")
        yield Delta(1, index, "cities.", channel="reasoning")
        yield Delta(1, index, "Let me look.")
        for call, city in enumerate(("Rome", "Oslo")):
            yield CallStarted(1, index, call, f"call_{index}{call}", "weather")
            yield Delta(1, index, '{"city": ', channel="arguments", call=call)
            yield Delta(1, index, f'"{city}"}}', channel="arguments", call=call)
        yield Finished(1, index, "tool_calls", 30, None, 7)


def folded(events: list[Any], index: int) -> dict[str, Any]:
    """What a client makes of the chunks of one choice."""
    message: dict[str, Any] = {"content": "", "reasoning": "", "reasoning_content": "", "calls": []}
    for event in events:
        for choice in event["choices"] if isinstance(event, dict) else ():
            if choice["index"] != index:
                continue
            delta = choice["delta"]
            for name in ("content", "reasoning", "reasoning_content"):
                message[name] += delta.get(name, "")
            for call in delta.get("tool_calls", ()):
                if "id" in call:
                    assert call["type"] == "function"
                    assert call["index"] == len(message["calls"])
                    message["calls"].append({"id": call["id"], **call["function"]})
                else:
                    assert set(call) == {"index", "function"}
                    message["calls"][call["index"]]["arguments"] += call["function"]["arguments"]
            message["finish_reason"] = choice["finish_reason"]
    return message


async def test_streamed_and_whole_say_the_same(door: Door, fleet: FakeFleet) -> None:
    fleet.first.script = thinks_and_calls
    async with door() as client:
        whole = (await client.post(CHAT, json=ASK | {"n": 2})).json()
        options = {"n": 2, "stream": True, "stream_options": {"include_usage": True}}
        stream = events_of((await client.post(CHAT, json=ASK | options)).text)
    for choice in whole["choices"]:
        message = choice["message"]
        assert message["content"] == "Let me look."
        assert message["reasoning"] == message["reasoning_content"] == "Two cities."
        assert choice["finish_reason"] == "tool_calls"
        calls = [{"id": call["id"], **call["function"]} for call in message["tool_calls"]]
        assert [json.loads(call["arguments"])["city"] for call in calls] == ["Rome", "Oslo"]
        assert folded(stream, choice["index"]) == {
            "content": "Let me look.",
            "reasoning": "Two cities.",
            "reasoning_content": "Two cities.",
            "calls": calls,
            "finish_reason": "tool_calls",
        }
    details = whole["usage"]["completion_tokens_details"]
    assert details == {"reasoning_tokens": 14}
    assert stream[-2]["usage"] == whole["usage"]


async def test_calls_alone_have_no_content(door: Door, fleet: FakeFleet) -> None:
    fleet.first.script = lambda _: [
        Started(1, 3),
        CallStarted(1, 0, 0, "call_1", "now"),
        Delta(1, 0, "{}", channel="arguments"),
        Finished(1, 0, "tool_calls", 3),
    ]
    async with door() as client:
        message = (await client.post(CHAT, json=ASK)).json()["choices"][0]["message"]
    assert message["content"] is None
    assert "reasoning" not in message
    assert message["tool_calls"] == [
        {"id": "call_1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
    ]


async def test_plain_answers_have_neither(door: Door) -> None:
    async with door() as client:
        message = (await client.post(CHAT, json=ASK)).json()["choices"][0]["message"]
    assert set(message) == {"role", "content", "refusal"}
