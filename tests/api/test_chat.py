"""What a chat body means, and what is refused."""

from typing import Any

import msgspec
import pytest

from pippin.api.chat import ChatBody, chat_requests
from pippin.api.validation import validated
from pippin.core.request import ChatPrompt, GenerationRequest, Message
from pippin.core.sampling import SamplingDefaults
from pippin.errors import InvalidRequest, UnknownParameter, UnsupportedParameter
from tests.api.fakes import INFO

USER = {"role": "user", "content": "hello"}


def asked(info: Any = INFO, **fields: Any) -> list[GenerationRequest]:
    body = validated(ChatBody, {"messages": [USER], **fields})
    return chat_requests(body, info, max_prompts=16)


def one(**fields: Any) -> GenerationRequest:
    (request,) = asked(**fields)
    return request


def refused(**fields: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        asked(**fields)
    return caught.value


def chat(request: GenerationRequest) -> ChatPrompt:
    assert isinstance(request.prompt, ChatPrompt)
    return request.prompt


def turns(**fields: Any) -> tuple[Message, ...]:
    return chat(one(**fields)).messages


def test_defaults_come_from_the_model_then_from_neutral_values() -> None:
    sampling = one().sampling
    assert (sampling.temperature, sampling.top_k, sampling.top_p) == (0.6, 20, 1.0)
    assert one().max_tokens is None
    silent = msgspec.structs.replace(INFO, defaults=SamplingDefaults())
    assert asked(silent)[0].sampling.temperature == 1.0
    assert one(temperature=0.3, top_k=0).sampling.top_k == 0


def test_every_field_arrives() -> None:
    request = one(
        temperature=0.5,
        top_p=0.9,
        top_k=7,
        min_p=0.1,
        typical_p=0.8,
        seed=-(2**63),
        repetition_penalty=1.2,
        repetition_context_size=64,
        frequency_penalty=-1,
        presence_penalty=2,
        logit_bias={"5": -100, "6": 1},
        n=3,
        max_completion_tokens=9,
        min_tokens=2,
        stop="END",
        ignore_eos=True,
        logprobs=True,
        top_logprobs=4,
    )
    sampling = msgspec.structs.asdict(request.sampling)
    assert sampling == {
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 7,
        "min_p": 0.1,
        "typical_p": 0.8,
        "mirostat_mode": 0,
        "mirostat_tau": 5.0,
        "mirostat_eta": 0.1,
        "seed": -(2**63),
        "repetition_penalty": 1.2,
        "repetition_context_size": 64,
        "frequency_penalty": -1.0,
        "presence_penalty": 2.0,
        "logit_bias": {5: -100.0, 6: 1.0},
    }
    assert (request.choices, request.max_tokens, request.min_tokens) == (3, 9, 2)
    assert (request.stop, request.ignore_eos, request.logprobs) == (("END",), True, 4)


def test_edges_of_sampling_are_defined() -> None:
    assert one(temperature=1e-320).sampling.greedy
    assert one(top_p=0).sampling.top_k == 1
    assert one(top_k=-1).sampling.top_k == 0
    assert one().sampling.seed != one().sampling.seed
    assert one(seed=0).sampling.seed == 0


def test_null_is_not_given() -> None:
    given = dict.fromkeys(ChatBody.model_fields, None) | dict.fromkeys(ChatBody.refused, None)
    assert one(**(given | {"messages": [USER | {"name": None}]})).max_tokens is None


def test_logprobs() -> None:
    assert one().logprobs is None
    assert one(logprobs=False).logprobs is None
    assert one(logprobs=True).logprobs == 0
    assert refused(top_logprobs=2).param == "top_logprobs"
    assert refused(top_logprobs=2, logprobs=False).param == "top_logprobs"


def test_token_limits() -> None:
    assert one(max_tokens=5).max_tokens == 5
    assert one(max_tokens=5, max_completion_tokens=5).max_tokens == 5
    assert refused(max_tokens=5, max_completion_tokens=6).param == "max_tokens"
    assert refused(max_tokens=5, min_tokens=6).param == "min_tokens"
    assert one(min_tokens=6).min_tokens == 6


def test_messages() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    said = turns(
        messages=[
            {"role": "developer", "content": ""},
            {"role": "user", "content": parts, "name": "ann"},
            {"role": "tool", "content": "42", "tool_call_id": "call_1"},
            {"role": "assistant", "content": "So", "refusal": None, "tool_calls": None},
        ]
    )
    assert [message.role for message in said] == ["developer", "user", "tool", "assistant"]
    assert [message.content for message in said] == ["", "ab", "42", "So"]
    assert said[1].name == "ann"


def test_several_conversations() -> None:
    requests = asked(messages=[[USER], [USER, USER]], n=2)
    assert [len(chat(request).messages) for request in requests] == [1, 2]
    assert refused(messages=[[USER]] * 9, n=2).param == "messages"


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        (None, "messages"),
        ([], "messages"),
        ([[]], "messages[0]"),
        ([[USER], []], "messages[1]"),
        ([USER, [USER]], "messages[1]"),
        ([[USER], USER], "messages[1]"),
        ("hello", "messages"),
        ({}, "messages"),
        ([1], "messages[0]"),
        ([{"role": "user"}], "messages[0].content"),
        ([{"role": "user", "content": None}], "messages[0].content"),
        ([{"role": "user", "content": 5}], "messages[0].content"),
        ([{"role": "user", "content": [5]}], "messages[0].content[0]"),
        ([{"role": "user", "content": [{"type": "text"}]}], "messages[0].content[0].text"),
        ([{"role": "king", "content": "x"}], "messages[0].role"),
        ([{"content": "x"}], "messages[0].role"),
        ([USER, USER | {"colour": 1}], "messages[1].colour"),
        ([[USER], [USER | {"name": ""}]], "messages[1][0].name"),
        ([USER | {"tool_call_id": "x"}], "messages[0].tool_call_id"),
        ([{"role": "user", "content": ""}], "messages"),
        ([{"role": "user", "content": []}], "messages"),
    ],
)
def test_wrong_messages_are_named(messages: Any, param: str) -> None:
    assert refused(messages=messages).param == param


