"""Conversations made for what is hard: first calls of new tools, distant facts, repeated words."""

from __future__ import annotations

from random import Random

from .conversations import (
    exchange,
    finished,
    next_chat_skill,
    pasted_text,
    system_prompt,
)
from .dialogue import Conversation, Memory, Message, Skill, assistant, user
from .facts import NO_TOOL
from .skills import calling, copying, knowledge, numbers, remembering, smalltalk
from .toolbox.families import FAMILIES, weather
from .toolbox.invented import invented_tool
from .toolbox.plain import plain_tool
from .toolbox.schema import Tool
from .words import person, sentence

SMALL_TALK: tuple[Skill, ...] = (
    knowledge.capital,
    knowledge.capital,
    numbers.small_sum,
    numbers.small_sum,
    copying.make_list,
    smalltalk.greet,
    numbers.count,
)


def first_calls(rng: Random) -> Conversation:
    """Make up a conversation in which tools are called that were not called before."""
    memory = Memory(toolbox=_toolbox(rng), open_share=0.0)
    messages = system_prompt(rng, memory) if rng.random() < 0.3 else []
    fresh = rng.sample(memory.toolbox, len(memory.toolbox))
    while fresh:
        if rng.random() < 0.22:
            messages += _without_tool(rng, memory)
        messages += _next_call(rng, memory, fresh)
    return finished(rng, messages, memory)


def _toolbox(rng: Random) -> list[Tool]:
    tools: list[Tool] = []
    wanted = rng.choice([1, 2, 2, 3, 3, 4, 4, 5])
    while len(tools) < wanted:
        draw = rng.random()
        if draw < 0.78:
            like = rng.choice(tools) if tools and rng.random() < 0.4 else None
            tool = plain_tool(rng, like)
        elif draw < 0.84:
            tool = invented_tool(rng, 0.4)
        else:
            tool = weather(rng) if draw < 0.95 else rng.choice(FAMILIES)(rng)
        if not any(o.name == tool.name or o.kind == tool.kind != "invented" for o in tools):
            tools.append(tool)
    return tools


def _next_call(rng: Random, memory: Memory, fresh: list[Tool]) -> list[Message]:
    """Call one or two of the tools that were not called yet, and take them off the list."""
    two = len(fresh) > 1 and rng.random() < 0.3
    chosen = [fresh.pop() for _ in range(2 if two else 1)]
    aside = Memory(toolbox=chosen, open_share=0.0)
    skill = calling.call_two_tools if two else _call_or_several
    messages = exchange(rng, aside, skill)
    return messages if rng.random() < 0.3 else messages[:2]


def _call_or_several(rng: Random, memory: Memory) -> list[Message]:
    return calling.call_tool(rng, memory, several=0.5)


def _without_tool(rng: Random, memory: Memory) -> list[Message]:
    """An exchange that needs no tool although there are some."""
    draw = rng.random()
    if draw < 0.2:
        return exchange(rng, memory, smalltalk.errand_without_tool)
    if draw < 0.4:
        words = rng.choice(memory.toolbox).name.replace("_", " ").split()
        text = rng.choice(["{0}", "the {0} is {1}", "{1} the {0}", "{0} and {1}", "no {0} today"])
        said = text.format(words[-1], words[0])
        return [user(f"Say: {said}"), assistant(said, "The user wants me to repeat the text.")]
    if draw < 0.45:
        return _stranger(rng, memory)
    if draw < 0.75:
        return exchange(rng, memory, rng.choice(SMALL_TALK))
    return exchange(rng, memory, next_chat_skill(rng, memory))


def _stranger(rng: Random, memory: Memory) -> list[Message]:
    """Ask for what only a tool could do that is not on offer."""
    tool = plain_tool(rng)
    text = tool.ask(rng, 1).text
    known = [word for each in memory.toolbox for word in each.name.lower().split("_")]
    if any(word in text.lower() for word in known):
        return []
    return [user(text), assistant(NO_TOOL, "I have no tool for that.")]


def distant_facts(rng: Random, words: int) -> Conversation:
    """Tell facts, then much else, and ask for all of them, and for some that were never told."""
    memory = Memory()
    messages = system_prompt(rng, memory) if rng.random() < 0.25 else []
    draw = rng.random()
    if draw < 0.75:
        messages += _told(rng, memory)
    if draw < 0.45:
        messages += _small_talk(rng, words * 7 // 5)
    else:
        if draw > 0.8 and not memory.user_name:
            memory.user_name = person(rng)
        texts = rng.choice([1, 1, 2])
        for _ in range(texts):
            messages += pasted_text(rng, memory, words // texts, _name_in_text(memory, draw))
    messages += _asked_once(rng, memory)
    return finished(rng, messages, memory)


def _asked_once(rng: Random, memory: Memory) -> list[Message]:
    """Ask for every fact once, and for some that were never told."""
    asides = [Memory(facts={fact: value}) for fact, value in memory.facts.items()]
    asides += [Memory(user_name=memory.user_name)] * bool(memory.user_name)
    messages: list[Message] = []
    for aside in rng.sample(asides, len(asides)):
        messages += exchange(rng, aside, remembering.recall)
        if rng.random() < 0.12:
            messages += exchange(rng, memory, remembering.recall_untold)
    return messages or exchange(rng, memory, remembering.recall_untold)


def _told(rng: Random, memory: Memory) -> list[Message]:
    skills: list[Skill] = [remembering.introduce_user, *[remembering.tell_fact] * 4]
    chosen = rng.sample(skills, rng.randint(1, 4))
    return [message for skill in chosen for message in exchange(rng, memory, skill)]


def _name_in_text(memory: Memory, draw: float) -> str:
    return f"My name is {memory.user_name}." if draw > 0.8 else ""


def _small_talk(rng: Random, words: int) -> list[Message]:
    messages: list[Message] = []
    total = 0
    while total < words:
        new = exchange(rng, Memory(), rng.choice(SMALL_TALK))
        total += sum(len(message.content.split()) + 4 for message in new)
        messages += new
    return messages


def repeating(rng: Random) -> Conversation:
    """Repeat texts in which words occur more than once, as they do in real sentences."""
    memory = Memory()
    messages: list[Message] = []
    for _ in range(rng.randint(2, 5)):
        messages += exchange(rng, memory, copying.echo_again)
    if rng.random() < 0.3:
        messages.insert(0, Message("system", sentence(rng)))
    return finished(rng, messages, memory)
