"""An answer asked for twice, whole and streamed: two ways to hear the same.

Of an MLX model they are the same to the bit. What llama.cpp computes depends, in its rounding, on
who shares a pass and on what was remembered of the prompt: where two tokens are about as likely,
the same question may be answered otherwise the next time. So each answer of a GGUF model is judged
by itself (``WithoutEquals``).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import openai
import pytest
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion, ChatCompletionChunk

MODEL = "demo"
TRIES = 20


class WithoutEquals(openai.OpenAI):
    """A client of a model that may answer the same question otherwise the next time."""


@dataclass
class Call:
    """A call as it comes in pieces."""

    id: str
    name: str
    pieces: list[str] = field(default_factory=list)

    @property
    def arguments(self) -> str:
        return "".join(self.pieces)


@dataclass
class Streamed:
    """One choice of a stream, put together as a client does it."""

    content: str = ""
    reasoning: str = ""
    reasoning_content: str = ""
    calls: list[Call] = field(default_factory=list)
    finish_reason: str | None = None
    usage: CompletionUsage | None = None
    logprobs: list[Any] = field(default_factory=list)

    def add(self, choice: Any) -> None:
        delta = choice.delta
        assert self.finish_reason is None, "something came after the end"
        self.content += delta.content or ""
        self.reasoning += getattr(delta, "reasoning", None) or ""
        self.reasoning_content += getattr(delta, "reasoning_content", None) or ""
        for piece in delta.tool_calls or []:
            self._add_piece(piece)
        if choice.logprobs:
            self.logprobs += choice.logprobs.content
        self.finish_reason = choice.finish_reason

    def _add_piece(self, piece: Any) -> None:
        """Id and name come first and once, then pieces of the arguments, call by call."""
        if piece.id is not None:
            assert piece.index == len(self.calls)
            assert piece.type == "function"
            assert piece.function.name
            assert piece.function.arguments == ""
            self.calls.append(Call(piece.id, piece.function.name))
            return
        assert piece.index == len(self.calls) - 1
        assert (piece.type, piece.function.name) == (None, None)
        assert piece.function.arguments
        self.calls[-1].pieces.append(piece.function.arguments)


def user(content: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": content}]


def whole(client: openai.OpenAI, content: str, **fields: Any) -> ChatCompletion:
    """The answer of the demo model, in one piece."""
    ask: dict[str, Any] = {"model": MODEL, "messages": user(content), "temperature": 0} | fields
    answer = client.chat.completions.create(**ask)
    assert isinstance(answer, ChatCompletion)
    return answer


def streamed(client: openai.OpenAI, content: str, **fields: Any) -> list[Streamed]:
    """The same of a stream, by choice."""
    asked: dict[str, Any] = {"model": MODEL, "messages": user(content), "temperature": 0} | fields
    stream = client.chat.completions.create(
        **asked, stream=True, stream_options={"include_usage": True}
    )
    choices: dict[int, Streamed] = {}
    usage: CompletionUsage | None = None
    for chunk in stream:
        assert isinstance(chunk, ChatCompletionChunk)
        assert usage is None, "something came after the usage"
        usage = chunk.usage
        for choice in chunk.choices:
            choices.setdefault(choice.index, Streamed()).add(choice)
    for each in choices.values():
        each.usage = usage
    return [choices[index] for index in sorted(choices)]


def assert_in_pieces(attempt: Callable[[], int], least: int) -> None:
    """That of some streams of the same answer one comes in so many pieces. A model that is faster
    than its reader, or than a busy machine, is read in fewer: that is no fault."""
    most = 0
    for _ in range(TRIES):
        most = max(most, attempt())
        if most >= least:
            return
    pytest.fail(f"never in more than {most} pieces")


def both(client: openai.OpenAI, content: str, **fields: Any) -> ChatCompletion:
    """The whole answer, which a streamed one has to equal in all but its ids.

    Where answers have no equals: the streamed one, put together, for its asker to judge.
    """
    pieces = streamed(client, content, **fields)
    if isinstance(client, WithoutEquals):
        return _put_together(pieces)
    answer = whole(client, content, **fields)
    assert [told(choice) for choice in answer.choices] == [heard(choice) for choice in pieces]
    assert _generated(answer.usage) == _generated(pieces[0].usage)
    return answer


def assert_alike(
    client: openai.OpenAI, one: dict[str, object], other: dict[str, object], *, but: str = ""
) -> None:
    """Of two comparable choices, but for one thing: the same; or, where answers have no equals,
    ended for the same reason and made of the same parts."""
    if isinstance(client, WithoutEquals):
        one, other = ({**each, **_parts(each)} for each in (one, other))
    assert {**one, but: None} == {**other, but: None}


def _parts(choice: dict[str, object]) -> dict[str, object]:
    """Which there are."""
    return {part: bool(said) for part, said in choice.items() if part != "reason"}


def _put_together(pieces: list[Streamed]) -> ChatCompletion:
    """As the server does it for those who did not ask for a stream."""
    assert pieces[0].usage
    return ChatCompletion.model_validate(
        {
            "id": "streamed",
            "created": 0,
            "model": MODEL,
            "object": "chat.completion",
            "usage": pieces[0].usage.model_dump(),
            "choices": [_choice(index, choice) for index, choice in enumerate(pieces)],
        }
    )


def _choice(index: int, choice: Streamed) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": choice.content or None}
    for name in ("reasoning", "reasoning_content"):
        if text := getattr(choice, name):
            message[name] = text
    if choice.calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in choice.calls
        ]
    entries = [entry.model_dump() for entry in choice.logprobs]
    return {
        "index": index,
        "finish_reason": choice.finish_reason,
        "message": message,
        "logprobs": {"content": entries, "refusal": None} if entries else None,
    }


def _generated(usage: CompletionUsage | None) -> dict[str, Any]:
    """Without what was remembered of the prompt: the second time it is more."""
    assert usage
    return usage.model_dump(exclude={"prompt_tokens_details"})


def told(choice: Any) -> dict[str, object]:
    """What is comparable of one choice of a whole answer."""
    message = choice.message
    calls = [(call.function.name, call.function.arguments) for call in message.tool_calls or []]
    return {
        "content": message.content or "",
        "reasoning": getattr(message, "reasoning", None) or "",
        "reasoning_content": getattr(message, "reasoning_content", None) or "",
        "calls": calls,
        "reason": choice.finish_reason,
        "tokens": [entry.token for entry in choice.logprobs.content] if choice.logprobs else [],
    }


def heard(choice: Streamed) -> dict[str, object]:
    """The same of one choice of a stream."""
    return {
        "content": choice.content,
        "reasoning": choice.reasoning,
        "reasoning_content": choice.reasoning_content,
        "calls": [(call.name, call.arguments) for call in choice.calls],
        "reason": choice.finish_reason,
        "tokens": [entry.token for entry in choice.logprobs],
    }
