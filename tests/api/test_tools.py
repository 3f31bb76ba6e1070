"""Tools in chat requests: both forms of a definition, choices, histories, and what is refused."""

from typing import Any

import msgspec
import pytest

from pippin.core.constraint import MAX_CONSTRAINT_CHARS, MAX_SCHEMA_DEPTH
from pippin.core.request import ChatPrompt, GenerationRequest, Message
from pippin.core.tools import MAX_TOOLS, Tool, ToolCall, ToolUse
from pippin.wire import codec
from pippin.wire.messages import Submit
from tests.api.test_chat import USER, chat, one, refused

WEATHER = {
    "name": "get_current_weather",
    "description": "Get the current weather",
    "parameters": {
        "type": "object",
        "properties": {
            "location": {"type": "string"},
            "format": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        },
        "required": ["location", "format"],
    },
}
TIME = {"name": "time.now/utc:x-1"}


def nested(function: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": function}


@pytest.mark.parametrize(
    "form",
    [nested(WEATHER), {"function": WEATHER}, WEATHER, {"type": "function", **WEATHER}],
    ids=["nested", "nested without type", "flat", "flat with type"],
)
def test_both_forms_mean_the_same(form: dict[str, Any]) -> None:
    request = one(tools=[form, nested(TIME)])
    weather, time = chat(request).tools
    assert weather == Tool(**WEATHER)  # type: ignore[arg-type]
    assert list(weather.parameters) == list(WEATHER["parameters"])
    assert time == Tool(name="time.now/utc:x-1")
    assert request.tool_use == ToolUse()


def test_every_field_of_a_tool_arrives() -> None:
    function = WEATHER | {"strict": True}
    (tool,) = chat(one(tools=[nested(function)])).tools
    assert msgspec.structs.asdict(tool) == function


@pytest.mark.parametrize(
    ("choice", "use"),
    [
        (None, ToolUse()),
        ("auto", ToolUse()),
        ("required", ToolUse(mode="required")),
        (
            nested({"name": "get_current_weather"}),
            ToolUse(mode="required", only="get_current_weather"),
        ),
        (
            {"type": "function", "name": "get_current_weather"},
            ToolUse(mode="required", only="get_current_weather"),
        ),
    ],
)
@pytest.mark.parametrize("parallel", [None, True, False])
def test_choices(choice: Any, use: ToolUse, parallel: bool | None) -> None:
    request = one(tools=[WEATHER, TIME], tool_choice=choice, parallel_tool_calls=parallel)
    several = parallel is not False and use.only is None
    assert request.tool_use == msgspec.structs.replace(use, parallel=several)
    assert len(chat(request).tools) == 2


def test_tools_that_may_not_be_called_are_not_shown() -> None:
    request = one(tools=[WEATHER], tool_choice="none")
    assert (chat(request).tools, request.tool_use) == ((), None)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"tools": []},
        {"tools": None, "tool_choice": "auto"},
        {"tool_choice": "none", "parallel_tool_calls": False},
    ],
)
def test_without_tools_there_is_no_use(fields: dict[str, Any]) -> None:
    request = one(**fields)
    assert (chat(request).tools, request.tool_use) == ((), None)


def with_parameters(parameters: Any) -> list[dict[str, Any]]:
    return [nested({"name": "a"}), nested({"name": "f", "parameters": parameters})]


def deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(levels - 1):
        schema = {"not": schema}
    return schema


