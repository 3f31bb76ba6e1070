"""The gate for shipping a demo model: plainly worded prompts, answered by the real server.

Conversations without tools go through chat completions. Tools are not served yet, so prompts
with tools are rendered here by the model's own template and sent as raw text; Hermes calls are
read from the answer.
"""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx
import jinja2
import pytest

from pippin import demo
from tests.journeys.server import RunningServer

GATE = json.loads((Path(__file__).parent / "demo_gate.json").read_text(encoding="utf-8"))
TEMPLATE = (demo.MODELS["demo"] / "chat_template.jinja").read_text(encoding="utf-8")
CALL = re.compile(r"<tool_call>\n(.*?)\n</tool_call>", re.DOTALL)
THOUGHT = re.compile(r"<think>\n.+?\n</think>\n\n", re.DOTALL)
AT_ONCE = 16
Item = dict[str, Any]


def rendered(item: Item) -> str:
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, autoescape=False)
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    return environment.from_string(TEMPLATE).render(
        messages=item["messages"],
        tools=item["tools"],
        add_generation_prompt=True,
        enable_thinking=item.get("enable_thinking", False),
    )


async def answer(client: httpx.AsyncClient, item: Item) -> str:
    if "tools" in item:
        body = {"prompt": rendered(item), "max_tokens": 400, "temperature": 0}
        response = await client.post("/v1/completions", json=body)
        return str(response.raise_for_status().json()["choices"][0]["text"])
    thinking = {"enable_thinking": item.get("enable_thinking", False)}
    body = {"messages": item["messages"], "max_tokens": 800, "chat_template_kwargs": thinking}
    response = await client.post("/v1/chat/completions", json=body)
    return str(response.raise_for_status().json()["choices"][0]["message"]["content"])


def calls(text: str) -> list[Any] | None:
    """The tool calls of an answer; ``None`` if one of them is no JSON."""
    try:
        return [json.loads(call) for call in CALL.findall(text)]
    except ValueError:
        return None


def fits(text: str, expected: Item) -> bool:
    if "reasoning" in expected or "calls" in expected:
        thought = THOUGHT.match(text)
        if expected.get("reasoning") and not thought:
            return False
        text = text[thought.end() :] if thought else text
    if "calls" in expected:
        return bool(calls(text) == expected["calls"])
    if "content_regex" in expected:
        return re.search(expected["content_regex"], text) is not None
    return bool(text == expected["content"])


@pytest.mark.anyio
@pytest.mark.timeout(600)
@pytest.mark.parametrize("group", GATE["required"])
async def test_the_demo_model_passes_its_gate(server: RunningServer, group: str) -> None:
    items = [item for item in GATE["items"] if item["group"] == group]
    turn = asyncio.Semaphore(AT_ONCE)

    async def ask(client: httpx.AsyncClient, item: Item) -> str:
        async with turn:
            return await answer(client, item)

    async with httpx.AsyncClient(base_url=server.url, timeout=300) as client:
        answers = await asyncio.gather(*(ask(client, item) for item in items))
    wrong = [
        (item["messages"][-1]["content"], text, item["expect"])
        for item, text in zip(items, answers, strict=True)
        if not fits(text, item["expect"])
    ]
    share = 1 - len(wrong) / len(items)
    required = GATE["required"][group]
    assert share >= required, f"{group}: {share:.0%} right, {required:.0%} needed: {wrong[:5]}"
