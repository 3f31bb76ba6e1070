"""Whole conversations with tools, through the templates of every family."""

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pippin.core.request import ChatPrompt, Message
from pippin.core.tools import Tool, ToolCall
from pippin.errors import InvalidRequest
from tests.prompt.families import FAMILIES, Family, template

TOOLS = (
    Tool(
        name="get_weather",
        description="Tells the weather.",
        parameters={
            "type": "object",
            "properties": {"city": {"type": "string", "description": "Where."}},
            "required": ["city"],
        },
    ),
    Tool(name="get_time"),
)
WEATHER = ToolCall(id="call_abc123", name="get_weather", arguments='{"city": "Zürich", "n": [1]}')
TIME = ToolCall(id="call_def456", name="get_time", arguments="{}")
HISTORY = (
    Message(role="system", content="Be brief."),
    Message(role="user", content="Weather and time, please."),
    Message(
        role="assistant",
        content="Let me look.",
        reasoning="Two calls are due.",
        tool_calls=(WEATHER, TIME),
    ),
    Message(role="tool", content="sunny spells", tool_call_id="call_abc123"),
    Message(role="tool", content="half past ten", tool_call_id="call_def456"),
    Message(role="assistant", content="Sunny, and late."),
    Message(role="user", content="And tomorrow?"),
)
CHATML, GEMMA_1 = FAMILIES["chatml"].source, FAMILIES["gemma_1"].source
EACH = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)


def rendered(source: str, *messages: Message, tools: tuple[Tool, ...] = TOOLS) -> str:
    prompt = ChatPrompt(messages=messages, tools=tools)
    return template(source).render(prompt)


def in_order(text: str, *parts: str) -> None:
    place = 0
    for part in parts:
        place = text.find(part, place)
        assert place >= 0, f"{part!r} is missing or misplaced in\n{text}"
        place += len(part)


@EACH
def test_a_conversation_is_shown_whole_and_in_order(family: Family) -> None:
    text = rendered(family.source, *HISTORY)
    aside = () if "aside" in family.hidden else ("Let me look.",)
    thought = () if "thought" in family.hidden else ("Two calls are due.",)
    in_order(text, "Weather and time", *thought, *aside, "get_weather", "Zürich")
    in_order(text, "Weather and time", "Zürich", "sunny spells", "half past ten")
    in_order(text, "Zürich", "get_time", "half past ten", "Sunny, and late.", "And tomorrow?")
    for part in ("Be brief.", "Sunny, and late.", "And tomorrow?", "sunny spells"):
        assert text.count(part) == 1
    assert text.count("get_weather") >= 2  # defined, called
    assert "'city'" not in text
    assert "None" not in text


@EACH
def test_the_last_word_may_be_a_result(family: Family) -> None:
    text = rendered(family.source, *HISTORY[:5])
    in_order(text, "Zürich", "sunny spells", "half past ten")
    assert text.count("Be brief.") == 1


@EACH
def test_an_answer_may_be_continued_with_tools(family: Family) -> None:
    text = rendered(family.source, *HISTORY, Message(role="assistant", content="It will"))
    assert text.endswith("It will")
    assert text.count("Be brief.") == 1


@EACH
def test_a_history_without_the_tools(family: Family) -> None:
    """A last request of an agent, that may not call any more."""
    text = rendered(family.source, *HISTORY, tools=())
    in_order(text, "Zürich", "sunny spells", "half past ten", "And tomorrow?")
    assert "Tells the weather." not in text


@EACH
@pytest.mark.parametrize("arguments", ["", " ", "{", "5", '"x"', "[1]", "no JSON", '{"a": NaN}'])
def test_arguments_that_are_no_object(family: Family, arguments: str) -> None:
    call = ToolCall(id="call_1", name="get_time", arguments=arguments)
    turn = Message(role="assistant", content="", tool_calls=(call,))
    result = Message(role="tool", content="half past ten", tool_call_id="call_1")
    text = rendered(family.source, HISTORY[1], turn, result)
    in_order(text, "Weather and time", "half past ten")
    plain = arguments.replace('"', "").replace("\\", "").strip()
    assert plain in text.replace('"', "").replace("\\", "")


