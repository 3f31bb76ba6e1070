"""What is asked of a model, in meaning and not in any protocol's words.

A request that exists has passed the door's checks of types, ranges and sizes. What only the
tokenizer can know (length in tokens) is checked by the worker before any work starts.
"""

from typing import Any, Literal

import msgspec

from pippin.core.constraint import Constraint
from pippin.core.sampling import Sampling
from pippin.core.tools import Tool, ToolCall, ToolUse

Role = Literal["system", "developer", "user", "assistant", "tool"]
Priority = Literal["interactive", "agent", "batch"]
"""Who waits for an answer: a person, a program that a person watches, or nobody yet."""


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One turn of a conversation. Text parts are already joined."""

    role: Role
    content: str
    name: str | None = None
    reasoning: str | None = None
    """What the assistant thought before it said ``content``; a template may show it or not."""
    tool_calls: tuple[ToolCall, ...] = ()
    """Of the assistant's, after ``content``."""
    tool_call_id: str | None = None
    """Which call a tool's message answers."""


class ChatPrompt(msgspec.Struct, frozen=True, kw_only=True, tag="chat", omit_defaults=True):
    """A conversation, rendered by the model's own chat template.

    A final assistant message is continued, not answered.
    """

    messages: tuple[Message, ...]
    template_kwargs: dict[str, Any] = {}
    tools: tuple[Tool, ...] = ()
    """Shown to the model."""


class TextPrompt(msgspec.Struct, frozen=True, kw_only=True, tag="text"):
    """Raw text. Special tokens written in it count as such: its author owns the whole prompt."""

    text: str


class TokenPrompt(msgspec.Struct, frozen=True, kw_only=True, tag="tokens"):
    """Token ids, used as they are."""

    tokens: tuple[int, ...]


Prompt = ChatPrompt | TextPrompt | TokenPrompt


class GenerationRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One prompt and how it is to be answered.

    The prompt is prefilled once; its cache is forked for ``choices`` lanes.
    """

    prompt: Prompt
    sampling: Sampling = Sampling()
    choices: int = 1
    max_tokens: int | None = None
    """Upper bound of generated tokens per choice; ``None`` or more than fits: what is left of
    the context. 0 is allowed with ``echo``: score the prompt, generate nothing."""
    min_tokens: int = 0
    """No end of text and no stop before this many tokens."""
    stop: tuple[str, ...] = ()
    """Texts that end the answer and are not part of it, however they are tokenised."""
    ignore_eos: bool = False
    logprobs: int | None = None
    """``None``: not asked for. k: the chosen token's log-probability and the k best ones."""
    echo: bool = False
    """Deliver the prompt's text (and its log-probabilities, if asked for) first."""
    score: bool = False
    """Report each choice's summed log-probability when it finishes (for ``best_of``)."""
    constraint: Constraint | None = None
    """The form of the answer's text, once it has thought; calls are apart from it."""
    tool_use: ToolUse | None = None
    """How the answer may call the prompt's tools; ``None``: it has none, or may not."""
    thinking_budget: int | None = None
    """Tokens after which thinking is ended by force; ``None``: no bound but ``max_tokens``."""
    adapter: str | None = None
    """The LoRA adapter, by name; ``None``: the model's default one, empty: none."""
    priority: Priority = "interactive"
    tenant: str = ""
    """An opaque label of whoever asks; work is shared out fairly between labels."""
    cache_salt: str = ""
    """Prompts are remembered per salt: equal prompts of unlike salts know nothing of each other."""
    explain_cache: bool = False
    """Say with ``Started`` what of the prompt was remembered, and why not more."""
