"""Requests for forms, and what becomes of bad ones."""

from typing import Any

import httpx

from tests.hostile.expect import refusal

CHAT = "/v1/chat/completions"
TEXT = "/v1/completions"
USER = {"role": "user", "content": "hello"}
BOUND_S = 20.0
"""Most that any refusal may take on a machine that does other work too: a deadline, no speed."""


def ask(client: httpx.Client, **fields: Any) -> httpx.Response:
    body = {"messages": [USER], "max_tokens": 12} | fields
    return client.post(CHAT, json=body, timeout=BOUND_S)


def refused(client: httpx.Client, param: str, **fields: Any) -> dict[str, Any]:
    """In chat and as raw text, streamed and not."""
    for stream in (False, True):
        error = refusal(ask(client, stream=stream, **fields), 400)
        assert str(error["param"]).startswith(param), error
    body = {"prompt": "hello", "max_tokens": 12} | fields
    if "tools" not in fields:
        refusal(client.post(TEXT, json=body, timeout=BOUND_S), 400)
    return error


def refused_or_served(client: httpx.Client, param: str, **fields: Any) -> str | None:
    """The text of an answer, or ``None`` where the form is refused by name."""
    answer = ask(client, **fields)
    if answer.status_code == 200:
        return str(answer.json()["choices"][0]["message"]["content"])
    assert str(refusal(answer, 400)["param"]).startswith(param)
    return None


def as_tool(parameters: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "f", "parameters": parameters}}
