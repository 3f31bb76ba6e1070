"""What a model may call, and what it called."""

from typing import Any, Literal

import msgspec

MAX_TOOLS = 256


class Tool(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A function that a client offers."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] = {}
    """The JSON schema of its arguments, an object's; empty: it takes any object."""
    strict: bool | None = None


class ToolCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call in a conversation's history."""

    id: str
    name: str
    arguments: str
    """As the client sent them: JSON text, mostly."""


class ToolUse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an answer may use the tools of its prompt."""

    mode: Literal["auto", "required"] = "auto"
    """``required``: it consists of calls."""
    only: str | None = None
    """The one tool that may be called."""
    parallel: bool = True
    """Whether an answer may have more than one call."""
