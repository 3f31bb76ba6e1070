"""The chat dialect, outward: events → ``chat.completion`` and its chunks, exactly as OpenAI's."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from pippin.api.explanation import Explanation
from pippin.api.fold import FoldedChoice
from pippin.api.logprobs import ChatLogprobs, chat_logprobs
from pippin.api.rendering import MARK, Header, TextFrame, frame
from pippin.api.usage import Usage
from pippin.core.events import CallStarted, Delta, FinishReason


class CalledFunction(msgspec.Struct, frozen=True):
    name: str
    arguments: str
    """JSON text."""


class ChatToolCall(msgspec.Struct, frozen=True):
    id: str
    function: CalledFunction
    type: Literal["function"] = "function"


class ChatMessage(msgspec.Struct, frozen=True, kw_only=True):
    role: Literal["assistant"] = "assistant"
    content: str | None
    """``null`` where the answer consists of calls."""
    refusal: None = None
    reasoning_content: str | UnsetType = UNSET
    """What the model thought, if it did; DeepSeek's and vLLM's name."""
    reasoning: str | UnsetType = UNSET
    """The same, under OpenRouter's and Ollama's name."""
    tool_calls: list[ChatToolCall] | UnsetType = UNSET


class ChatChoice(msgspec.Struct, frozen=True):
    index: int
    message: ChatMessage
    logprobs: ChatLogprobs | None
    finish_reason: FinishReason


class ChatCompletion(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of ``/v1/chat/completions`` that is not streamed."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[ChatChoice]
    usage: Usage
    system_fingerprint: str
    pippin: Explanation | UnsetType = UNSET


class FunctionDelta(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str | None = None
    arguments: str | UnsetType = UNSET


class ToolCallDelta(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The first one of a call has its id and name, the others pieces of its arguments."""

    index: int | UnsetType = UNSET
    id: str | None = None
    type: Literal["function"] | None = None
    function: FunctionDelta


class ChatDelta(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    role: Literal["assistant"] | None = None
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[ToolCallDelta] | UnsetType = UNSET


class ChatChunkChoice(msgspec.Struct, frozen=True):
    index: int
    delta: ChatDelta
    logprobs: ChatLogprobs | None = None
    finish_reason: FinishReason | None = None


class ChatChunk(msgspec.Struct, frozen=True, kw_only=True):
    """One server-sent event of a streamed answer."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    system_fingerprint: str
    choices: list[ChatChunkChoice]
    usage: Usage | UnsetType | None = UNSET
    pippin: Explanation | UnsetType = UNSET


class ChatRendering:
    """One answer in the chat dialect."""

    def __init__(self, header: Header, choices: int, logprobs: bool) -> None:
        """``choices``: of all conversations together."""
        self._header = header
        self._choices = choices
        self._logprobs = logprobs
        self._text_frames = [
            TextFrame(self._chunk(ChatChunkChoice(index, ChatDelta(content=MARK))))
            for index in range(choices)
        ]

    def opening(self) -> bytes:
        role = ChatDelta(role="assistant", content="")
        return b"".join(
            frame(self._chunk(ChatChunkChoice(index, role))) for index in range(self._choices)
        )

    def delta(self, choice: int, delta: Delta) -> bytes:
        if delta.channel == "reasoning":
            thought = ChatDelta(reasoning_content=delta.text, reasoning=delta.text)
            return frame(self._chunk(ChatChunkChoice(choice, thought)))
        if delta.channel == "arguments":
            piece = ToolCallDelta(index=delta.call, function=FunctionDelta(arguments=delta.text))
            return self._call_frame(choice, piece)
        if self._logprobs and delta.logprobs:
            shape = chat_logprobs(delta.logprobs)
            return frame(self._chunk(ChatChunkChoice(choice, ChatDelta(content=delta.text), shape)))
        return self._text_frames[choice](delta.text) if delta.text else b""

    def call(self, choice: int, call: CallStarted) -> bytes:
        begun = FunctionDelta(name=call.name, arguments="")
        return self._call_frame(
            choice,
            ToolCallDelta(index=call.call, id=call.call_id, type="function", function=begun),
        )

    def finish(self, choice: int, reason: FinishReason) -> bytes:
        return frame(self._chunk(ChatChunkChoice(choice, ChatDelta(), None, reason)))

    def usage(self, usage: Usage) -> bytes:
        return frame(self._chunk(None, usage))

    def explanation(self, explanation: Explanation) -> bytes:
        return frame(self._chunk(None, explanation=explanation))

    def whole(
        self, choices: list[FoldedChoice], usage: Usage, explanation: Explanation | None
    ) -> bytes:
        return msgspec.json.encode(
            ChatCompletion(
                id=self._header.id,
                created=self._header.created,
                model=self._header.model,
                choices=[self._choice(index, choice) for index, choice in enumerate(choices)],
                usage=usage,
                system_fingerprint=self._header.fingerprint,
                pippin=explanation or UNSET,
            )
        )

    def _choice(self, index: int, choice: FoldedChoice) -> ChatChoice:
        logprobs = chat_logprobs(choice.logprobs) if self._logprobs else None
        calls = [
            ChatToolCall(call.id, CalledFunction(call.name, call.arguments))
            for call in choice.calls
        ]
        message = ChatMessage(
            content=choice.text or (None if calls else ""),
            reasoning_content=choice.reasoning or UNSET,
            reasoning=choice.reasoning or UNSET,
            tool_calls=calls or UNSET,
        )
        return ChatChoice(index, message, logprobs, choice.reason)

    def _call_frame(self, choice: int, call: ToolCallDelta) -> bytes:
        return frame(self._chunk(ChatChunkChoice(choice, ChatDelta(tool_calls=[call]))))

    def _chunk(
        self,
        choice: ChatChunkChoice | None,
        usage: Usage | None = None,
        explanation: Explanation | None = None,
    ) -> ChatChunk:
        header = self._header
        return ChatChunk(
            id=header.id,
            created=header.created,
            model=header.model,
            system_fingerprint=header.fingerprint,
            choices=[] if choice is None else [choice],
            usage=usage if header.include_usage else UNSET,
            pippin=explanation or UNSET,
        )
