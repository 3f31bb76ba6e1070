"""Writing the gate down, so that it stays fixed when the generator changes."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

from tokenizers import Tokenizer

from ..conversations import chat_with_tools
from ..drills import first_calls
from ..render import template
from ..tokenizer import encode
from .chat_items import chat_items
from .items import Item
from .requests import JOINED_REQUESTS, UNSEEN_REQUESTS
from .tool_items import tool_items
from .tools import UNSEEN

REQUIRED_SHARES: dict[str, float] = {
    "capital": 1.0,
    "sum": 1.0,
    "list": 1.0,
    "say": 1.0,
    "greeting": 0.95,
    "follow-up": 0.95,
    "fact": 0.95,
    "count": 0.9,
    "story": 0.9,
    "unknown": 0.9,
    "json": 0.9,
    "thinking": 0.95,
    "recall": 0.95,
    "recall-1500": 0.9,
    "recall-2500": 0.9,
    "long-system": 0.9,
    "tool-sample": 0.95,
    "tool-unseen": 0.95,
    "tool-parallel": 0.9,
    "tool-or-not": 0.95,
    "tool-result": 0.95,
}


def build_gate(tokenizer: Tokenizer) -> dict[str, Any]:
    """Return the gate, after checking that it asks what it says it asks."""
    items = [*chat_items(), *tool_items()]
    _check_distances(items, tokenizer)
    _check_unseen()
    counts = {group: sum(item["group"] == group for item in items) for group in REQUIRED_SHARES}
    return {
        "about": "Plainly worded prompts with known answers, greedy decoding. "
        "required: the share of each group that a demo model must pass to be shipped.",
        "required": REQUIRED_SHARES,
        "counts": counts,
        "items": items,
    }


def write_gate(tokenizer: Tokenizer, file: Path) -> int:
    """Write the gate; return how many items it has."""
    gate = build_gate(tokenizer)
    head = json.dumps({**gate, "items": []}, indent=2, ensure_ascii=False)
    lines = ",\n".join(f"    {json.dumps(item, ensure_ascii=False)}" for item in gate["items"])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(head.replace('"items": []', f'"items": [\n{lines}\n  ]') + "\n")
    return len(gate["items"])


def _check_distances(items: list[Item], tokenizer: Tokenizer) -> None:
    """Compare the number in a group's name with the tokens between a fact and its question."""
    for item in items:
        if not item["group"].startswith("recall-"):
            continue
        named = int(item["group"].removeprefix("recall-"))
        first, *rest = item["messages"]
        told_inside = first["content"].startswith("Here is a text")
        between = [first, *rest[:-1]] if told_inside else rest[1:-1]
        if len(encode(tokenizer, template().render(messages=between))) < named:
            raise AssertionError("a fact to recall is not far enough away")


def _check_unseen(conversations: int = 5000) -> None:
    rng = Random(0)
    requests = {request for request, _, _ in UNSEEN_REQUESTS} | {row[0] for row in JOINED_REQUESTS}
    for index in range(conversations):
        conversation = (chat_with_tools, first_calls)[index % 2](rng)
        for tool in conversation.tools:
            if tool["function"]["name"] in UNSEEN:
                raise AssertionError(f"training has the tool {tool['function']['name']}")
        for message in conversation.messages:
            if message.content in requests:
                raise AssertionError(f"training has the request {message.content}")