@pytest.mark.parametrize("kind", ["image_url", "input_audio", "file"])
def test_parts_that_are_no_text(kind: str) -> None:
    content = [{"type": "text", "text": "see"}, {"type": kind, kind: {"url": "file:///etc"}}]
    error = refused(messages=[{"role": "user", "content": content}])
    assert isinstance(error, UnsupportedParameter)
    assert error.param == "messages[0].content[1]"
    assert "reads text only" in error.message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("functions", [{}]),
        ("function_call", {"name": "f"}),
        ("modalities", ["text", "audio"]),
        ("include_reasoning", False),
        ("max_thinking_tokens", 5),
        ("thinking_token_budget", 5),
        ("guided_decoding_backend", "outlines"),
        ("chat_template", "{{ 1 }}"),
        ("audio", {}),
        ("logit_processors", ["x"]),
    ],
)
def test_known_and_unsupported(name: str, value: Any) -> None:
    error = refused(**{name: value})
    assert isinstance(error, UnsupportedParameter)
    assert error.param == name
    assert name in error.message


def test_what_asks_for_nothing_is_accepted() -> None:
    for name, values in ChatBody.refused.items():
        for value in (None, *values):
            assert one(**{name: value}).choices == 1


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "assistant", "content": "x", "function_call": {"name": "f"}}, "function_call"),
        ({"role": "function", "content": "x", "name": "f"}, "role"),
        ({"role": "assistant", "content": "x", "refusal": "no"}, "refusal"),
    ],
)
def test_legacy_forms_in_messages_are_refused_by_path(message: Any, param: str) -> None:
    error = refused(messages=[USER, message])
    assert isinstance(error, UnsupportedParameter)
    assert error.param == f"messages[1].{param}"


def test_unknown_parameters() -> None:
    for value in (1, None):
        error = refused(**{"top-k": value})
        assert isinstance(error, UnknownParameter)
        assert error.param == "top-k"
    assert refused(stream=True, stream_options={"x": 1}).param == "stream_options.x"


def test_template_arguments() -> None:
    prompt = chat(one(chat_template_kwargs={"enable_thinking": True}))
    assert prompt.template_kwargs == {"enable_thinking": True}
    assert refused(chat_template_kwargs={"tokenize": True}).param == "chat_template_kwargs.tokenize"
    error = refused(chat_template_kwargs={"enable_thinking": {"a": 1}})
    assert error.param is not None
    assert error.param.startswith("chat_template_kwargs.enable_thinking")


def test_stream_options_need_a_stream() -> None:
    assert refused(stream_options={"include_usage": True}).param == "stream_options"


def test_messages_say_what_is_allowed() -> None:
    assert refused(temperature=3).message == "temperature must be a number, at least 0, at most 2."
    assert "at most 32" in refused(n=33).message
    assert "1000" in refused(stop="x" * 1001).message
    assert "below 1000" in refused(logit_bias={"1000": 1}).message
