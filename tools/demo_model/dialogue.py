"""Messages, conversations, and what a conversation remembers while it is being made up."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any


@dataclass(frozen=True)
class Call:
    """One call of a tool."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Message:
    """One message; ``reasoning`` is shown only where the conversation thinks aloud."""

    role: str
    content: str
    reasoning: str = ""
    calls: tuple[Call, ...] = ()


def user(content: str) -> Message:
    """Return a message of the user."""
    return Message("user", content)


def assistant(content: str, reasoning: str) -> Message:
    """Return an answer, and the thought that leads to it."""
    return Message("assistant", content, reasoning)


def calling(calls: Sequence[Call]) -> Message:
    """Return an answer that consists of tool calls."""
    names = " and ".join(dict.fromkeys(call.name for call in calls))
    often = f" {len(calls)} times" if len(calls) > 1 and " and " not in names else ""
    return Message("assistant", "", f"I should call {names}{often}.", tuple(calls))


def tool_result(content: str) -> Message:
    """Return the result of a tool call."""
    return Message("tool", content)


@dataclass
class Memory:
    """What was said so far, as far as later exchanges depend on it.

    ``open_share`` is how often a conversation ends with tool calls, before their results.
    """

    user_name: str = ""
    assistant_name: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    toolbox: list[Any] = field(default_factory=list)
    open_share: float = 0.3
    finished: bool = False


@dataclass(frozen=True)
class Conversation:
    """Messages, the tools on offer, and which messages think aloud."""

    messages: tuple[Message, ...]
    tools: tuple[dict[str, Any], ...] = ()
    thinking: frozenset[int] = frozenset()

    def as_openai(self) -> list[dict[str, Any]]:
        """Return the messages in the form that chat templates and servers take."""
        return [
            openai_message(message, index in self.thinking)
            for index, message in enumerate(self.messages)
        ]


def openai_message(message: Message, thinks: bool) -> dict[str, Any]:
    """Return one message as a chat completion request has it."""
    plain: dict[str, Any] = {"role": message.role, "content": message.content}
    if thinks:
        plain["reasoning_content"] = message.reasoning
    if message.calls:
        plain["tool_calls"] = [
            {"type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.calls
        ]
    return plain


Skill = Callable[[Random, Memory], list[Message]]
"""Makes up one exchange, or a few that belong together; an empty list means: not now."""


def is_held_out(text: str) -> bool:
    """Tell whether a user's text is kept for evaluation and never trained on."""
    return zlib.crc32(text.encode()) % 10 == 0


def touches_held_out(messages: Sequence[Message]) -> bool:
    """Tell whether any text of the user is held out."""
    return any(is_held_out(m.content) for m in messages if m.role == "user")
