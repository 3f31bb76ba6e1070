"""What refusals say: our own words, the right field, and at once however large the body is."""

import re
from typing import Any

import pytest

from pippin.api.chat import ChatBody
from pippin.api.completions import CompletionBody
from pippin.api.fields import MAX_TOKEN_IDS
from pippin.api.messages import MessageBody
from pippin.api.tokens import DetokenizeBody
from pippin.api.validation import MAX_KEYS, Body, validated
from pippin.errors import InvalidRequest

FOREIGN = re.compile(
    r"Input should|MessageBody|TextPart|instance of|after validation|dictionary|\[key\]|\x00|@|"
    r"is wrong|\.(bool|int|float|str|list|one|several)\b"
)
ODD: tuple[Any, ...] = (
    *(None, 5, -1, 1.5, 1e300, True, "", "word", [], {}, [5], ["x"], [None], [[]], [[5.5]], [{}]),
    *(
        {"a": 1},
        {"a": None},
        {"a": []},
        {"": ""},
        {"x" * 99: "y" * 9999},
        {str(i): 1 for i in range(99)},
    ),
    *([{"type": "text"}], [{"type": "text", "text": 5}], [{"role": 1}], [[{"role": "user"}]]),
    *({"007": 1}, {"1": 1000}, {"1": "x"}, {"include_usage": 3}, ["x", 5], [1, "x"], [[1], 5]),
)
USER = {"role": "user", "content": "x"}


def refusal(model: type[Body], body: dict[str, Any]) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        validated(model, body)
    return caught.value


def complaint(model: type[Body], body: dict[str, Any]) -> str:
    """Message and field of a refusal; nothing if the body is valid."""
    try:
        validated(model, body)
    except InvalidRequest as error:
        return f"{error.message} {error.param}"
    return ""


@pytest.mark.parametrize("model", [ChatBody, CompletionBody, DetokenizeBody])
def test_no_foreign_words_whatever_a_field_holds(model: type[Body]) -> None:
    start = {"messages": [USER]} if model is ChatBody else {"prompt": "x"}
    for name in (*model.model_fields, "unknown"):
        for value in ODD:
            words = complaint(model, start | {name: value})
            assert not FOREIGN.search(words), words


@pytest.mark.parametrize("field", MessageBody.model_fields)
def test_nor_whatever_a_message_holds(field: str) -> None:
    for value in ODD:
        words = complaint(ChatBody, {"messages": [USER | {field: value}]})
        assert not FOREIGN.search(words), words


MANY = 100_000
NAMES = dict.fromkeys(map(str, range(MANY)), 1)


@pytest.mark.parametrize(
    ("model", "body", "param"),
    [
        (ChatBody, {"messages": [5] * MANY}, "messages"),
        (ChatBody, {"messages": [5] * 9_999}, "messages[0]"),
        (ChatBody, {"messages": [[5]] * MANY}, "messages"),
        (ChatBody, {"messages": [USER | {"content": [5] * 9_999}]}, "messages[0].content[0]"),
        (ChatBody, {"messages": [USER], "stop": [5] * MANY}, "stop"),
        (
            ChatBody,
            {"messages": [USER], "metadata": dict.fromkeys(map(str, range(MANY)))},
            "metadata",
        ),
        (ChatBody, {"messages": [USER | NAMES]}, "messages[0]"),
        (ChatBody, {"messages": [USER]} | dict.fromkeys(map(str, range(MAX_KEYS)), 1), None),
        (CompletionBody, {"prompt": ["x"] * MANY}, "prompt"),
        (CompletionBody, {"prompt": [-1] * MANY}, "prompt[0]"),
        (CompletionBody, {"prompt": [1] * (MAX_TOKEN_IDS + 1)}, "prompt"),
        (CompletionBody, {"prompt": [[1] * (MAX_TOKEN_IDS // 2)] * 3}, "prompt"),
        (ChatBody, {"messages": [USER], "tools": [5] * MANY}, "tools"),
        (ChatBody, {"messages": [USER], "guided_choice": ["x"] * MANY}, "guided_choice"),
        (ChatBody, {"messages": [USER | {"tool_calls": [5] * MANY}]}, "messages[0].tool_calls"),
        (DetokenizeBody, {"tokens": [1] * (MAX_TOKEN_IDS + 1)}, "tokens"),
        (DetokenizeBody, {"tokens": ["x"] * MANY}, "tokens[0]"),
    ],
)
def test_a_huge_wrong_list_is_one_error(
    model: type[Body], body: dict[str, Any], param: str | None
) -> None:
    error = refusal(model, body)
    assert error.param == param
    assert len(error.message) < 200


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"messages": [5]}, "messages[0] must be an object."),
        ({"messages": [USER], "\x00text": 1}, "There is no parameter '\\x00text'."),
        (
            {"messages": [USER], "chat_template_kwargs": {"a": []}},
            "chat_template_kwargs.a must be a string, a number, true or false.",
        ),
        (
            {"messages": [USER], "tools": [{"name": "a b"}]},
            "tools[0].name must be of the form ^[a-zA-Z0-9_.:/-]{1,64}$.",
        ),
        (
            {"messages": [USER], "metadata": {str(i): "x" for i in range(17)}},
            "metadata must have at most 16 items.",
        ),
    ],
)
def test_words(body: dict[str, Any], says: str) -> None:
    assert refusal(ChatBody, body).message == says


@pytest.mark.parametrize("key", ["00", "007", "+1", "1_0", " 1", "٣"])
def test_a_token_id_has_one_spelling(key: str) -> None:
    assert refusal(ChatBody, {"messages": [USER], "logit_bias": {key: 1}}).param == "logit_bias"


@pytest.mark.parametrize(
    "calm",
    [
        {"stream": True, "stream_options": {"include_obfuscation": False}},
        {"verbosity": "medium"},
        {"reasoning_effort": "none"},
        {"top_logprobs": 0},
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}
                    ],
                }
            ]
        },
    ],
)
def test_what_asks_for_nothing_is_accepted(calm: dict[str, Any]) -> None:
    validated(ChatBody, {"messages": [USER]} | calm)
