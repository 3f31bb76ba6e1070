"""The gate for shipping a demo model: plainly worded prompts, answered by the real server.

The GGUF demo has the same weights in 8 bits: of each group it is asked a part.
"""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.journeys.server import RunningServer

GATE = json.loads((Path(__file__).parent / "demo_gate.json").read_text(encoding="utf-8"))
AT_ONCE = 16
EVERY = 6
LEAST = 3
Item = dict[str, Any]


async def answer(client: httpx.AsyncClient, item: Item) -> Item:
    """The message that the model answers with."""
    body = {
        "messages": item["messages"],
        "enable_thinking": item.get("enable_thinking", False),
        "max_tokens": 800,
        "temperature": 0,
    }
    if "tools" in item:
        body["tools"] = item["tools"]
    response = await client.post("/v1/chat/completions", json=body)
    message: Item = response.raise_for_status().json()["choices"][0]["message"]
    return message


def calls(message: Item) -> list[Item]:
    functions = [call["function"] for call in message.get("tool_calls", ())]
    return [{**function, "arguments": json.loads(function["arguments"])} for function in functions]


def fits(message: Item, expected: Item) -> bool:
    if expected.get("reasoning") and not message.get("reasoning_content"):
        return False
    if "calls" in expected:
        return bool(calls(message) == expected["calls"])
    if "content_regex" in expected:
        return re.search(expected["content_regex"], message["content"] or "") is not None
    return bool(message["content"] == expected["content"])


@pytest.mark.anyio
@pytest.mark.timeout(600)
@pytest.mark.parametrize("group", GATE["required"])
async def test_the_demo_model_passes_its_gate(
    server: RunningServer, default_model: str, group: str
) -> None:
    items = [item for item in GATE["items"] if item["group"] == group]
    required = GATE["required"][group]
    allowed = len(items) * (1 - required) + 1e-9
    if default_model != "demo":
        items = items[:: min(EVERY, len(items) // LEAST)]
        allowed = float(required < 1)
    turn = asyncio.Semaphore(AT_ONCE)

    async def ask(client: httpx.AsyncClient, item: Item) -> Item:
        async with turn:
            return await answer(client, item)

    async with httpx.AsyncClient(base_url=server.url, timeout=300) as client:
        answers = await asyncio.gather(*(ask(client, item) for item in items))
    wrong = [
        (item["messages"][-1]["content"], message, item["expect"])
        for item, message in zip(items, answers, strict=True)
        if not fits(message, item["expect"])
    ]
    assert len(wrong) <= allowed, f"{group}: {len(wrong)} wrong of {len(items)}: {wrong[:5]}"
