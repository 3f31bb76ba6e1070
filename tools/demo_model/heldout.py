"""Held-out items: the same kinds of conversations as in training, with texts never trained on.

They come from the same generator, so they measure how well the skills were learnt, not how the
model does with other people's wordings; that is what the gate is for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from .conversations import CHAT_SKILLS, CLOSED_SKILLS, exchange, next_chat_skill
from .dialogue import Conversation, Memory, Message, Skill, is_held_out
from .gate.items import Item
from .skills import calling, remembering, smalltalk

Attempt = Callable[[Random], tuple[Sequence[Message], Memory]]


def heldout_items(per_group: int, seed: int = 99) -> list[Item]:
    """Return so many items of every kind."""
    rng = Random(seed)
    attempts: dict[str, Attempt] = {
        skill.__name__.replace("_", " "): _single(skill)
        for skill in CHAT_SKILLS
        if skill not in CLOSED_SKILLS and skill is not remembering.recall
    }
    attempts |= {
        "recall after others": _recall,
        "invented tool": _tool("invented", 1),
        "familiar tool": _tool("", 1),
        "same tool twice": _tool("any", 2),
        "two tools": _two_tools,
        "answer after result": _result,
        "errand without tool": _errand,
    }
    return [
        item for name, attempt in attempts.items() for item in _draw(rng, name, attempt, per_group)
    ]


def _draw(rng: Random, name: str, attempt: Attempt, wanted: int) -> list[Item]:
    items: list[Item] = []
    while len(items) < wanted:
        messages, memory = attempt(rng)
        if messages and messages[-1].role == "assistant":
            items.append(_item(name, messages, memory))
    return items


def _item(name: str, messages: Sequence[Message], memory: Memory) -> Item:
    tools = tuple({"type": "function", "function": tool.function} for tool in memory.toolbox)
    answer = messages[-1]
    asked = Conversation(tuple(messages[:-1]), tools).as_openai()
    item: Item = {"group": name, "messages": asked}
    if tools:
        item["tools"] = list(tools)
    named = [{"name": call.name, "arguments": call.arguments} for call in answer.calls]
    item["expect"] = {"calls": named} if named else {"content": answer.content}
    return item


def _first_answer(messages: Sequence[Message]) -> Sequence[Message]:
    """Return the exchange up to its first answer, if its question is held out."""
    kept = messages[:2]
    return kept if kept and is_held_out(kept[0].content) else []


def _single(skill: Skill) -> Attempt:
    def attempt(rng: Random) -> tuple[Sequence[Message], Memory]:
        memory = Memory()
        return _first_answer(skill(rng, memory)), memory

    return attempt


def _recall(rng: Random) -> tuple[Sequence[Message], Memory]:
    memory = Memory()
    told = rng.choice([remembering.introduce_user, remembering.tell_fact])(rng, memory)
    if not is_held_out(told[0].content):
        return [], memory
    between = exchange(rng, Memory(), next_chat_skill(rng, Memory()))
    return [*told, *between, *remembering.recall(rng, memory)], memory


def _tool(kind: str, calls: int) -> Attempt:
    def attempt(rng: Random) -> tuple[Sequence[Message], Memory]:
        memory = Memory(toolbox=calling.draw_toolbox(rng))
        messages = _first_answer(calling.call_tool(rng, memory))
        if not messages or (len(messages[1].calls) > 1) != (calls > 1):
            return [], memory
        called = next(t for t in memory.toolbox if t.name == messages[1].calls[0].name)
        fits = kind == "any" or (called.kind == "invented") == (kind == "invented")
        return (messages if fits else []), memory

    return attempt


def _two_tools(rng: Random) -> tuple[Sequence[Message], Memory]:
    memory = Memory(toolbox=calling.draw_toolbox(rng))
    return _first_answer(calling.call_two_tools(rng, memory)), memory


def _result(rng: Random) -> tuple[Sequence[Message], Memory]:
    memory = Memory(toolbox=calling.draw_toolbox(rng))
    messages = calling.call_tool(rng, memory)
    return (messages if is_held_out(messages[0].content) and len(messages) > 2 else []), memory


def _errand(rng: Random) -> tuple[Sequence[Message], Memory]:
    memory = Memory(toolbox=calling.draw_toolbox(rng))
    return _first_answer(smalltalk.errand_without_tool(rng, memory)), memory
