"""Tools: called when they should be, as the client says, with arguments that are always valid."""

import json
from typing import Any

import jsonschema
import openai
import pytest
from openai.types.chat import ChatCompletion

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
from tests.journeys.server import mlx_only

Tool = dict[str, Any]


def tool(name: str, description: str, required: list[str], /, **properties: Any) -> Tool:
    parameters = {"type": "object", "properties": properties, "required": required}
    function = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": function}


TEXT, NUMBER = {"type": "string"}, {"type": "integer"}
WEATHER = tool(
    "get_weather",
    "Get current temperature for a given location.",
    ["location"],
    location={"type": "string", "description": "City and country e.g. Bogotá, Colombia"},
)
ORDER = tool("lookup_order", "Look up an order in the shop", ["order_id"], order_id=NUMBER)
BADGE = tool(
    "print_badge",
    "Print a badge for a visitor",
    ["name", "color"],
    name=TEXT,
    color={"type": "string", "enum": ["red", "green", "blue"]},
)
FRANCE = "What is the capital of France?"
PARIS = "What's the weather in Paris?"


def named(tool: Tool) -> dict[str, Any]:
    return {"type": "function", "function": {"name": tool["function"]["name"]}}


def calls(answer: ChatCompletion, *tools: Tool) -> list[tuple[str, Any]]:
    """Names and arguments of an answer of calls alone, each judged by its tool's own schema."""
    (choice,) = answer.choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    schemas = {each["function"]["name"]: each["function"].get("parameters", {}) for each in tools}
    found = []
    for call in choice.message.tool_calls or []:
        assert call.type == "function"
        assert call.id.startswith("call_")
        arguments = json.loads(call.function.arguments)
        jsonschema.validate(arguments, schemas[call.function.name])
        found.append((call.function.name, arguments))
    assert len({call.id for call in choice.message.tool_calls or []}) == len(found)
    return found


def test_auto_calls_when_it_should(client: openai.OpenAI) -> None:
    for choice in ({}, {"tool_choice": "auto"}):
        answer = both(client, PARIS, tools=[ORDER, WEATHER], **choice)
        assert calls(answer, ORDER, WEATHER) == [("get_weather", {"location": "Paris"})]


def test_auto_answers_when_it_should(client: openai.OpenAI) -> None:
    answer = both(client, FRANCE, tools=[ORDER, WEATHER])
    (choice,) = answer.choices
    assert choice.message.content == "The capital of France is Paris."
    assert choice.message.tool_calls is None
    assert choice.finish_reason == "stop"


def test_required_calls_even_where_it_would_answer(client: openai.OpenAI) -> None:
    answer = both(client, FRANCE, tools=[ORDER, WEATHER], tool_choice="required")
    assert calls(answer, ORDER, WEATHER)


@pytest.mark.parametrize(
    "wanted", [ORDER, WEATHER, BADGE], ids=lambda tool: tool["function"]["name"]
)
def test_a_named_tool_is_the_one_that_is_called(client: openai.OpenAI, wanted: Tool) -> None:
    tools = [ORDER, WEATHER, BADGE]
    answer = both(client, PARIS, tools=tools, tool_choice=named(wanted))
    assert {name for name, _ in calls(answer, *tools)} == {wanted["function"]["name"]}


def test_none_shows_no_tools_and_calls_none(client: openai.OpenAI) -> None:
    plain = both(client, PARIS)
    answer = both(client, PARIS, tools=[WEATHER], tool_choice="none")
    assert_alike(client, told(answer.choices[0]), told(plain.choices[0]))
    assert answer.usage
    assert plain.usage
    assert answer.usage.prompt_tokens == plain.usage.prompt_tokens
    assert answer.choices[0].message.tool_calls is None


@pytest.mark.parametrize("how", ["auto", "required"])
def test_two_calls_in_one_answer(client: openai.OpenAI, how: str) -> None:
    asked = "What's the weather in Paris and London?"
    answer = both(client, asked, tools=[WEATHER], tool_choice=how)
    cities = ["Paris", "London"]
    assert calls(answer, WEATHER) == [("get_weather", {"location": city}) for city in cities]


