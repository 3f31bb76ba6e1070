"""Rows 6 to 8: bodies that are no honest JSON."""

import json

import httpx
import pytest

from tests.hostile.expect import refusal

ROUTES = (
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/tokenize",
    "/v1/detokenize",
    "/v1/internal/token-count",
)
BAD_BODIES = {
    "empty": b"",
    "blank": b"  \r\n ",
    "latin-1": '{"prompt": "é"}'.encode("latin-1"),
    "bom": b'\xef\xbb\xbf{"prompt": "x"}',
    "utf-16": '{"prompt": "x"}'.encode("utf-16"),
    "utf-32": '{"prompt": "x"}'.encode("utf-32-le"),
    "overlong": b'{"prompt": "\xc0\xaf"}',
    "raw surrogate": b'{"prompt": "\xed\xa0\x80"}',
    "cut": b'{"prompt": "x',
    "array": b"[]",
    "string": b'"prompt"',
    "number": b"1",
    "null": b"null",
    "nested arrays": b'{"prompt": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "open arrays": b"[" * 100_000,
    "nested objects": b'{"prompt":' * 90_000 + b"1" + b"}" * 90_000,
    "long integer": b'{"max_tokens": ' + b"9" * 100_000 + b"}",
    "long exponent": b'{"temperature": 1e999}',
    "NaN": b'{"temperature": NaN}',
    "Infinity": b'{"temperature": -Infinity}',
    "duplicate": b'{"prompt": "a", "prompt": "b"}',
    "deep duplicate": b'{"messages": [{"role": "user", "role": "system"}]}',
    "lone surrogate": b'{"prompt": "\\ud800"}',
    "lone surrogate in a name": b'{"\\udfff": 1}',
    "lone surrogate in a list": b'{"stop": ["a", "\\udc00\\ud800"]}',
    "form": b"prompt=x&max_tokens=1",
}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("name", BAD_BODIES)
def test_rows_6_to_8(client: httpx.Client, route: str, name: str) -> None:
    json_type = {"content-type": "application/json"}
    answer = client.post(route, content=BAD_BODIES[name], headers=json_type)
    assert refusal(answer, 400)["code"] == "invalid_json"


@pytest.mark.parametrize("place", ["content", "name", "stop", "user", "stream", "unknown"])
def test_row_8_before_the_first_byte(client: httpx.Client, place: str) -> None:
    """A surrogate is refused with a status, streamed or not, wherever it is."""
    message = {"role": "user", "content": "x"}
    body = {"messages": [message], "stream": True}
    (message if place in ("content", "name") else body)[place] = "\ud800"
    json_type = {"content-type": "application/json"}
    content = json.dumps(body).encode()
    refusal(client.post("/v1/chat/completions", content=content, headers=json_type), 400)


def test_row_7_a_large_honest_body(client: httpx.Client) -> None:
    body = {"messages": [{"role": "user", "content": "x" * 1_000_000}]}
    assert client.post("/v1/chat/completions", json=body).status_code in (200, 400)
