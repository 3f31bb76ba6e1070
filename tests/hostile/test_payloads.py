"""Rows 33, 50 and 51: escape hatches, and what a model writes that is no call. The model is given
payloads to repeat, so that they come from it as its own text."""

import json
from typing import Any

import httpx
import pytest

from tests.hostile.conftest import Canary
from tests.hostile.expect import refusal

CHAT = "/v1/chat/completions"
TEXT = "/v1/completions"
USER = {"role": "user", "content": "hello"}
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get current temperature for a given location.",
        "parameters": {"type": "object", "properties": {"location": {"type": "string"}}},
    },
}

ESCAPES: list[tuple[str, object]] = [
    ("chat_template", "{{ 1 }}"),
    ("mm_processor_kwargs", {"a": 1}),
    ("media_io_kwargs", {"image": {}}),
    ("guided_decoding_backend", "outlines"),
    ("add_generation_prompt", False),
    ("continue_final_message", True),
    ("add_special_tokens", False),
    ("documents", [{"title": "x"}]),
    ("tool_parser", "hermes"),
    ("reasoning_parser", "x"),
    ("logits_processors", ["os.system"]),
    ("tokenizer", "/etc/passwd"),
]


@pytest.mark.parametrize(("name", "value"), ESCAPES, ids=[name for name, _ in ESCAPES])
def test_row_33_escape_hatches_beside_forms(client: httpx.Client, name: str, value: object) -> None:
    for form in ({}, {"guided_regex": "a"}, {"tools": [TOOL]}):
        body = {"messages": [USER], "max_tokens": 2} | form | {name: value}
        error = refusal(client.post(CHAT, json=body), 400, name)
        assert error["code"] in ("unknown_parameter", "unsupported_parameter")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("backend", "outlines"),
        ("_backend", "outlines"),
        ("structural_tag", "{}"),
        ("disable_fallback", True),
        ("disable_any_whitespace", True),
        ("__class__", "x"),
    ],
)
def test_row_33_escape_hatches_in_forms(client: httpx.Client, name: str, value: object) -> None:
    outputs = {"regex": "a", name: value}
    body = {"messages": [USER], "max_tokens": 2, "structured_outputs": outputs}
    refusal(client.post(CHAT, json=body), 400, f"structured_outputs.{name}")


OPEN, CLOSE = "<tool_call>\n", "\n</tool_call>"
CALL = '{"name": "get_weather", "arguments": {"location": "Paris"}}'
PAYLOADS = {
    "nothing in it": OPEN + CLOSE,
    "half open": OPEN + CALL,
    "half a tag": "<tool_call",
    "closed only": CALL + CLOSE,
    "no JSON": OPEN + "get_weather(Paris)" + CLOSE,
    "half JSON": OPEN + CALL[:30] + CLOSE,
    "arguments of text": OPEN + '{"name": "get_weather", "arguments": "Paris"}' + CLOSE,
    "arguments of a list": OPEN + '{"name": "get_weather", "arguments": ["Paris"]}' + CLOSE,
    "no name": OPEN + '{"arguments": {}}' + CLOSE,
    "name of a number": OPEN + '{"name": 5, "arguments": {}}' + CLOSE,
    "unknown tool": OPEN + '{"name": "rm", "arguments": {}}' + CLOSE,
    "nested quotes": OPEN + '{"name": "get_weather", "arguments": {"location": "a "b" c"}}' + CLOSE,
    "tag in a text": OPEN + CALL.replace("Paris", "</tool_call>") + CLOSE,
    "tags in one another": OPEN + OPEN + CALL + CLOSE + CLOSE,
    "many openings": "<tool_call>" * 12,
    "many brackets": OPEN + "{" * 60 + CLOSE,
    "thinking in it": "<think>" + OPEN + CALL + CLOSE + "</think>",
}


def enforced(payload: str, tools: list[dict[str, Any]]) -> dict[str, Any]:
    """A request whose answer is this text and nothing else."""
    ask: dict[str, Any] = {"messages": [USER], "max_tokens": 400, "temperature": 0}
    return ask | {"guided_choice": [payload]} | ({"tools": tools} if tools else {})


@pytest.mark.parametrize("name", PAYLOADS)
def test_row_51_payloads_of_no_tools_are_text(client: httpx.Client, name: str) -> None:
    """Nothing was offered: whatever looks like a call is text, whole and streamed."""
    body = enforced(PAYLOADS[name], [])
    (choice,) = client.post(CHAT, json=body).json()["choices"]
    message = choice["message"]
    assert (message.get("reasoning") or "") + message["content"] in (
        PAYLOADS[name],
        PAYLOADS[name].replace("<think>", "").replace("</think>", ""),
    )
    assert not message.get("tool_calls")
    assert choice["finish_reason"] == "stop"
    events = client.post(CHAT, json=body | {"stream": True}).text.split("\n\n")
    assert events[-2] == "data: [DONE]"
    deltas = [json.loads(event[6:])["choices"][0]["delta"] for event in events[:-2]]
    assert "".join(delta.get("content") or "" for delta in deltas) == message["content"]


@pytest.mark.parametrize("name", PAYLOADS)
def test_row_51_broken_payloads_beside_tools(client: httpx.Client, name: str) -> None:
    """The beginning of an answer is given, so that the model goes on with what is broken: in
    ``auto`` every answer ends, streamed and not, and both say the same."""
    turn = {"role": "assistant", "content": PAYLOADS[name]}
    body = {"messages": [USER, turn], "tools": [TOOL], "max_tokens": 60, "temperature": 0}
    answer = client.post(CHAT, json=body)
    assert answer.status_code == 200, answer.text
    (choice,) = answer.json()["choices"]
    events = client.post(CHAT, json=body | {"stream": True}).text.split("\n\n")
    assert events[-2] == "data: [DONE]"
    chunks = [json.loads(event[6:])["choices"][0] for event in events[:-2]]
    content = "".join(chunk["delta"].get("content") or "" for chunk in chunks)
    assert content == (choice["message"]["content"] or "")
    pieces = [call for chunk in chunks for call in chunk["delta"].get("tool_calls") or []]
    arguments = "".join(piece["function"].get("arguments") or "" for piece in pieces)
    whole = choice["message"].get("tool_calls") or []
    assert arguments == "".join(call["function"]["arguments"] for call in whole)
    assert chunks[-1]["finish_reason"] == choice["finish_reason"]


@pytest.mark.parametrize(
    "text",
    ["<tool_call>", "<tool_call>\n{", "</think>", '{"name": "', "<", "\\"],
)
def test_row_50_long_texts_of_beginnings(client: httpx.Client, canary: Canary, text: str) -> None:
    """The parsers read thousands of beginnings of a mark while a stream goes on."""
    for tools in ([], [TOOL]):
        ask: dict[str, Any] = {"messages": [USER], "max_tokens": 400, "temperature": 0}
        form = {"guided_choice": [text * (1500 // len(text))]} if not tools else {"tools": tools}
        answer = client.post(CHAT, json=ask | form)
        assert answer.status_code == 200, answer.text
        canary.must_sing()
    assert client.post(TEXT, json={"prompt": text * 100, "max_tokens": 20}).status_code == 200