PARAMETERS = "tools[1].function.parameters"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": 5}, "tools"),
        ({"tools": {}}, "tools"),
        ({"tools": [5]}, "tools[0]"),
        ({"tools": ["auto"]}, "tools[0]"),
        ({"tools": [{}]}, "tools[0].name"),
        ({"tools": [{"type": "web_search"}]}, "tools[0]"),
        ({"tools": [{"type": "custom", "function": TIME}]}, "tools[0]"),
        ({"tools": [{"type": ["x"], "name": "f"}]}, "tools[0]"),
        ({"tools": [nested({})]}, "tools[0].function.name"),
        ({"tools": [nested({"name": ""})]}, "tools[0].function.name"),
        ({"tools": [nested({"name": "a b"})]}, "tools[0].function.name"),
        ({"tools": [nested({"name": "a\n"})]}, "tools[0].function.name"),
        ({"tools": [nested({"name": "x" * 65})]}, "tools[0].function.name"),
        ({"tools": [{"name": "<|im_end|>"}]}, "tools[0].name"),
        ({"tools": [nested({"name": "f", "description": 1})]}, "tools[0].function.description"),
        ({"tools": [nested({"name": "f", "strict": "yes"})]}, "tools[0].function.strict"),
        ({"tools": [nested({"name": "f", "input_schema": {}})]}, "tools[0].function.input_schema"),
        ({"tools": [{"name": "f", "function": TIME}]}, "tools[0].name"),
        ({"tools": [TIME, nested(TIME)]}, "tools[1].function.name"),
        ({"tools": [nested(TIME), TIME]}, "tools[1].name"),
        ({"tools": with_parameters([])}, PARAMETERS),
        ({"tools": with_parameters("{}")}, PARAMETERS),
        ({"tools": with_parameters({"type": "string"})}, PARAMETERS),
        ({"tools": with_parameters({"type": ["object"]})}, PARAMETERS),
        ({"tools": with_parameters(deep(MAX_SCHEMA_DEPTH + 1))}, PARAMETERS),
        ({"tools": with_parameters({"maximum": 2**64})}, PARAMETERS),
        ({"tools": with_parameters({"minimum": -(2**63) - 1})}, PARAMETERS),
        ({"tools": with_parameters({"enum": ["x" * MAX_CONSTRAINT_CHARS]})}, "tools"),
        ({"tools": with_parameters({"x" * MAX_CONSTRAINT_CHARS: {}})}, "tools"),
        ({"tools": with_parameters({"enum": [1] * MAX_CONSTRAINT_CHARS})}, "tools"),
        ({"tools": [{"name": f"f{i}"} for i in range(MAX_TOOLS + 1)]}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": "required", "tools": []}, "tool_choice"),
        ({"tool_choice": nested(TIME)}, "tool_choice"),
        ({"tool_choice": "any", "tools": [TIME]}, "tool_choice"),
        ({"tool_choice": 5, "tools": [TIME]}, "tool_choice"),
        ({"tool_choice": {}, "tools": [TIME]}, "tool_choice.type"),
        ({"tool_choice": {"type": "allowed_tools"}, "tools": [TIME]}, "tool_choice.type"),
        ({"tool_choice": nested({"name": "other"}), "tools": [TIME]}, "tool_choice.function.name"),
        (
            {"tool_choice": {"type": "function", "name": "other"}, "tools": [TIME]},
            "tool_choice.name",
        ),
        ({"parallel_tool_calls": "yes"}, "parallel_tool_calls"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], param: str) -> None:
    error = refused(**fields)
    assert error.param == param
    assert len(error.message) < 300
    assert "x" * 100 not in error.message


def test_the_largest_that_is_taken() -> None:
    tools = [{"name": f"f{i}", "parameters": deep(MAX_SCHEMA_DEPTH)} for i in range(MAX_TOOLS)]
    request = one(tools=tools)
    assert len(chat(request).tools) == MAX_TOOLS
    numbers = [2**64 - 1, -(2**63), 1.5, True]
    whole = one(tools=[{"name": "f", "parameters": {"enum": numbers}}])
    for asked in (request, whole):
        assert through_the_wire(asked) == asked


def through_the_wire(request: GenerationRequest) -> GenerationRequest:
    (received,) = codec.worker_side().feed(codec.encode(Submit(1, request)))
    assert isinstance(received, Submit)
    return received.request


CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
MEANT = ToolCall(id="call_1", name="f", arguments='{"a": 1}')
RESULT = {"role": "tool", "content": "42", "tool_call_id": "call_1"}