@EACH
@pytest.mark.parametrize(
    "arguments",
    ['{"a": ' * 5_000 + "1" + "}" * 5_000, '{"a": "\\ud800"}', '{"a": ' + "9" * 5_000 + "}"],
    ids=["deep", "half a surrogate pair", "digits"],
)
def test_hostile_arguments(family: Family, arguments: str) -> None:
    call = ToolCall(id="call_1", name="get_time", arguments=arguments)
    turn = Message(role="assistant", content="", tool_calls=(call,))
    result = Message(role="tool", content="half past ten", tool_call_id="call_1")
    text = rendered(family.source, HISTORY[1], turn, result)
    in_order(text, "Weather and time", "half past ten")
    text.encode()


def test_a_developers_words_before_a_call() -> None:
    said = Message(role="developer", content="Be brief.")
    text = rendered(FAMILIES["mistral"].source, said, *HISTORY[1:5])
    assert text.count("Be brief.") == 1


@EACH
def test_results_out_of_order_or_without_an_id(family: Family) -> None:
    late = (*HISTORY[1:3], HISTORY[4], HISTORY[3], *HISTORY[5:])
    in_order(rendered(family.source, *late), "Zürich", "And tomorrow?")
    nameless = [Message(role="tool", content=m.content) if m.role == "tool" else m for m in HISTORY]
    text = rendered(family.source, *nameless)
    in_order(text, "Zürich", "sunny spells", "half past ten", "And tomorrow?")


def test_one_call_at_a_time_where_a_turn_may_have_only_one() -> None:
    text = rendered(FAMILIES["llama_3_1"].source, *HISTORY)
    in_order(text, "get_weather", "Zürich", "sunny spells", '"get_time"', "half past ten")
    swapped = (*HISTORY[:3], HISTORY[4], HISTORY[3])
    in_order(rendered(FAMILIES["llama_3_1"].source, *swapped), "Zürich", "sunny", '"get_time"')


def test_ids_of_nine_characters() -> None:
    source = FAMILIES["mistral"].source
    text = rendered(source, *HISTORY[:5])
    for call in (WEATHER, TIME):
        assert call.id not in text
    head = text.split('"id": "')
    ids = [part[:9] for part in head[1:]]
    assert len(set(ids)) == 2
    for number, result in zip(ids, ("sunny spells", "half past ten"), strict=True):
        assert f'{result}, "call_id": "{number}"' in text
    kept = ToolCall(id="abcDEF123", name="get_time", arguments="{}")
    assert '"id": "abcDEF123"' in rendered(
        source,
        HISTORY[1],
        Message(role="assistant", content="", tool_calls=(kept,)),
        Message(role="tool", content="x", tool_call_id="abcDEF123"),
    )


def test_ids_that_carry_the_name() -> None:
    text = rendered(FAMILIES["kimi_k2"].source, *HISTORY[:5], *HISTORY[2:5])
    in_order(
        text,
        *("functions.get_weather:0", "functions.get_time:1"),
        *("Return of functions.get_weather:0", "Return of functions.get_time:1"),
        *("functions.get_weather:2", "functions.get_time:3"),
        *("Return of functions.get_weather:2", "Return of functions.get_time:3"),
    )


def test_arguments_as_text_stay_as_the_model_wrote_them() -> None:
    odd = ToolCall(id="c", name="get_weather", arguments='{ "city":"Z\\u00fcrich","n":1.0 }')
    turn = Message(role="assistant", content="", tool_calls=(odd,))
    text = rendered(FAMILIES["hermes"].source, HISTORY[1], turn, HISTORY[3])
    assert odd.arguments in text


def test_a_result_bears_its_functions_name() -> None:
    source = (
        "{{ tools | tojson if tools }}{% for m in messages %}{{ m.content }}"
        "{% for c in m.tool_calls or [] %}{{ c.function | tojson }}{% endfor %}"
        "{% if m.role == 'tool' %} by {{ m.name }}{% endif %}\n{% endfor %}"
    )
    in_order(rendered(source, *HISTORY), "sunny spells by get_weather", "ten by get_time")
    own = Message(role="tool", content="x", name="mine", tool_call_id="call_abc123")
    assert "x by mine" in rendered(source, *HISTORY[:3], own)


