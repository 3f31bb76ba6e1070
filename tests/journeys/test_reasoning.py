"""Thinking: told apart from the answer, switched, counted, and ended in time."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletion

from pippin import demo
from tests.journeys.answers import (
    MODEL,
    assert_alike,
    assert_in_pieces,
    both,
    streamed,
    told,
    user,
    whole,
)
from tests.journeys.server import serving

FRANCE = "What is the capital of France?"
PARIS = "The capital of France is Paris."
WEATHER: dict[str, Any] = {
    "name": "get_weather",
    "description": "Get current temperature for a given location.",
    "parameters": {
        "type": "object",
        "properties": {"location": {"type": "string"}},
        "required": ["location"],
    },
}
SILENT = """{%- for message in messages -%}
{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
{%- endfor -%}
{{ '<|im_start|>assistant\\n' }}"""
"""A template of a model that never thinks."""


def extra(**fields: Any) -> dict[str, Any]:
    return {"extra_body": fields}


def thought(answer: ChatCompletion) -> str:
    """What it thought, which both names have to say; empty if neither is there."""
    message = answer.choices[0].message.model_dump()
    assert message.get("reasoning") == message.get("reasoning_content")
    return str(message.get("reasoning") or "")


def reasoning_tokens(answer: ChatCompletion) -> int:
    assert answer.usage
    assert answer.usage.completion_tokens_details
    return answer.usage.completion_tokens_details.reasoning_tokens or 0


def test_thinking_is_told_apart(client: openai.OpenAI) -> None:
    answer = both(client, FRANCE, **extra(enable_thinking=True))
    (choice,) = answer.choices
    assert (choice.message.content, choice.finish_reason) == (PARIS, "stop")
    assert "capital of France" in thought(answer)
    assert "think>" not in thought(answer)
    assert answer.usage
    assert 0 < reasoning_tokens(answer) < answer.usage.completion_tokens


def pieces_in_order(client: openai.OpenAI) -> list[str]:
    stream = client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": FRANCE}],
        stream=True,
        extra_body={"enable_thinking": True},
    )
    order: list[str] = []
    for chunk in stream:
        delta = chunk.choices[0].delta
        if getattr(delta, "reasoning", None):
            assert not delta.content
            order.append("reasoning")
        elif delta.content:
            order.append("content")
    return order


def test_thinking_comes_first_in_a_stream_and_in_pieces(
    client: openai.OpenAI, is_exact: bool
) -> None:
    def pieces_of_each() -> int:
        order = pieces_in_order(client)
        assert order == sorted(order, reverse=True)
        return min(order.count("reasoning"), order.count("content"))

    assert_in_pieces(pieces_of_each, 4 if is_exact else 1)


@pytest.mark.parametrize(
    "fields",
    [
        {"enable_thinking": False},
        {"chat_template_kwargs": {"enable_thinking": False}},
        {"reasoning_effort": "none"},
    ],
    ids=str,
)
def test_without_thinking(client: openai.OpenAI, fields: dict[str, Any]) -> None:
    answer = both(client, FRANCE, **extra(**fields))
    assert answer.choices[0].message.content == PARIS
    assert "reasoning" not in answer.choices[0].message.model_dump()
    assert reasoning_tokens(answer) == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"chat_template_kwargs": {"enable_thinking": True}},
        {"reasoning_effort": "minimal"},
        {"reasoning_effort": "low"},
        {"reasoning_effort": "medium"},
        {"reasoning_effort": "high", "enable_thinking": True},
    ],
    ids=str,
)
def test_every_way_to_ask_for_thinking(client: openai.OpenAI, fields: dict[str, Any]) -> None:
    """This template knows yes and no only."""
    wanted = whole(client, FRANCE, **extra(enable_thinking=True)).choices[0]
    assert_alike(client, told(both(client, FRANCE, **extra(**fields)).choices[0]), told(wanted))


@pytest.mark.parametrize("budget", [0, 1, 3, 8])
def test_a_budget_closes_the_thinking(client: openai.OpenAI, is_exact: bool, budget: int) -> None:
    free = both(client, FRANCE, **extra(enable_thinking=True))
    answer = both(client, FRANCE, **extra(enable_thinking=True, thinking_budget=budget))
    assert (answer.choices[0].message.content or "").endswith(PARIS)
    assert answer.choices[0].finish_reason == "stop"
    assert thought(free).startswith(thought(answer)) or not is_exact
    assert len(thought(answer)) < len(thought(free))
    assert reasoning_tokens(answer) < reasoning_tokens(free)
    assert (thought(answer) == "") == (budget < 2), "the mark is a token of the budget"


def test_a_budget_that_is_not_reached_changes_nothing(client: openai.OpenAI) -> None:
    free = both(client, FRANCE, **extra(enable_thinking=True))
    answer = both(client, FRANCE, **extra(enable_thinking=True, thinking_budget=1000))
    assert_alike(client, told(answer.choices[0]), told(free.choices[0]))


def test_a_budget_of_each_choice(client: openai.OpenAI, is_exact: bool) -> None:
    """Also where a hot model thinks what it likes."""
    fields: dict[str, Any] = {"n": 4, "temperature": 1.5, "seed": 5, "max_tokens": 200}
    answer = both(client, FRANCE, **fields, **extra(enable_thinking=True, thinking_budget=6))
    free = whole(client, FRANCE, **fields, **extra(enable_thinking=True))
    for choice, without in zip(answer.choices, free.choices, strict=True):
        short, long = str(told(choice)["reasoning"]), str(told(without)["reasoning"])
        assert long.startswith(short) or not is_exact
        assert len(short.split()) <= 6


def test_a_form_begins_after_the_thinking(client: openai.OpenAI, is_exact: bool) -> None:
    free = both(client, FRANCE, **extra(enable_thinking=True))
    form: dict[str, Any]
    for form in (
        {"guided_choice": ["London"]},
        {"guided_regex": "Lon[d]on"},
        {"guided_grammar": 'start: "Lon" "don"'},
        {"guided_json": {"const": "London"}},
    ):
        answer = both(client, FRANCE, **extra(enable_thinking=True, **form))
        assert (answer.choices[0].message.content or "").strip('"') == "London"
        assert thought(answer) == thought(free) if is_exact else thought(answer)
        assert reasoning_tokens(answer) > 0
        early = both(client, FRANCE, **extra(enable_thinking=True, thinking_budget=3, **form))
        assert early.choices[0].message.content == answer.choices[0].message.content
        assert len(thought(early)) < len(thought(free))


def test_calls_come_after_the_thinking(client: openai.OpenAI) -> None:
    asked = "What's the weather in Paris?"
    for how in ("auto", "required"):
        fields: dict[str, Any] = {"tools": [WEATHER], "tool_choice": how}
        answer = both(client, asked, **fields, **extra(enable_thinking=True))
        (choice,) = answer.choices
        assert choice.finish_reason == "tool_calls"
        (call,) = choice.message.tool_calls or []
        assert call.type == "function"
        assert json.loads(call.function.arguments) == {"location": "Paris"}
        assert thought(answer)


def test_thinking_that_is_cut(client: openai.OpenAI) -> None:
    answer = both(client, FRANCE, max_tokens=6, **extra(enable_thinking=True))
    assert answer.choices[0].finish_reason == "length"
    assert not answer.choices[0].message.content
    assert thought(answer)
    assert reasoning_tokens(answer) == 6


def test_a_stop_text_is_looked_for_in_the_answer_only(client: openai.OpenAI) -> None:
    free = both(client, FRANCE, **extra(enable_thinking=True))
    answer = both(client, FRANCE, stop=["capital"], **extra(enable_thinking=True))
    assert_alike(client, told(answer.choices[0]), told(free.choices[0]), but="content")
    assert answer.choices[0].message.content == "The "


def test_log_probabilities_are_of_the_answer(client: openai.OpenAI) -> None:
    answer = both(client, FRANCE, logprobs=True, **extra(enable_thinking=True))
    assert answer.choices[0].logprobs
    entries = answer.choices[0].logprobs.content or []
    assert "".join(entry.token for entry in entries) == answer.choices[0].message.content


def test_a_thought_goes_back_with_the_history(client: openai.OpenAI) -> None:
    first = whole(client, FRANCE, **extra(enable_thinking=True)).choices[0].message
    later = {"role": "user", "content": "What is the capital of Italy?"}
    for names in (("reasoning",), ("reasoning_content",), ("reasoning", "reasoning_content")):
        message = {"role": "assistant", "content": first.content}
        message |= {name: first.model_dump()[name] for name in names}
        messages = [*user(FRANCE), message, later]
        (answer,) = streamed(client, "", messages=messages)
        assert "Rome" in answer.content


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    """The demo model with a template that knows nothing of thinking."""
    folder = tmp_path_factory.mktemp("silent") / "demo"
    shutil.copytree(demo.MODELS["demo"], folder)
    (Path(folder) / "chat_template.jinja").write_text(SILENT)
    with serving(str(folder)) as server:
        url = f"{server.url}/v1"
        with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
            yield client


@pytest.mark.parametrize(
    "fields",
    [
        {"enable_thinking": True},
        {"thinking_budget": 5},
        {"reasoning_effort": "high"},
        {"chat_template_kwargs": {"enable_thinking": True}},
    ],
    ids=str,
)
def test_a_model_that_never_thinks_refuses(silent: openai.OpenAI, fields: dict[str, Any]) -> None:
    (name,) = fields
    with pytest.raises(openai.BadRequestError) as error:
        whole(silent, FRANCE, **extra(**fields))
    assert str(error.value.param).startswith(name)


def test_a_model_that_never_thinks_does_without(silent: openai.OpenAI) -> None:
    for fields in ({"enable_thinking": False}, {"reasoning_effort": "none"}, {}):
        answer = both(silent, FRANCE, max_tokens=40, **extra(**fields))
        assert thought(answer) == ""
        assert reasoning_tokens(answer) == 0
