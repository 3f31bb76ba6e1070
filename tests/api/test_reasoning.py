"""How much to think: what each kind of model's template can be told, and what it cannot."""

from typing import Any

import msgspec
import pytest

from pippin.core.model import ModelInfo
from pippin.core.request import GenerationRequest
from pippin.errors import InvalidRequest, UnsupportedParameter
from tests.api.fakes import INFO
from tests.api.test_chat import USER, asked, chat


def model(*kwargs: str, thinking: bool = True) -> ModelInfo:
    return msgspec.structs.replace(INFO, template_kwargs=kwargs, thinking=thinking)


QWEN = model("enable_thinking")
DEEPSEEK = model("thinking")
GPT_OSS = model("reasoning_effort")
BOTH = model("enable_thinking", "reasoning_effort")
TWO = model("enable_thinking", "thinking")
SEED = model("thinking_budget")
ALWAYS = model()
NEVER = model(thinking=False)


def of(info: ModelInfo, **fields: Any) -> GenerationRequest:
    (request,) = asked(info, **fields)
    return request


def told(info: ModelInfo, **fields: Any) -> dict[str, Any]:
    return chat(of(info, **fields)).template_kwargs


def refused(info: ModelInfo, **fields: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        of(info, **fields)
    return caught.value


@pytest.mark.parametrize(
    ("info", "fields", "arguments"),
    [
        (QWEN, {"enable_thinking": False}, {"enable_thinking": False}),
        (QWEN, {"reasoning_effort": "none"}, {"enable_thinking": False}),
        (QWEN, {"reasoning_effort": "minimal"}, {"enable_thinking": True}),
        (QWEN, {"reasoning_effort": "xhigh"}, {"enable_thinking": True}),
        (DEEPSEEK, {"enable_thinking": True}, {"thinking": True}),
        (DEEPSEEK, {"reasoning_effort": "none"}, {"thinking": False}),
        (GPT_OSS, {"reasoning_effort": "low"}, {"reasoning_effort": "low"}),
        (GPT_OSS, {"reasoning_effort": "none"}, {"reasoning_effort": "none"}),
        (GPT_OSS, {"enable_thinking": True}, {}),
        (BOTH, {"reasoning_effort": "none"}, {"enable_thinking": False}),
        (
            BOTH,
            {"reasoning_effort": "high"},
            {"enable_thinking": True, "reasoning_effort": "high"},
        ),
        (
            BOTH,
            {"reasoning_effort": "high", "enable_thinking": True},
            {"enable_thinking": True, "reasoning_effort": "high"},
        ),
        (BOTH, {"enable_thinking": False}, {"enable_thinking": False}),
        (TWO, {"enable_thinking": True}, {"enable_thinking": True, "thinking": True}),
        (TWO, {"reasoning_effort": "none"}, {"enable_thinking": False, "thinking": False}),
        (ALWAYS, {"enable_thinking": True}, {}),
        (NEVER, {"enable_thinking": False}, {}),
        (NEVER, {"reasoning_effort": "none"}, {}),
        (
            QWEN,
            {"enable_thinking": True, "chat_template_kwargs": {"enable_thinking": True}},
            {"enable_thinking": True},
        ),
    ],
)
def test_each_template_is_told_in_its_own_words(
    info: ModelInfo, fields: dict[str, Any], arguments: dict[str, Any]
) -> None:
    assert told(info, **fields) == arguments


@pytest.mark.parametrize(
    ("info", "fields"),
    [
        (GPT_OSS, {"enable_thinking": False}),
        (ALWAYS, {"enable_thinking": False}),
        (ALWAYS, {"reasoning_effort": "none"}),
        (ALWAYS, {"reasoning_effort": "high"}),
        (NEVER, {"enable_thinking": True}),
        (NEVER, {"reasoning_effort": "low"}),
        (NEVER, {"thinking_budget": 5}),
    ],
)
def test_what_a_model_cannot_do_is_refused_by_name(info: ModelInfo, fields: dict[str, Any]) -> None:
    error = refused(info, **fields)
    assert isinstance(error, UnsupportedParameter)
    assert error.param in fields


@pytest.mark.parametrize(
    ("info", "fields", "param"),
    [
        (BOTH, {"reasoning_effort": "none", "enable_thinking": True}, "enable_thinking"),
        (BOTH, {"reasoning_effort": "low", "enable_thinking": False}, "enable_thinking"),
        (
            QWEN,
            {"enable_thinking": True, "chat_template_kwargs": {"enable_thinking": False}},
            "chat_template_kwargs.enable_thinking",
        ),
        (
            QWEN,
            {"reasoning_effort": "low", "chat_template_kwargs": {"enable_thinking": False}},
            "chat_template_kwargs.enable_thinking",
        ),
        (
            DEEPSEEK,
            {"enable_thinking": True, "chat_template_kwargs": {"thinking": False}},
            "chat_template_kwargs.thinking",
        ),
        (
            GPT_OSS,
            {"reasoning_effort": "low", "chat_template_kwargs": {"reasoning_effort": "high"}},
            "chat_template_kwargs.reasoning_effort",
        ),
        (QWEN, {"chat_template_kwargs": {"thinking": True}}, "chat_template_kwargs.thinking"),
        (QWEN, {"reasoning_effort": "most"}, "reasoning_effort"),
        (QWEN, {"enable_thinking": "yes"}, "enable_thinking"),
        (QWEN, {"thinking_budget": -1}, "thinking_budget"),
        (QWEN, {"thinking_budget": 2**31}, "thinking_budget"),
    ],
)
def test_what_disagrees_or_is_wrong_is_named(
    info: ModelInfo, fields: dict[str, Any], param: str
) -> None:
    assert refused(info, **fields).param == param


@pytest.mark.parametrize("info", [QWEN, GPT_OSS, ALWAYS, SEED])
def test_a_budget(info: ModelInfo) -> None:
    request = of(info, thinking_budget=0)
    assert request.thinking_budget == 0
    known = {"thinking_budget": 0} if info is SEED else {}
    assert chat(request).template_kwargs == known
    assert of(info).thinking_budget is None


def test_an_argument_that_is_too_large_for_the_wire() -> None:
    error = refused(QWEN, chat_template_kwargs={"enable_thinking": 2**63})
    assert error.param == "chat_template_kwargs.enable_thinking"


def test_every_conversation_is_told() -> None:
    requests = asked(QWEN, messages=[[USER], [USER]], enable_thinking=False)
    assert [chat(r).template_kwargs for r in requests] == [{"enable_thinking": False}] * 2