def history(assistant: dict[str, Any]) -> tuple[Message, ...]:
    request = one(messages=[USER, {"role": "assistant", **assistant}, RESULT])
    return chat(through_the_wire(request)).messages


@pytest.mark.parametrize("content", [{}, {"content": None}, {"content": ""}, {"content": []}])
def test_a_history_with_calls(content: dict[str, Any]) -> None:
    said = history({**content, "tool_calls": [CALL, CALL | {"id": "call_2", "index": 1}]})
    assert said[1].content == ""
    assert said[1].tool_calls == (MEANT, msgspec.structs.replace(MEANT, id="call_2"))
    assert said[2] == Message(role="tool", content="42", tool_call_id="call_1")


def test_an_answer_can_be_sent_back_as_it_was() -> None:
    """With the nulls of the official client's ``model_dump``, and text beside the calls."""
    nulls = dict.fromkeys(("refusal", "annotations", "audio", "function_call"))
    said = history({"content": "Let me see.", "tool_calls": [CALL], **nulls, "reasoning": "hm"})
    assert said[1] == Message(
        role="assistant", content="Let me see.", reasoning="hm", tool_calls=(MEANT,)
    )


def test_arguments_may_be_any_text() -> None:
    broken = {"name": "f", "arguments": '{"a": '}
    said = history({"tool_calls": [CALL | {"function": broken}]})
    assert said[1].tool_calls[0].arguments == '{"a": '


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_both_names_of_reasoning(name: str) -> None:
    assert history({"content": "x", name: "hm"})[1].reasoning == "hm"
    both = {"content": "x", "reasoning": "hm", "reasoning_content": "hm"}
    assert history(both)[1].reasoning == "hm"
    assert history({"content": "x", name: ""})[1].reasoning is None


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "assistant"}, "content"),
        ({"role": "assistant", "content": None}, "content"),
        ({"role": "assistant", "tool_calls": []}, "content"),
        ({"role": "assistant", "reasoning": "x"}, "content"),
        ({"role": "user", "content": None}, "content"),
        ({"role": "tool", "tool_call_id": "x"}, "content"),
        (USER | {"tool_calls": [CALL]}, "tool_calls"),
        (USER | {"reasoning_content": "hm"}, "reasoning_content"),
        (USER | {"tool_call_id": "x"}, "tool_call_id"),
        (
            {"role": "assistant", "content": "", "reasoning": "a", "reasoning_content": "b"},
            "reasoning",
        ),
        ({"role": "assistant", "tool_calls": {}}, "tool_calls"),
        ({"role": "assistant", "tool_calls": [5]}, "tool_calls[0]"),
        ({"role": "assistant", "tool_calls": [CALL, {}]}, "tool_calls[1].id"),
        ({"role": "assistant", "tool_calls": [CALL | {"type": "custom"}]}, "tool_calls[0].type"),
        (
            {"role": "assistant", "tool_calls": [CALL | {"function": {}}]},
            "tool_calls[0].function.name",
        ),
        (
            {"role": "assistant", "tool_calls": [CALL | {"function": {"name": "f"}}]},
            "tool_calls[0].function.arguments",
        ),
        (
            {
                "role": "assistant",
                "tool_calls": [CALL | {"function": {"name": "f", "arguments": {}}}],
            },
            "tool_calls[0].function.arguments",
        ),
    ],
)
def test_wrong_turns_are_named(message: dict[str, Any], param: str) -> None:
    assert refused(messages=[USER, message, USER]).param == f"messages[1].{param}"


def test_calls_must_be_answered() -> None:
    error = refused(messages=[USER, {"role": "assistant", "tool_calls": [CALL]}])
    assert error.param == "messages[1]"
    assert "role 'tool'" in error.message
    assert isinstance(
        one(messages=[USER, {"role": "assistant", "content": "So"}]).prompt, ChatPrompt
    )