def test_two_calls_of_two_tools(client: openai.OpenAI) -> None:
    locker = tool("unlock_locker", "Unlock a locker", ["number"], number=NUMBER)
    printer = tool("restart_printer", "Restart a printer", ["location"], location=TEXT)
    asked = "Restart the printer in the lobby. Unlock locker 14."
    answer = both(client, asked, tools=[printer, locker], parallel_tool_calls=True)
    assert calls(answer, printer, locker) == [
        ("restart_printer", {"location": "lobby"}),
        ("unlock_locker", {"number": 14}),
    ]


@pytest.mark.parametrize("how", ["auto", "required", named(WEATHER)], ids=str)
def test_not_parallel_is_one_call(client: openai.OpenAI, how: Any) -> None:
    asked = "What's the weather in Paris and London?"
    answer = both(client, asked, tools=[WEATHER], tool_choice=how, parallel_tool_calls=False)
    assert len(calls(answer, WEATHER)) == 1


def test_a_tool_that_no_training_has_seen(client: openai.OpenAI) -> None:
    sprinkler = tool(
        "start_sprinkler", "Start a sprinkler in the garden", ["zone"], zone=NUMBER, minutes=NUMBER
    )
    asked = "Start the sprinkler in zone 2 for 15 minutes."
    answer = both(client, asked, tools=[WEATHER, sprinkler])
    assert calls(answer, WEATHER, sprinkler) == [("start_sprinkler", {"zone": 2, "minutes": 15})]


def test_a_tool_without_parameters(client: openai.OpenAI) -> None:
    function = {"name": "feed_aquarium", "description": "Feed the fish in the aquarium"}
    for given in ({}, {"parameters": {"type": "object", "properties": {}}}):
        aquarium = {"type": "function", "function": function | given}
        answer = both(client, "Feed the aquarium.", tools=[aquarium], max_tokens=200)
        found = [name for name, _ in calls(answer, aquarium)]
        assert found == ["feed_aquarium"]


DEEP = tool(
    "create_shipment",
    "Create a shipment",
    ["receiver", "parcels", "service"],
    receiver={
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 12},
            "address": {"$ref": "#/$defs/address"},
        },
        "required": ["name", "address"],
        "additionalProperties": False,
    },
    parcels={
        "type": "array",
        "minItems": 1,
        "maxItems": 3,
        "items": {
            "type": "object",
            "properties": {
                "weight": {"type": "integer", "minimum": 1, "maximum": 40},
                "labels": {"type": "array", "maxItems": 2, "items": {"enum": ["a", "b", 7, None]}},
            },
            "required": ["weight", "labels"],
            "additionalProperties": False,
        },
    },
    service={"type": "string", "enum": ["standard", "express", 'overnight "now"']},
)
DEEP["function"]["parameters"] |= {
    "additionalProperties": False,
    "$defs": {
        "address": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "maxLength": 12},
                "zip": {"type": "string", "pattern": "^[0-9]{5}$"},
            },
            "required": ["city", "zip"],
            "additionalProperties": False,
        }
    },
}


@pytest.mark.parametrize(
    ("how", "sampling"),
    [("required", {}), (named(DEEP), {"temperature": 2, "seed": 1})],
    ids=["required", "named"],
)
def test_arguments_in_depth(client: openai.OpenAI, how: Any, sampling: dict[str, Any]) -> None:
    """Enums, objects and lists in one another; greedy and at a temperature that makes noise."""
    fields = {"tools": [DEEP], "tool_choice": how, "parallel_tool_calls": False, "max_tokens": 3000}
    answer = whole(client, "Create a shipment to Berlin.", **fields | sampling)
    assert len(calls(answer, DEEP)) == 1


@mlx_only
def test_several_choices_call_each_for_itself(client: openai.OpenAI) -> None:
    fields: dict[str, Any] = {"tools": [BADGE], "tool_choice": "required", "temperature": 1.5}
    fields |= {"max_tokens": 300, "parallel_tool_calls": False, "seed": 3}
    answer = both(client, "Print a badge.", n=3, **fields)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    for choice in answer.choices:
        alone = answer.model_copy(update={"choices": [choice]})
        assert len(calls(alone, BADGE)) == 1
    alone = both(client, "Print a badge.", **fields)
    assert told(alone.choices[0]) == told(answer.choices[0])


