"""What Pippin adds to OpenAI's requests and answers: priorities, keys kept apart, explanations."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from starlette.datastructures import Headers

from pippin.api.extensions import Extensions, treatment
from pippin.api.gate.keys import Caller
from pippin.core.request import GenerationRequest, Priority, TextPrompt
from pippin.errors import InvalidRequest, ServerBusy
from tests.api.conftest import Door
from tests.api.fakes import FakeFleet

pytestmark = pytest.mark.anyio

CHAT, TEXT = "/v1/chat/completions", "/v1/completions"
ASKS: dict[str, dict[str, Any]] = {
    CHAT: {"messages": [{"role": "user", "content": "hello there"}]},
    TEXT: {"prompt": "hello there"},
}
KEYS: dict[str, Any] = {
    "api_keys": (SecretStr("person"), SecretStr("other")),
    "agent_keys": (SecretStr("robot"),),
    "batch_keys": (SecretStr("night"),),
}
EXPLAINED = {
    "prompt": 0,
    "tier": "ram",
    "matched_tokens": 32,
    "prompt_tokens": 2,
    "reason": "differs",
    "position": 40,
    "asked": {"token": 7, "text": " mine"},
    "remembered": {"token": 8, "text": " theirs"},
}


def chunks_of(text: str) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line]
    return [json.loads(line) for line in lines if line != "[DONE]"]


@pytest.mark.parametrize("route", [CHAT, TEXT])
@pytest.mark.parametrize(
    ("ask", "meant"),
    [
        (({}, {}), ("interactive", False)),
        (({"priority": "batch"}, {}), ("batch", False)),
        (({}, {"X-Pippin-Priority": " Agent "}), ("agent", False)),
        (({"priority": "batch"}, {"X-Pippin-Priority": "batch"}), ("batch", False)),
        (({"explain_cache": True}, {}), ("interactive", True)),
        (({}, {"X-Pippin-Explain-Cache": "true"}), ("interactive", True)),
        (({"explain_cache": False}, {"X-Pippin-Explain-Cache": "false"}), ("interactive", False)),
    ],
)
async def test_body_and_headers_mean_the_same(
    door: Door,
    fleet: FakeFleet,
    route: str,
    ask: tuple[dict[str, Any], dict[str, str]],
    meant: tuple[str, bool],
) -> None:
    own, headers = ask
    async with door() as client:
        answer = await client.post(route, json=ASKS[route] | {"pippin": own}, headers=headers)
    assert answer.status_code == 200
    (asked,) = fleet.first.asked
    assert (asked.priority, asked.explain_cache) == meant
    assert ("pippin" in answer.json()) == asked.explain_cache


@pytest.mark.parametrize("route", [CHAT, TEXT])
@pytest.mark.parametrize(
    ("ask", "param"),
    [
        (({"prioritty": "batch"}, {}), "pippin.prioritty"),
        (({"priority": "urgent"}, {}), "pippin.priority"),
        (({"priority": 1}, {}), "pippin.priority"),
        (({"explain_cache": "true"}, {}), "pippin.explain_cache"),
        (({"explain_cache": 1}, {}), "pippin.explain_cache"),
        (({"cache_salt": "x"}, {}), "pippin.cache_salt"),
        (({"tenant": "x"}, {}), "pippin.tenant"),
        (([], {}), "pippin"),
        (({}, {"X-Pippin-Priority": "urgent"}), "X-Pippin-Priority"),
        (({}, {"X-Pippin-Priority": ""}), "X-Pippin-Priority"),
        (({}, {"X-Pippin-Explain-Cache": "1"}), "X-Pippin-Explain-Cache"),
        (({"priority": "batch"}, {"X-Pippin-Priority": "agent"}), "X-Pippin-Priority"),
        (({"explain_cache": True}, {"X-Pippin-Explain-Cache": "false"}), "X-Pippin-Explain-Cache"),
    ],
)
async def test_what_is_refused_by_name(
    door: Door, fleet: FakeFleet, route: str, ask: tuple[Any, dict[str, str]], param: str
) -> None:
    own, headers = ask
    async with door() as client:
        answer = await client.post(route, json=ASKS[route] | {"pippin": own}, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert fleet.first.asked == []


def test_a_header_given_twice_must_agree() -> None:
    def asked(*values: str) -> Priority:
        raw = [(b"x-pippin-priority", value.encode()) for value in values]
        return treatment(None, Headers(raw=raw), Caller(), False).priority

    assert asked("batch", "batch") == "batch"
    with pytest.raises(InvalidRequest):
        asked("batch", "agent")


@given(
    own=st.sampled_from([None, "interactive", "agent", "batch"]),
    bound=st.sampled_from(["interactive", "agent", "batch"]),
)
def test_a_request_may_lower_itself_and_never_raise(own: Priority | None, bound: Priority) -> None:
    order = ["interactive", "agent", "batch"]
    treated = treatment(Extensions(priority=own), Headers(), Caller("t", bound), False)
    assert order.index(treated.priority) == max(order.index(own or bound), order.index(bound))


async def asked_with(door: Door, fleet: FakeFleet, key: str, **settings: Any) -> GenerationRequest:
    async with door(**KEYS, **settings) as client:
        answer = await client.post(TEXT, json=ASKS[TEXT], headers={"x-api-key": key})
    assert answer.status_code == 200
    return fleet.first.asked[-1]


async def test_a_keys_own_priority(door: Door, fleet: FakeFleet) -> None:
    found = {key: await asked_with(door, fleet, key) for key in ("person", "robot", "night")}
    assert {key: asked.priority for key, asked in found.items()} == {
        "person": "interactive",
        "robot": "agent",
        "night": "batch",
    }


async def test_keys_are_told_apart_without_being_told(door: Door, fleet: FakeFleet) -> None:
    keys = ("person", "other", "robot", "night")
    asked = [await asked_with(door, fleet, key) for key in keys]
    labels = [one.tenant for one in asked]
    assert len(set(labels)) == len(keys)
    assert all(label.isalnum() and 8 <= len(label) <= 64 for label in labels)
    assert not any(key in label for key in keys for label in labels)
    assert labels[0] == (await asked_with(door, fleet, "person")).tenant
    assert {one.cache_salt for one in asked} == {""}


async def test_row_72_keys_never_share_when_they_are_kept_apart(
    door: Door, fleet: FakeFleet
) -> None:
    asked = [await asked_with(door, fleet, key, cache_per_key=True) for key in ("person", "other")]
    assert asked[0].cache_salt != asked[1].cache_salt
    assert all(one.cache_salt == one.tenant != "" for one in asked)


async def test_without_keys_nobody_is_told_apart(door: Door, fleet: FakeFleet) -> None:
    async with door(cache_per_key=True) as client:
        headers = {"authorization": "Bearer whatever"}
        await client.post(TEXT, json=ASKS[TEXT], headers=headers)
    assert (fleet.first.asked[0].tenant, fleet.first.asked[0].cache_salt) == ("", "")


def test_treatment_leaves_the_rest_of_a_request_as_it_is() -> None:
    request = GenerationRequest(prompt=TextPrompt(text="a"), max_tokens=3, stop=("x",))
    treated = treatment(None, Headers(), Caller(), False).applied(request)
    assert treated == request


@pytest.mark.parametrize("route", [CHAT, TEXT])
async def test_cached_tokens_are_always_told(door: Door, route: str) -> None:
    async with door() as client:
        whole = (await client.post(route, json=ASKS[route])).json()
        ask = ASKS[route] | {"stream": True, "stream_options": {"include_usage": True}}
        last = chunks_of((await client.post(route, json=ask)).text)[-1]
    for usage in (whole["usage"], last["usage"]):
        assert usage["prompt_tokens_details"] == {"cached_tokens": 1}
    assert "pippin" not in whole
    assert "pippin" not in last


@pytest.mark.parametrize("route", [CHAT, TEXT])
async def test_an_explanation_in_a_whole_answer(door: Door, route: str) -> None:
    async with door() as client:
        ask = ASKS[route] | {"pippin": {"explain_cache": True}}
        answer = (await client.post(route, json=ask)).json()
    assert answer["pippin"] == {"cache": [EXPLAINED]}


@pytest.mark.parametrize("include_usage", [True, False])
@pytest.mark.parametrize("route", [CHAT, TEXT])
async def test_an_explanation_in_a_stream_is_one_chunk_before_any_text(
    door: Door, route: str, include_usage: bool
) -> None:
    ask = ASKS[route] | {
        "stream": True,
        "stream_options": {"include_usage": include_usage},
        "pippin": {"explain_cache": True},
    }
    async with door() as client:
        chunks = chunks_of((await client.post(route, json=ask)).text)
    (place,) = [number for number, chunk in enumerate(chunks) if "pippin" in chunk]
    assert place == (1 if route == CHAT else 0)
    assert chunks[place]["choices"] == []
    assert chunks[place]["pippin"] == {"cache": [EXPLAINED]}
    assert [("usage" in chunk) for chunk in chunks] == [include_usage] * len(chunks)
    assert chunks[place].get("usage") is None


async def test_every_prompt_is_explained(door: Door) -> None:
    ask = {"prompt": ["a b", "c d e"], "pippin": {"explain_cache": True}}
    async with door() as client:
        whole = (await client.post(TEXT, json=ask)).json()["pippin"]["cache"]
        streamed = chunks_of((await client.post(TEXT, json=ask | {"stream": True})).text)
    told = [line for chunk in streamed if "pippin" in chunk for line in chunk["pippin"]["cache"]]
    assert [(one["prompt"], one["prompt_tokens"]) for one in whole] == [(0, 2), (1, 3)]
    assert sorted(told, key=lambda one: int(one["prompt"])) == whole


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        ({}, True),
        ({"api_keys": ("one",)}, True),
        ({"api_keys": ("one",), "batch_keys": ("two",)}, False),
        ({"api_keys": ("one", "two")}, False),
        ({"api_keys": ("one", "two"), "cache_per_key": True}, True),
        ({"host": "0.0.0.0", "insecure": True}, False),
        ({"host": "0.0.0.0", "insecure": True, "cache_per_key": True}, False),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_row_72_a_strangers_words_are_not_shown(
    door: Door, settings: dict[str, Any], shown: bool, stream: bool
) -> None:
    ask = ASKS[CHAT] | {"stream": stream, "pippin": {"explain_cache": True}}
    async with door(**settings) as client:
        answer = await client.post(CHAT, json=ask, headers={"x-api-key": "one"})
    assert answer.status_code == 200
    assert ("theirs" in answer.text) == shown
    assert " mine" in answer.text


@pytest.mark.parametrize("stream", [True, False])
async def test_a_full_queue_is_told_before_the_first_byte(
    door: Door, fleet: FakeFleet, stream: bool
) -> None:
    fleet.first.busy = ServerBusy("Too many requests are waiting.")
    fleet.first.busy.retry_after = 17
    async with door() as client:
        answer = await client.post(CHAT, json=ASKS[CHAT] | {"stream": stream})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "17")
    assert answer.json()["error"]["type"] == "rate_limit_error"


@pytest.mark.parametrize("stream", [True, False])
async def test_a_request_that_waited_too_long(door: Door, fleet: FakeFleet, stream: bool) -> None:
    fleet.first.script = lambda _: [ServerBusy("It waited for too long.")]
    async with door() as client:
        answer = await client.post(CHAT, json=ASKS[CHAT] | {"stream": stream})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
