"""Rows 21 to 24, 26, 27, 29 to 34, 36: values that no honest client sends."""

import json
from typing import Any

import httpx
import pytest

from pippin.api.capabilities import BODIES
from pippin.api.generation import WITHOUT_EFFECT
from pippin.api.validation import json_schema, schema_at
from tests.hostile.expect import refusal

CHAT = "/v1/chat/completions"
TEXT = "/v1/completions"
USER = {"role": "user", "content": "hello"}
MINIMAL: dict[str, dict[str, Any]] = {
    CHAT: {"messages": [USER], "max_tokens": 2},
    TEXT: {"prompt": "hello", "max_tokens": 2},
}

ODD: dict[str, object] = {
    "true": True,
    "text": "x",
    "minus one": -1,
    "minus 2**31": -(2**31),
    "zero": 0,
    "2**31": 2**31,
    "2**63": 2**63,
    "10**40": 10**40,
    "1.5": 1.5,
    "1e308": 1e308,
    "-1e308": -1e308,
    "list": [[]],
    "object": {"": None},
    "long text": "x" * 10_000,
}


def post(client: httpx.Client, route: str, **fields: object) -> httpx.Response:
    return client.post(route, json=MINIMAL[route] | fields)


def accepts(schema: dict[str, Any], value: object) -> bool:
    """A second opinion on whether a value fits a field, from its published schema alone."""
    choices = schema.get("anyOf", schema.get("oneOf", ()))
    if any(accepts(choice, value) for choice in choices):
        return True
    match schema.get("type"), value:
        case "boolean", bool():
            return True
        case "string", str():
            return bool(value in schema.get("enum", [value]) and _length_fits(schema, value))
        case ("integer", int()) | ("number", int() | float()):
            return not isinstance(value, bool) and _size_fits(schema, value)
        case "object", dict():
            return schema.get("additionalProperties") is True
    return False


def _length_fits(schema: dict[str, Any], value: str) -> bool:
    return bool(schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)))


def _size_fits(schema: dict[str, Any], value: Any) -> bool:
    return bool(
        schema.get("minimum", value) <= value <= schema.get("maximum", value)
        and value > schema.get("exclusiveMinimum", value - 1)
    )


def table() -> list[tuple[str, str, str]]:
    """Each field of each route with each odd value that its schema does not allow."""
    return [
        (route, name, odd)
        for route, body in BODIES.items()
        for name in body.model_fields
        for odd, value in ODD.items()
        if not accepts(schema_at(json_schema(body), (name,)), value)
    ]


@pytest.mark.parametrize("route", [CHAT, TEXT])
def test_rows_23_and_24_every_field_with_every_odd_value(client: httpx.Client, route: str) -> None:
    for where, name, odd in table():
        if where != route:
            continue
        answer = post(client, route, **{name: ODD[odd]})
        if (name, odd) == ("prompt", "text"):
            continue
        assert answer.status_code == 400, (name, odd, answer.text)
        param = refusal(answer, 400)["param"]
        assert str(param).startswith(name), (name, odd, answer.text)


def test_the_table_covers_every_field() -> None:
    for route, body in BODIES.items():
        assert {name for where, name, _ in table() if where == route} == set(body.model_fields)


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("name", ["temperature", "top_p", "seed", "n"])
def test_row_23_no_numbers(client: httpx.Client, name: str, literal: str) -> None:
    body = json.dumps(MINIMAL[CHAT])[:-1] + f', "{name}": {literal}}}'
    json_type = {"content-type": "application/json"}
    refusal(client.post(CHAT, content=body, headers=json_type), 400)


@pytest.mark.parametrize("route", [CHAT, TEXT])
@pytest.mark.parametrize("name", ["n", "best_of"])
def test_row_21_a_billion_choices(client: httpx.Client, route: str, name: str) -> None:
    refusal(post(client, route, **{name: 10**9}), 400, name)


def test_row_22_many_prompts(client: httpx.Client) -> None:
    refusal(post(client, TEXT, prompt=["x"] * 100_000), 400, "prompt")
    refusal(post(client, TEXT, prompt=[[1]] * 100_000), 400, "prompt")
    refusal(post(client, TEXT, prompt=["x"] * 100, n=2), 400, "prompt")
    refusal(post(client, CHAT, messages=[[USER]] * 10_000), 400, "messages")


@pytest.mark.parametrize("top", [21, 10**6, -1])
def test_row_26_many_logprobs(client: httpx.Client, top: int) -> None:
    refusal(post(client, CHAT, logprobs=True, top_logprobs=top), 400, "top_logprobs")
    refusal(post(client, TEXT, logprobs=top), 400, "logprobs")