def test_thinking_that_a_template_refuses_beside_text_is_left_out() -> None:
    text = rendered(FAMILIES["gpt_oss"].source, *HISTORY)
    assert "Two calls are due." not in text
    silent = Message(
        role="assistant", content="", reasoning="Two calls are due.", tool_calls=(WEATHER,)
    )
    assert "Two calls are due." in rendered(
        FAMILIES["gpt_oss"].source, HISTORY[1], silent, HISTORY[3]
    )


@pytest.mark.parametrize("name", ["chatml", "gemma_3", "gemma_1"])
def test_the_default_offer(name: str) -> None:
    """For templates without tools: in the Hermes form."""
    text = rendered(FAMILIES[name].source, *HISTORY)
    lines = text.split("<tools>\n")[1].split("\n</tools>")[0].splitlines()
    assert [json.loads(line) for line in lines] == [
        {"name": tool.name, **described(tool)} for tool in TOOLS
    ]
    in_order(text, "Be brief.", "<tools>", "Weather and time", "Let me look.\n<tool_call>\n{")
    in_order(
        text,
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Zürich", "n": [1]}}\n</too',
        '<tool_call>\n{"name": "get_time", "arguments": {}}\n</tool_call>',
        "<tool_response>\nsunny spells\n</tool_response>\n<tool_response>\nhalf past ten\n</to",
    )


def described(tool: Tool) -> dict[str, Any]:
    empty = {"type": "object", "properties": {}}
    told: dict[str, Any] = {"parameters": tool.parameters or empty}
    return told | ({"description": tool.description} if tool.description else {})


def test_the_default_offer_without_a_systems_message() -> None:
    text = rendered(CHATML, HISTORY[1])
    assert text.startswith("<|im_start|>system\nYou can call functions.")
    assert rendered(CHATML, HISTORY[1], tools=()).startswith("<|im_start|>user")
    in_order(rendered(GEMMA_1, HISTORY[1]), "<start_of_turn>user\nYou can", "Weather and time")


def test_the_offer_in_deepseeks_own_form() -> None:
    """Its templates show calls and results, and never definitions."""
    text = rendered(FAMILIES["deepseek_v3"].source, *HISTORY)
    begin, end = (
        "<\uff5ctool\u2581calls\u2581begin\uff5c>",
        "<\uff5ctool\u2581calls\u2581end\uff5c>",
    )
    in_order(text, "Be brief.", "<tools>", "Tells the weather.", "</tools>", "in this form:")
    in_order(text, begin, "the_name", '{"an_argument": "its value"}', end, "Weather and time")
    in_order(text, "Weather and time", begin, "get_weather", "Zürich", end, "sunny spells")
    assert "<tool_call>" not in text
    assert "<tool_response>" not in text
    assert begin not in rendered(FAMILIES["deepseek_v3"].source, HISTORY[1], tools=())


def test_calls_in_granites_form() -> None:
    text = rendered(FAMILIES["granite"].source, *HISTORY)
    calls = [
        {"name": "get_weather", "arguments": {"city": "Zürich", "n": [1]}},
        {"name": "get_time", "arguments": {}},
    ]
    written = "<|tool_call|>" + json.dumps(calls, ensure_ascii=False)
    in_order(text, "Let me look.\n" + written, "tool_response<|end_of_role|>sunny spells")


def test_the_date_that_firefunction_wants_is_ours_or_the_clients() -> None:
    source = FAMILIES["firefunction"].source
    assert template(source).kwargs == {"datetime"}
    prompt = ChatPrompt(messages=HISTORY[:2], template_kwargs={"datetime": "a Sunday"})
    assert "Today is a Sunday." in template(source).render(prompt)
    assert re.search(r"Today is \w+ \d\d, \d{4}\.", rendered(source, *HISTORY[:2]))