def test_a_call_that_is_cut_is_told_honestly(client: openai.OpenAI, is_exact: bool) -> None:
    """At every length: ``length``, and what there is of the call is a beginning of the whole."""
    asked = "What's the weather in Paris and London?"
    full = both(client, asked, tools=[WEATHER])
    wanted = told(full.choices[0])["calls"]
    assert isinstance(wanted, list)
    assert full.usage
    for tokens in range(1, full.usage.completion_tokens, 1 if is_exact else 7):
        answer = both(client, asked, tools=[WEATHER], max_tokens=tokens)
        (choice,) = answer.choices
        assert choice.finish_reason == "length"
        assert answer.usage
        assert answer.usage.completion_tokens == tokens
        cut = told(choice)["calls"]
        assert isinstance(cut, list)
        assert [name for name, _ in cut] == [name for name, _ in wanted[: len(cut)]]
        assert cut[:-1] == wanted[: len(cut[:-1])]
        assert all(whole[1].startswith(part[1]) for part, whole in zip(cut, wanted, strict=False))
        assert (choice.message.content or "") in '<tool_call>\n{"name": "get_weather"'


def test_a_stream_gives_the_arguments_in_pieces(client: openai.OpenAI) -> None:
    def pieces() -> int:
        (choice,) = streamed(client, PARIS, tools=[WEATHER])
        (call,) = choice.calls
        assert json.loads(call.arguments) == {"location": "Paris"}
        return len(call.pieces)

    assert_in_pieces(pieces, 2)


def test_a_whole_conversation(client: openai.OpenAI) -> None:
    """Asked, called, told the result, answered; the SDK's own message goes back as it came."""
    messages: list[Any] = user(PARIS)
    first = whole(client, "", messages=messages, tools=[WEATHER])
    message = first.choices[0].message
    (call,) = message.tool_calls or []
    result = {"temperature": 18, "condition": "sunny"}
    messages.append(message.model_dump(exclude_none=True))
    messages.append({"role": "tool", "tool_call_id": call.id, "content": json.dumps(result)})
    last = both(client, "", messages=messages, tools=[WEATHER])
    assert last.choices[0].message.content == "It is 18 degrees and sunny in Paris."
    assert last.choices[0].finish_reason == "stop"


def test_a_conversation_with_two_results(client: openai.OpenAI) -> None:
    messages: list[Any] = user("What's the weather in Paris and London?")
    message = whole(client, "", messages=messages, tools=[WEATHER]).choices[0].message
    messages.append(message)
    for call in message.tool_calls or []:
        messages.append({"role": "tool", "tool_call_id": call.id, "content": '{"temperature": 9}'})
    last = both(client, "", messages=messages, tools=[WEATHER])
    assert last.choices[0].finish_reason == "stop"
    assert "9" in (last.choices[0].message.content or "")


@pytest.mark.anyio
async def test_the_async_client(async_client: openai.AsyncOpenAI) -> None:
    ask: dict[str, Any] = {"model": MODEL, "messages": user(PARIS), "tools": [WEATHER]}
    answer = await async_client.chat.completions.create(**ask)
    assert calls(answer, WEATHER) == [("get_weather", {"location": "Paris"})]
    arguments = ""
    async for chunk in await async_client.chat.completions.create(**ask, stream=True):
        for piece in chunk.choices[0].delta.tool_calls or []:
            assert piece.function
            arguments += piece.function.arguments or ""
    assert json.loads(arguments) == {"location": "Paris"}


def test_the_sdks_own_stream_helper(client: openai.OpenAI) -> None:
    """It puts the pieces together by rules of its own."""
    ask: dict[str, Any] = {"model": MODEL, "messages": user(PARIS), "tools": [WEATHER]}
    with client.chat.completions.stream(**ask) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion()
    (call,) = final.choices[0].message.tool_calls or []
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments) == {"location": "Paris"}


def test_definitions_that_are_wrong_are_named(client: openai.OpenAI) -> None:
    broken = tool("broken", "", [], a={"type": "strin"})
    cases: list[tuple[dict[str, Any], str]] = [
        ({"tools": [broken]}, "tools"),
        ({"tools": [WEATHER], "tool_choice": named(ORDER)}, "tool_choice.function.name"),
        ({"tools": [WEATHER, WEATHER]}, "tools[1].function.name"),
        ({"tool_choice": "required"}, "tool_choice"),
    ]
    for fields, param in cases:
        with pytest.raises(openai.BadRequestError) as error:
            whole(client, PARIS, **fields)
        assert str(error.value.param).startswith(param), error.value
