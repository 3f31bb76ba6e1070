"""The chat dialect, outward: events → ``chat.completion`` and its chunks, exactly as OpenAI's."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from pippin.api.explanation import Explanation
from pippin.api.fold import FoldedChoice
from pippin.api.logprobs import ChatLogprobs, chat_logprobs
from pippin.api.rendering import MARK, Header, TextFrame, frame
from pippin.api.usage import Usage
from pippin.core.events import Delta, FinishReason


class ChatMessage(msgspec.Struct, frozen=True):
    content: str
    role: Literal["assistant"] = "assistant"
    refusal: None = None


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


class ChatDelta(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    role: Literal["assistant"] | None = None
    content: str | None = None


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
        if self._logprobs and delta.logprobs:
            shape = chat_logprobs(delta.logprobs)
            return frame(self._chunk(ChatChunkChoice(choice, ChatDelta(content=delta.text), shape)))
        return self._text_frames[choice](delta.text) if delta.text else b""

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
        return ChatChoice(index, ChatMessage(choice.text), logprobs, choice.reason)

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
