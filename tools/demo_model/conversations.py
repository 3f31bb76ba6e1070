"""Whole conversations: a system prompt, tools or none, and several exchanges."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from .dialogue import Conversation, Memory, Message, Skill, assistant, touches_held_out, user
from .skills import calling, copying, knowledge, numbers, remembering, smalltalk
from .skills.remembering import draw_fact, stated_by_user
from .texts import choices_of
from .words import invented, paragraph, person, plain_phrase, sentence, word

CHAT_SKILLS: dict[Skill, float] = {
    smalltalk.greet: 1.2,
    smalltalk.introduce: 0.8,
    smalltalk.tell_story: 0.5,
    smalltalk.puzzle: 1.0,
    smalltalk.errand_without_tool: 0.4,
    smalltalk.read_text: 0.4,
    knowledge.capital: 2.6,
    knowledge.colour: 1.0,
    knowledge.calendar: 1.2,
    knowledge.opposite: 0.5,
    numbers.small_sum: 3.4,
    numbers.count: 1.3,
    numbers.count_back: 0.3,
    copying.echo: 3.0,
    copying.make_list: 2.0,
    copying.write_json: 1.6,
    remembering.introduce_user: 0.9,
    remembering.tell_fact: 1.0,
    remembering.recall: 0.8,
}
CLOSED_SKILLS: frozenset[Skill] = frozenset(
    (
        smalltalk.greet,
        smalltalk.introduce,
        knowledge.capital,
        knowledge.colour,
        knowledge.calendar,
        knowledge.opposite,
        numbers.small_sum,
        numbers.count,
        numbers.count_far,
        numbers.count_back,
        copying.make_list,
    )
)
"""Skills whose plain wordings are few and are all trained on: nothing of them is held out."""

SYSTEM_PROMPTS = choices_of(
    "You are a helpful assistant.|You are a helpful assistant.|You are a tiny demo model."
    "|Be brief.|Answer the question.|You are a friendly assistant.|You are a helpful AI assistant."
    "|Answer shortly and precisely.||You are an expert.|You are a coding agent."
)
RULE_LEADS = choices_of(
    "Always|Never|You should|Do not|Please|You must|Remember to|If possible|When asked|Try to"
)
FACT_LEADS = ["", "", "Note: ", "Important: ", "Remember: ", "Info: "]


def exchange(rng: Random, memory: Memory, skill: Skill) -> list[Message]:
    """Make up an exchange of a skill that contains nothing held out."""
    for _ in range(50):
        messages = skill(rng, memory)
        if messages and (skill in CLOSED_SKILLS or not touches_held_out(messages)):
            return messages
    return []


def chat(rng: Random, most_exchanges: int = 4) -> Conversation:
    """Make up a conversation without tools."""
    memory = Memory()
    messages = system_prompt(rng, memory)
    for _ in range(rng.randint(1, most_exchanges)):
        messages += exchange(rng, memory, next_chat_skill(rng, memory))
    return finished(rng, messages, memory) if _answered(messages) else chat(rng, most_exchanges)


def chat_with_tools(
    rng: Random, most_exchanges: int = 3, novelty: float = 0.1, open_share: float = 0.3
) -> Conversation:
    """Make up a conversation with tools on offer, which not every request needs.

    ``novelty`` is the share of unheard-of names in tools that are not of everyday life.
    """
    memory = Memory(toolbox=calling.draw_toolbox(rng, novelty), open_share=open_share)
    messages = system_prompt(rng, memory)
    for _ in range(rng.randint(1, most_exchanges)):
        if memory.finished:
            break
        messages += exchange(rng, memory, next_tool_skill(rng, memory))
    if _answered(messages):
        return finished(rng, messages, memory)
    return chat_with_tools(rng, most_exchanges, novelty, open_share)


def next_chat_skill(rng: Random, memory: Memory) -> Skill:
    """Choose what the user does next."""
    if (memory.user_name or memory.facts) and rng.random() < 0.35:
        return remembering.recall
    return rng.choices(list(CHAT_SKILLS), list(CHAT_SKILLS.values()))[0]


def next_tool_skill(rng: Random, memory: Memory) -> Skill:
    """Choose what the user does next where there are tools."""
    draw = rng.random()
    if draw < 0.62:
        return calling.call_tool
    if draw < 0.72:
        return calling.call_two_tools
    if draw < 0.78:
        return smalltalk.errand_without_tool
    if any(tool.kind in ("search", "message", "translate") for tool in memory.toolbox):
        return rng.choice([smalltalk.greet, knowledge.capital, numbers.small_sum])
    return next_chat_skill(rng, memory)


def system_prompt(rng: Random, memory: Memory) -> list[Message]:
    """Return a system prompt, or none; it may name the assistant or state a fact."""
    draw = rng.random()
    if draw < 0.5:
        return []
    if draw < 0.75:
        return [Message("system", rng.choice(SYSTEM_PROMPTS))]
    text = "" if draw < 0.85 else f"{sentence(rng)} "
    if rng.random() < 0.6:
        text += _naming(rng, memory)
    else:
        text += _stating(rng, memory)
    return [Message("system", text)]


def _naming(rng: Random, memory: Memory) -> str:
    name = memory.assistant_name = person(rng)
    wordings = ["Your name is {}.", "You are {}, a helpful assistant.", "You are called {}."]
    return rng.choice(wordings).format(name)


def _stating(rng: Random, memory: Memory) -> str:
    if rng.random() < 0.3:
        memory.user_name = person(rng)
        return f"The user is called {memory.user_name}."
    fact, value = draw_fact(rng)
    fact = fact.replace("your ", "the ")
    memory.facts[fact] = value
    stated = f"{fact} is {value}."
    return stated[0].upper() + stated[1:]


def finished(rng: Random, messages: Sequence[Message], memory: Memory) -> Conversation:
    """Choose which answers think aloud, and freeze the conversation."""
    share = rng.choice([0.0, 0.0, 0.0, 0.15, 0.5, 1.0])
    answers = [i for i, message in enumerate(messages) if message.role == "assistant"]
    thinking = frozenset(i for i in answers if rng.random() < share)
    tools = tuple({"type": "function", "function": tool.function} for tool in memory.toolbox)
    return Conversation(tuple(messages), tools, thinking)


def long_conversation(rng: Random, words: int) -> Conversation:
    """Make up a conversation of about so many words, whose facts are recalled far apart."""
    while not _answered((conversation := _any_long_conversation(rng, words)).messages):
        continue
    return conversation


def _any_long_conversation(rng: Random, words: int) -> Conversation:
    draw = rng.random()
    if draw < 0.3:
        return _many_exchanges(rng, words)
    if draw < 0.62:
        return _long_text(rng, words)
    if draw < 0.8:
        return _long_instructions(rng, words)
    return _counting_far(rng)


def _many_exchanges(rng: Random, words: int) -> Conversation:
    with_tools = rng.random() < 0.3
    memory = Memory(toolbox=calling.draw_toolbox(rng) if with_tools else [])
    messages = system_prompt(rng, memory)
    for skill in (remembering.introduce_user, remembering.tell_fact, remembering.tell_fact):
        if rng.random() < 0.75:
            messages += exchange(rng, memory, skill)
    while _words_in(messages) < words:
        if with_tools and rng.random() < 0.5:
            messages += exchange(rng, memory, calling.call_tool)
            if memory.finished:
                return finished(rng, messages, memory)
        elif rng.random() < 0.1:
            messages += _recalling(rng, memory)
        else:
            chosen = next_chat_skill(rng, memory)
            messages += [] if chosen is remembering.recall else exchange(rng, memory, chosen)
    messages += _recalling(rng, memory) + _recalling(rng, memory)
    return finished(rng, messages, memory)


def _long_text(rng: Random, words: int) -> Conversation:
    """Facts before or inside one or more long pasted texts, then questions about them."""
    memory = Memory()
    messages = system_prompt(rng, memory)
    if rng.random() < 0.6:
        messages += exchange(rng, memory, remembering.introduce_user)
    if rng.random() < 0.5:
        messages += exchange(rng, memory, remembering.tell_fact)
    texts = rng.choice([1, 1, 2, 3])
    for _ in range(texts):
        messages += pasted_text(rng, memory, words // texts)
        if rng.random() < 0.3:
            messages += exchange(rng, memory, next_chat_skill(rng, Memory()))
    for _ in range(rng.randint(2, 4)):
        messages += _recalling(rng, memory)
    messages += exchange(rng, memory, next_chat_skill(rng, memory))
    return finished(rng, messages, memory)


def pasted_text(rng: Random, memory: Memory, words: int, told: str = "") -> list[Message]:
    """Read a text of about so many words that may state facts, and ``told`` near its beginning."""
    sentences = _filler(rng, words)
    if told:
        sentences.insert(min(rng.randint(0, 8), len(sentences)), told)
    for _ in range(rng.choice([0, 1, 1, 2])):
        fact, value = draw_fact(rng)
        if fact not in memory.facts:
            memory.facts[fact] = value
            stated = rng.choice(FACT_LEADS) + stated_by_user(fact, value, rng)
            sentences.insert(rng.randint(0, len(sentences)), stated)
    separator = rng.choice([" ", " ", "\n", "\n\n"])
    lead = rng.choice(["Here is a text: ", "Read this text: ", "Please read this:\n\n", "Note:\n"])
    thought = "The user gives me a text."
    return [user(lead + separator.join(sentences)), assistant("I have read the text.", thought)]


def _filler(rng: Random, words: int) -> list[str]:
    """Return sentences of about so many words; some texts repeat one sentence."""
    if rng.random() < 0.2:
        repeated = sentence(rng)
        return [repeated] * max(1, words // len(repeated.split()))
    sentences: list[str] = []
    total = 0
    while total < words:
        sentences.append(sentence(rng))
        total += len(sentences[-1].split())
    return sentences


def _long_instructions(rng: Random, words: int) -> Conversation:
    """A long system prompt such as agents send, then ordinary exchanges."""
    with_tools = rng.random() < 0.5
    memory = Memory(toolbox=calling.draw_toolbox(rng) if with_tools else [])
    lines = ["You are an agent.", f"# {plain_phrase(rng, 1, 3).title()}"]
    total = 0
    while total < words:
        lines.append(_instruction(rng))
        total += len(lines[-1].split())
    if rng.random() < 0.4:
        lines.insert(rng.randint(1, len(lines)), _naming(rng, memory))
    if rng.random() < 0.5:
        lines.insert(rng.randint(1, len(lines)), _stating(rng, memory))
    messages = [Message("system", "\n".join(lines))]
    for _ in range(rng.randint(2, 5)):
        if memory.finished:
            break
        choose = next_tool_skill if with_tools else next_chat_skill
        messages += exchange(rng, memory, choose(rng, memory))
    return finished(rng, messages, memory)


def _instruction(rng: Random) -> str:
    draw = rng.random()
    if draw < 0.5:
        return f"- {rng.choice(RULE_LEADS)} {sentence(rng).lower()}"
    if draw < 0.6:
        return f"\n## {word(rng).capitalize()} {invented(rng)}\n"
    if draw < 0.7:
        return f"```\n{word(rng)} --{word(rng)} {invented(rng)}\n```"
    return paragraph(rng, rng.randint(1, 3))


def _counting_far(rng: Random) -> Conversation:
    memory = Memory()
    messages = system_prompt(rng, memory)
    messages += exchange(rng, memory, next_chat_skill(rng, memory)) if rng.random() < 0.4 else []
    skill = smalltalk.tell_long_story if rng.random() < 0.25 else numbers.count_far
    messages += exchange(rng, memory, skill)
    return finished(rng, messages, memory)


def _recalling(rng: Random, memory: Memory) -> list[Message]:
    return exchange(rng, memory, remembering.recall)


def _words_in(messages: Sequence[Message]) -> int:
    return sum(len(message.content.split()) + 12 for message in messages)


def _answered(messages: Sequence[Message]) -> bool:
    return any(message.role == "assistant" for message in messages)
