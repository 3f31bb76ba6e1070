"""Requests that need tools, one call or several, and the answers after the results."""

from __future__ import annotations

from random import Random

from ..dialogue import Call, Memory, Message, assistant, calling, tool_result, user
from ..toolbox.families import FAMILIES
from ..toolbox.invented import invented_tool
from ..toolbox.schema import Request, Tool

RESULT_THOUGHT = "I have the result."


def draw_toolbox(rng: Random, novelty: float = 0.1) -> list[Tool]:
    """Draw the tools of a conversation: one to five, with names that differ."""
    tools: list[Tool] = []
    wanted = rng.choice([1, 1, 1, 2, 2, 3, 4])
    while len(tools) < wanted:
        invented = rng.random() < 0.6
        tool = invented_tool(rng, novelty) if invented else rng.choice(FAMILIES)(rng)
        clash = any(
            other.name == tool.name or (other.kind == tool.kind != "invented") for other in tools
        )
        if not clash:
            tools.append(tool)
    return tools


def call_tool(rng: Random, memory: Memory, several: float = 0.4) -> list[Message]:
    """Call one tool, once or several times, and mostly answer after the results."""
    tool = rng.choice(memory.toolbox)
    calls = 1
    if tool.most_calls > 1 and rng.random() < several:
        calls = rng.choice([2, 2, 2, tool.most_calls])
    request = tool.ask(rng, calls)
    named = [Call(tool.name, each) for each in request.arguments]
    return _finish(rng, memory, request.text, named, [request])


def call_two_tools(rng: Random, memory: Memory) -> list[Message]:
    """Ask for two different things in one message."""
    if len(memory.toolbox) < 2:
        return []
    chosen = rng.sample(memory.toolbox, 2)
    requests = [tool.ask(rng, 1) for tool in chosen]
    first, second = (request.text for request in requests)
    lowered = second[0].lower() + second[1:]
    text = rng.choice(
        [
            f"{first} {second}",
            f"{first} {second}",
            f"{first.rstrip('.?')} and {lowered}",
            f"{first} Also {lowered}",
            f"{first} Then {lowered}",
        ]
    )
    named = [
        Call(tool.name, request.arguments[0])
        for tool, request in zip(chosen, requests, strict=True)
    ]
    return _finish(rng, memory, text, named, requests)


def _finish(
    rng: Random, memory: Memory, text: str, calls: list[Call], requests: list[Request]
) -> list[Message]:
    exchange = [user(text), calling(calls)]
    if rng.random() < memory.open_share:
        memory.finished = True
        return exchange
    results = [result for request in requests for result in request.results]
    answer = " ".join(request.answer for request in requests)
    exchange += [tool_result(result) for result in results]
    return [*exchange, assistant(answer, RESULT_THOUGHT)]