def test_row_26_token_arrays(client: httpx.Client) -> None:
    for tokens in ([-1], [10**9], [2**64], [1.0], ["1"], [True], [None], "1", None):
        answer = client.post("/v1/detokenize", json={"tokens": tokens})
        assert str(refusal(answer, 400)["param"]).startswith("tokens")
        if tokens not in ("1", None, ["1"]):
            assert str(refusal(post(client, TEXT, prompt=tokens), 400)["param"]).startswith(
                "prompt"
            )


@pytest.mark.parametrize("stop", [["x"] * 10_000, "", [""], ["a", ""], "x" * 1_000_000, ["x"] * 17])
@pytest.mark.parametrize("route", [CHAT, TEXT])
def test_row_27_stops(client: httpx.Client, route: str, stop: object) -> None:
    assert str(refusal(post(client, route, stop=stop), 400)["param"]).startswith("stop")


@pytest.mark.parametrize(
    "fields",
    [
        {"seed": 2**63 - 1},
        {"seed": -(2**63)},
        {"seed": -9007199254740991},
        {"temperature": 1e-320},
        {"temperature": 5e-324, "seed": 1},
        {"top_p": 0},
        {"top_p": 1e-320, "temperature": 2},
        {"min_p": 1, "top_p": 1},
        {"typical_p": 1e-320},
        {"top_k": -1},
        {"top_k": 2**31 - 1},
        {"repetition_penalty": 1e-320},
        {"repetition_context_size": 0},
        {"logit_bias": {"1": -100, "2": 100}},
    ],
    ids=str,
)
@pytest.mark.parametrize("route", [CHAT, TEXT])
def test_row_29_edges_are_defined(client: httpx.Client, route: str, fields: dict[str, Any]) -> None:
    answer = post(client, route, **fields)
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["finish_reason"] in ("stop", "length")


@pytest.mark.parametrize(
    ("route", "fields"),
    [
        (TEXT, {"prompt": ""}),
        (TEXT, {"prompt": []}),
        (TEXT, {"prompt": [""]}),
        (TEXT, {"prompt": [[]]}),
        (TEXT, {"prompt": None}),
        (CHAT, {"messages": []}),
        (CHAT, {"messages": [[]]}),
        (CHAT, {"messages": None}),
        (CHAT, {"messages": [{}]}),
        (CHAT, {"messages": [{"role": "user", "content": None}]}),
        (CHAT, {"messages": [{"role": "user", "content": ""}]}),
        (CHAT, {"messages": [{"role": "user", "content": []}]}),
    ],
    ids=str,
)
def test_row_30_nothing_asked(client: httpx.Client, route: str, fields: dict[str, Any]) -> None:
    (name,) = fields
    assert str(refusal(post(client, route, **fields), 400)["param"]).startswith(name)


@pytest.mark.parametrize("stream", [False, True])
def test_row_31_a_prompt_beyond_the_context(client: httpx.Client, stream: bool) -> None:
    content = "word " * 50_000
    messages = [{"role": "user", "content": content}]
    answers = [
        post(client, CHAT, messages=messages, stream=stream),
        post(client, TEXT, prompt=content, stream=stream),
    ]
    for answer in answers:
        assert refusal(answer, 400)["code"] == "context_length_exceeded"


@pytest.mark.parametrize(
    "model",
    [
        "gpt-4",
        "mlx-community/Qwen3-0.6B-4bit",
        "../../etc/passwd",
        "/etc/passwd",
        "~",
        "C:\\x",
        "\x00",
    ],
)
@pytest.mark.parametrize("route", [CHAT, TEXT])
def test_row_32_unknown_models(client: httpx.Client, route: str, model: str) -> None:
    error = refusal(post(client, route, model=model), 404)
    assert error["code"] == "model_not_found"


def test_row_32_unknown_models_in_paths(client: httpx.Client) -> None:
    for path in ("nope", "%2e%2e/%2e%2e/etc/passwd", "/etc/passwd", "a%00b"):
        refusal(client.get(f"/v1/models/{path}"), 404)


@pytest.mark.parametrize(
    "name",
    [
        "mm_processor_kwargs",
        "media_io_kwargs",
        "chat_template",
        "guided_decoding_backend",
        "adapters",
        "draft_model",
        "logit_processors",
        "logits_processors",
        "prompt_embeds",
        "kv_transfer_params",
        "vllm_xargs",
        "__class__",
    ],
)
@pytest.mark.parametrize("route", [CHAT, TEXT])
def test_row_33_escape_hatches(client: httpx.Client, route: str, name: str) -> None:
    error = refusal(post(client, route, **{name: {"a": 1}}), 400, name)
    assert error["code"] in ("unknown_parameter", "unsupported_parameter")


