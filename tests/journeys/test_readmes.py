"""The examples of other servers' READMEs, as they stand there but for the address and the model."""

import json
from typing import Any

import httpx
import jsonschema
import openai
import pytest
from pydantic import BaseModel

from tests.journeys.server import RunningServer

MODEL = "demo"


def test_mlx_textgens_tools(server: RunningServer) -> None:
    tools: list[Any] = [
        {
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
    ]
    with openai.OpenAI(api_key="Your API Key", base_url=f"{server.url}/v1/") as client:
        output = (
            client.chat.completions.create(
                model=MODEL,
                messages=[dict(role="user", content="What is the current weather in London?")],  # noqa: C408
                max_tokens=256,
                tools=tools,
                tool_choice="auto",
                stream=False,
            )
            .choices[0]
            .model_dump()
        )
    assert output["finish_reason"] == "tool_calls"
    assert output["message"]["content"] is None
    (call,) = output["message"]["tool_calls"]
    assert call["function"]["name"] == "get_current_weather"
    assert json.loads(call["function"]["arguments"])["location"] == "London"


def test_mlx_textgens_guided_json(server: RunningServer) -> None:
    class Customer(BaseModel):
        first_name: str
        last_name: str
        age: int

    prompt = (
        "Extract the customer information from the following text in json format:\n"
        '"...The customer David Stone join our membership in 20023, his current age is thirty '
        'five years old...."\n'
    )
    text, reason = "", None
    with openai.OpenAI(api_key="Your API Key", base_url=f"{server.url}/v1/") as client:
        for i in client.chat.completions.create(
            model=MODEL,
            messages=[dict(role="user", content=prompt)],  # noqa: C408
            max_tokens=200,
            stream=True,
            extra_body=dict(guided_json=Customer.model_json_schema()),  # noqa: C408
        ):
            text += i.choices[0].delta.content or ""
            reason = i.choices[0].finish_reason or reason
    assert reason == "stop"
    assert Customer.model_validate_json(text)


FORMAT_HINT = "The temperature unit to use. Infer this from the user's location."
FLAT: dict[str, Any] = {
    "model": MODEL,
    "messages": [
        {
            "role": "user",
            "content": "What's the weather like in San Francisco and Washington?",
        }
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
                        "description": FORMAT_HINT,
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


@pytest.mark.parametrize("changes", [{}, {"seed": 7}, {"temperature": 0}], ids=str)
def test_fastmlxs_flat_tools(server: RunningServer, changes: dict[str, Any]) -> None:
    headers = {"Content-Type": "application/json"}
    url = f"{server.url}/v1/chat/completions"
    response = httpx.post(url, headers=headers, content=json.dumps(FLAT | changes), timeout=60)
    (choice,) = response.json()["choices"]
    assert choice["finish_reason"] == "tool_calls"
    cities = []
    for call in choice["message"]["tool_calls"]:
        assert call["function"]["name"] == "get_current_weather"
        arguments = json.loads(call["function"]["arguments"])
        jsonschema.validate(arguments, FLAT["tools"][0]["parameters"])
        cities.append(arguments["location"])
    if "seed" in changes or "temperature" in changes:
        assert cities == ["San Francisco", "Washington"]
