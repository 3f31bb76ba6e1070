"""Requests as other servers' own pages and the official client write them, unchanged."""

import json
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any

import openai
import pydantic
import pytest

from pippin.core.constraint import JSONSchema
from pippin.core.events import Delta, Finished, Started
from pippin.core.request import GenerationRequest
from pippin.core.tools import ToolUse
from pippin.settings import Settings
from tests.api.fakes import FakeFleet, FakeModel, Step
from tests.api.serving import running
from tests.api.test_chat import asked, chat
from tests.api.test_completions import asked as asked_for_text

FASTMLX: dict[str, Any] = {
    "model": "mlx-community/Meta-Llama-3.1-8B-Instruct-8bit",
    "messages": [
        {"role": "user", "content": "What's the weather like in San Francisco and Washington?"}
    ],
    "tools": [
        {
            "name": "get_current_weather",
            "description": "Get the current weather",
            "parameters": {
                "type": "object",
                "properties": {
                    "location": {
                        "type": "string",
                        "description": "The city and state, e.g. San Francisco, CA",
                    },
                    "format": {
                        "type": "string",
                        "enum": ["celsius", "fahrenheit"],
                        "description": "The temperature unit to use.",
                    },
                },
                "required": ["location", "format"],
            },
        }
    ],
    "max_tokens": 150,
    "temperature": 0.7,
    "stream": False,
}
MLX_TEXTGEN_TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_current_weather",
        "description": "Get the current weather in a given location",
        "parameters": {
            "type": "object",
            "properties": {
                "location": {"type": "string"},
                "unit": {"type": "string", "default": "celsius"},
            },
            "required": ["location"],
        },
    },
}
MLX_TEXTGEN_ANSWER: dict[str, Any] = {
    "content": None,
    "role": "assistant",
    "function_call": None,
    "tool_calls": [
        {
            "id": "call_052c8a6b",
            "function": {
                "arguments": '{"location": "London", "unit": "celsius" }',
                "name": "get_current_weather",
            },
            "type": "function",
            "index": 0,
        }
    ],
}
QUESTION: Any = {"role": "user", "content": "What is the current weather in London?"}


class Customer(pydantic.BaseModel):
    first_name: str
    last_name: str
    age: int


class Unit(Enum):
    CELSIUS = "celsius"
    KELVIN = "kelvin"


class Place(pydantic.BaseModel):
    """Somewhere on Earth."""

    city: str
    inside: "Place | None" = None


class Forecast(pydantic.BaseModel):
    """Tells what is to come."""

    places: list[Place]
    unit: Unit = Unit.CELSIUS


def test_fastmlx() -> None:
    (request,) = asked(**FASTMLX)
    (tool,) = chat(request).tools
    assert tool.parameters == FASTMLX["tools"][0]["parameters"]
    assert request.tool_use == ToolUse()


@pytest.mark.parametrize(
    ("choice", "use"),
    [
        ("auto", ToolUse()),
        ("required", ToolUse(mode="required")),
        (
            {"type": "function", "function": {"name": "get_current_weather"}},
            ToolUse(mode="required", only="get_current_weather", parallel=False),
        ),
        ("none", None),
    ],
)
def test_mlx_textgens_tools(choice: Any, use: ToolUse | None) -> None:
    (request,) = asked(messages=[QUESTION], tools=[MLX_TEXTGEN_TOOL], tool_choice=choice)
    assert request.tool_use == use


def test_mlx_textgens_answer_is_a_history() -> None:
    result = {"role": "tool", "tool_call_id": "call_052c8a6b", "content": "rain"}
    (request,) = asked(messages=[QUESTION, MLX_TEXTGEN_ANSWER, result], tools=[MLX_TEXTGEN_TOOL])
    (call,) = chat(request).messages[1].tool_calls
    assert (call.name, call.id) == ("get_current_weather", "call_052c8a6b")


def test_mlx_textgens_guided_json() -> None:
    schema = Customer.model_json_schema()
    for (request,) in (
        asked(messages=[QUESTION], stream=True, guided_json=schema),
        asked_for_text(prompt="x", guided_json=json.dumps(schema)),
    ):
        assert isinstance(request.constraint, JSONSchema)
        assert json.loads(request.constraint.schema) == schema


def customer(request: GenerationRequest) -> Iterable[Step]:
    yield Started(1, 3)
    yield Delta(1, 0, '{"first_name": "David", "last_name": "Stone", "age": 35}')
    yield Finished(1, 0, "stop", 9)


@pytest.fixture
def model() -> FakeModel:
    return FakeModel(script=customer)


@pytest.fixture
def client(model: FakeModel) -> Iterator[Any]:
    with (
        running(Settings(port=0), FakeFleet(model)) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client,
    ):
        yield client


def test_the_official_clients_parse(client: Any, model: FakeModel) -> None:
    answer = client.chat.completions.parse(
        model="fake", messages=[QUESTION], response_format=Customer
    )
    assert answer.choices[0].message.parsed == Customer(
        first_name="David", last_name="Stone", age=35
    )
    constraint = model.asked[0].constraint
    assert isinstance(constraint, JSONSchema)
    assert json.loads(constraint.schema)["required"] == ["first_name", "last_name", "age"]


def test_the_official_clients_tools(client: Any, model: FakeModel) -> None:
    client.chat.completions.create(
        model="fake",
        messages=[QUESTION],
        tools=[openai.pydantic_function_tool(Forecast)],
        tool_choice={"type": "function", "function": {"name": "Forecast"}},
        parallel_tool_calls=False,
    )
    (request,) = model.asked
    assert request.tool_use == ToolUse(mode="required", only="Forecast", parallel=False)
    (tool,) = chat(request).tools
    assert (tool.description, tool.strict) == ("Tells what is to come.", True)
    assert "Place" in tool.parameters["$defs"]


def test_the_official_clients_extra_body(client: Any, model: FakeModel) -> None:
    client.chat.completions.create(
        model="fake",
        messages=[QUESTION],
        reasoning_effort="none",
        extra_body={"guided_choice": ["yes", "no"], "enable_thinking": False},
    )
    (request,) = model.asked
    assert chat(request).template_kwargs == {"enable_thinking": False}
    assert request.constraint is not None


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
        ({"extra_body": {"guided_json": "{"}}, "guided_json"),
        ({"extra_body": {"guided_regex": "a", "guided_choice": ["a"]}}, "guided_regex"),
    ],
)
def test_the_official_client_is_told_the_field(
    client: Any, model: FakeModel, fields: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="fake", messages=[QUESTION], **fields)
    assert caught.value.param == param
    assert model.asked == []