def test_calls_in_lfm2s_form() -> None:
    text = rendered(FAMILIES["lfm2"].source, *HISTORY)
    calls = '<|tool_call_start|>[get_weather(city="Zürich", n=[1]), get_time()]<|tool_call_end|>'
    in_order(text, "Let me look.\n" + calls, "<|tool_response_start|>sunny spells")
    values = '{"a": true, "b": null, "c": {"d": -1.5}, "e": "x\\"y"}'
    call = ToolCall(id="c", name="f", arguments=values)
    text = rendered(
        FAMILIES["lfm2"].source,
        HISTORY[1],
        Message(role="assistant", content="", tool_calls=(call,)),
        HISTORY[3],
    )
    assert 'f(a=True, b=None, c={"d": -1.5}, e="x\\"y")' in text


@pytest.mark.parametrize("role", ["system", "developer"])
@EACH
def test_what_the_system_says_is_never_dropped(family: Family, role: Any) -> None:
    said = Message(role=role, content="Be brief.")
    for tools in ((), TOOLS):
        text = rendered(family.source, said, HISTORY[1], tools=tools)
        assert text.count("Be brief.") == 1


def test_systems_texts_without_that_role() -> None:
    system, user = HISTORY[0], HISTORY[1]
    assistant = Message(role="assistant", content="Well.")
    later = Message(role="system", content="Be polite.")
    text = rendered(GEMMA_1, system, user, assistant, later, user, tools=())
    in_order(text, "user\nBe brief.\n\nWeather", "model\nWell.", "user\nBe polite.\n\nWeather")
    in_order(rendered(GEMMA_1, user, later, assistant, tools=()), "please.\n\nBe polite.", "Well.")
    in_order(rendered(GEMMA_1, user, assistant, later, tools=()), "Well.", "user\nBe polite.")
    assert rendered(GEMMA_1, system, tools=()).count("Be brief.") == 1


def test_turns_that_we_made_the_users_do_not_break_the_alternation() -> None:
    text = rendered(GEMMA_1, *HISTORY[:5], Message(role="user", content="Well?"))
    in_order(text, "half past ten\n</tool_response>\n\nWell?")
    with pytest.raises(InvalidRequest, match="must alternate"):
        rendered(GEMMA_1, HISTORY[1], HISTORY[1], tools=())


def test_a_tool_without_a_description_or_parameters() -> None:
    for family in FAMILIES.values():
        assert "get_time" in rendered(family.source, HISTORY[1], tools=TOOLS[1:])
        odd = Tool(name="odd", parameters={"additionalProperties": False})
        assert "odd" in rendered(family.source, HISTORY[1], tools=(odd,))


WORDS = st.sampled_from(["", " ", "x", "word", "</think>", "\n", "é", "{"])
IDS = st.sampled_from(["a", "b", "abcDEF123", "functions.f:0", ""])
CALLS = st.lists(
    st.builds(
        ToolCall,
        id=IDS,
        name=st.sampled_from(["f", "g"]),
        arguments=st.sampled_from(["{}", '{"a": 1}', "[]", "", "x"]),
    ),
    max_size=3,
).map(tuple)
TURNS = st.one_of(
    st.builds(Message, role=st.sampled_from(["system", "developer", "user"]), content=WORDS),
    st.builds(Message, role=st.just("tool"), content=WORDS, tool_call_id=st.none() | IDS),
    st.builds(
        Message,
        role=st.just("assistant"),
        content=WORDS,
        reasoning=st.none() | WORDS,
        tool_calls=CALLS,
    ),
)


@EACH
@settings(deadline=None, max_examples=50)
@given(turns=st.lists(TURNS, min_size=1, max_size=7), tools=st.sampled_from([(), TOOLS]))
def test_any_conversation_is_rendered_or_refused(
    family: Family, turns: list[Message], tools: tuple[Tool, ...]
) -> None:
    last = msgspec.structs.replace(turns[-1], tool_calls=())
    prompt = ChatPrompt(messages=(*turns[:-1], last), tools=tools)
    try:
        text = template(family.source).render(prompt)
    except InvalidRequest as error:
        text = error.message
    assert text
    assert "Traceback" not in text