@pytest.mark.parametrize("name", sorted(WITHOUT_EFFECT))
@pytest.mark.parametrize("route", [CHAT, TEXT])
def test_row_34_labels_of_odd_shape(client: httpx.Client, route: str, name: str) -> None:
    for odd in (5, ["x"], "x" * 10_000, {"a": {"b": "c"}}, {"k" * 65: "v"}):
        assert str(refusal(post(client, route, **{name: odd}), 400)["param"]).startswith(name)


def test_row_34_too_many_labels(client: httpx.Client) -> None:
    pairs = {f"k{i}": "v" for i in range(17)}
    refusal(post(client, CHAT, metadata=pairs), 400, "metadata")


@pytest.mark.parametrize("route", [CHAT, TEXT])
@pytest.mark.parametrize("name", ["cache_salt", "tenant", "salt", "user", "__class__", "x" * 9999])
def test_row_34_nobody_chooses_a_salt(client: httpx.Client, route: str, name: str) -> None:
    """Only the server makes labels and salts, of keys: a client's own never get to the worker."""
    odd: object
    for odd in ("x", "x" * 10_000, "\u0000", 5, {}, ["x"], "../../etc"):
        answer = post(client, route, pippin={name: odd})
        assert str(refusal(answer, 400)["param"]).startswith("pippin.")
        if name in ("cache_salt", "tenant", "salt"):
            refusal(post(client, route, **{name: odd}), 400, name)


@pytest.mark.parametrize("route", [CHAT, TEXT])
@pytest.mark.parametrize(
    ("name", "odds"),
    [
        ("priority", ("", "Batch", "urgent", 0, True, -1, ["batch"], {"batch": 1}, "x" * 10_000)),
        ("explain_cache", ("true", 1, 0, 1.0, [], {}, "yes")),
    ],
)
def test_row_24_pippins_own_fields(
    client: httpx.Client, route: str, name: str, odds: tuple[object, ...]
) -> None:
    for odd in odds:
        refusal(post(client, route, pippin={name: odd}), 400, f"pippin.{name}")
    for odd in ([], "batch", 1, True, [{}]):
        refusal(post(client, route, pippin=odd), 400, "pippin")
    assert post(client, route, pippin={name: None}).status_code == 200
    assert post(client, route, pippin=None).status_code == 200


@pytest.mark.parametrize("route", [CHAT, TEXT])
@pytest.mark.parametrize("name", ["X-Pippin-Priority", "X-Pippin-Explain-Cache"])
def test_row_24_pippins_own_headers(client: httpx.Client, route: str, name: str) -> None:
    for odd in (b"", b"urgent", b"1", b"true, true", b"batch;q=1", b"\xff\xfe", b"x" * 4000):
        answer = client.post(route, json=MINIMAL[route], headers=[(name.encode(), odd)])
        refusal(answer, 400, name)


def test_row_24_a_header_that_contradicts_itself(client: httpx.Client) -> None:
    both = [("X-Pippin-Priority", "batch"), ("X-Pippin-Priority", "agent")]
    refusal(client.post(CHAT, json=MINIMAL[CHAT], headers=both), 400, "X-Pippin-Priority")


@pytest.mark.parametrize("query", ["modle=demo", "model=demo&model=demo", "all=1", "model=demo&x"])
def test_a_misspelt_query_forgets_nothing(client: httpx.Client, query: str) -> None:
    refusal(client.delete(f"/v1/cache?{query}"), 400, "model")


@pytest.mark.parametrize("model", ["", "../demo", "x" * 10_000, "%00", "DEMO"])
def test_row_32_unknown_models_in_queries(client: httpx.Client, model: str) -> None:
    refusal(client.delete("/v1/cache", params={"model": model}), 404, "model")


@pytest.mark.parametrize(
    "name",
    [
        "tokenize",
        "chat_template",
        "conversation",
        "messages",
        "tools",
        "return_tensors",
        "__init__",
    ],
)
def test_row_36_reserved_template_arguments(client: httpx.Client, name: str) -> None:
    kwargs = {name: True}
    refusal(post(client, CHAT, chat_template_kwargs=kwargs), 400, f"chat_template_kwargs.{name}")


def test_row_36_template_arguments_of_odd_shape(client: httpx.Client) -> None:
    odd: object
    for odd in ([], {"a": 1}, "x" * 1000):
        answer = post(client, CHAT, chat_template_kwargs={"enable_thinking": odd})
        assert str(refusal(answer, 400)["param"]).startswith("chat_template_kwargs")
    refusal(post(client, CHAT, chat_template_kwargs=[]), 400, "chat_template_kwargs")
