"""An answer asked for twice, whole and streamed: two ways to hear the same."""

from dataclasses import dataclass, field
from typing import Any

import openai
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion, ChatCompletionChunk

MODEL = "demo"


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
    logprobs: list[str] = field(default_factory=list)

    def add(self, choice: Any) -> None:
        delta = choice.delta
        assert self.finish_reason is None, "something came after the end"
        self.content += delta.content or ""
        self.reasoning += getattr(delta, "reasoning", None) or ""
        self.reasoning_content += getattr(delta, "reasoning_content", None) or ""
        for piece in delta.tool_calls or []:
            self._add_piece(piece)
        if choice.logprobs:
            self.logprobs += [entry.token for entry in choice.logprobs.content]
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


def both(client: openai.OpenAI, content: str, **fields: Any) -> ChatCompletion:
    """The whole answer, which a streamed one has to equal in all but its ids."""
    answer = whole(client, content, **fields)
    pieces = streamed(client, content, **fields)
    assert [told(choice) for choice in answer.choices] == [heard(choice) for choice in pieces]
    assert _generated(answer.usage) == _generated(pieces[0].usage)
    return answer


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
        "tokens": choice.logprobs,
    }
