"""What a completions body means, and what is refused."""

from typing import Any

import pytest

from pippin.api.completions import CompletionBody, completion_requests
from pippin.api.validation import validated
from pippin.core.request import GenerationRequest, TextPrompt, TokenPrompt
from pippin.errors import InvalidRequest, UnsupportedParameter
from tests.api.fakes import INFO


def asked(**fields: Any) -> list[GenerationRequest]:
    return completion_requests(validated(CompletionBody, fields), INFO, max_prompts=16)


def refused(**fields: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        asked(**fields)
    return caught.value


@pytest.mark.parametrize(
    ("prompt", "meant"),
    [
        ("a", [TextPrompt(text="a")]),
        (["a", "b"], [TextPrompt(text="a"), TextPrompt(text="b")]),
        ([1, 2], [TokenPrompt(tokens=(1, 2))]),
        ([[1], [2, 3]], [TokenPrompt(tokens=(1,)), TokenPrompt(tokens=(2, 3))]),
    ],
)
def test_prompts(prompt: Any, meant: Any) -> None:
    assert [request.prompt for request in asked(prompt=prompt)] == meant


@pytest.mark.parametrize(
    ("prompt", "param"),
    [
        (None, "prompt"),
        ("", "prompt"),
        ([], "prompt"),
        ([[]], "prompt[0]"),
        ([""], "prompt[0]"),
        (["a", 1], "prompt[1]"),
        ([1, "a"], "prompt[1]"),
        ([1, True], "prompt[1]"),
        ([True], "prompt[0]"),
        ([1.0], "prompt[0]"),
        ([-1], "prompt[0]"),
        ([1000], "prompt"),
        ([[1], [1000]], "prompt[1]"),
        ([2**70], "prompt[0]"),
        ({}, "prompt"),
        (5, "prompt"),
        (["a"] * 17, "prompt"),
    ],
)
def test_wrong_prompts_are_named(prompt: Any, param: str) -> None:
    assert refused(prompt=prompt).param == param


def test_openais_default_length() -> None:
    assert asked(prompt="a")[0].max_tokens == 16
    assert asked(prompt="a", max_tokens=0, echo=True)[0].max_tokens == 0
    assert refused(prompt="a", max_tokens=0).param == "max_tokens"
    assert refused(prompt="a", min_tokens=17).param == "min_tokens"


def test_best_of() -> None:
    (request,) = asked(prompt="a", n=2, best_of=4)
    assert (request.choices, request.score) == (4, True)
    (request,) = asked(prompt="a", n=2, best_of=2, stream=True)
    assert (request.choices, request.score) == (2, False)
    assert refused(prompt="a", n=3, best_of=2).param == "best_of"
    assert refused(prompt="a", best_of=2, stream=True).param == "best_of"
    assert refused(prompt=["a"] * 5, best_of=4).param == "prompt"


def test_suffix_is_refused_by_name() -> None:
    error = refused(prompt="a", suffix="b")
    assert isinstance(error, UnsupportedParameter)
    assert error.param == "suffix"


def test_echo_and_logprobs() -> None:
    (request,) = asked(prompt="a", echo=True, logprobs=0)
    assert (request.echo, request.logprobs) == (True, 0)
    assert refused(prompt="a", logprobs=21).param == "logprobs"
    assert refused(prompt="a", logprobs=True).param == "logprobs"
