"""The completions dialect, outward: events → ``text_completion``, whole and in chunks."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from pippin.api.explanation import Explanation
from pippin.api.fold import FoldedChoice
from pippin.api.logprobs import CompletionLogprobs, CompletionLogprobsWriter
from pippin.api.rendering import MARK, Header, TextFrame, frame
from pippin.api.usage import Usage
from pippin.core.events import CallStarted, Delta, FinishReason


class CompletionChoice(msgspec.Struct, frozen=True):
    index: int
    text: str
    logprobs: CompletionLogprobs | None = None
    finish_reason: FinishReason | None = None


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of ``/v1/completions``, and each server-sent event of a streamed one."""

    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: Usage | UnsetType | None = UNSET
    system_fingerprint: str
    pippin: Explanation | UnsetType = UNSET


class CompletionRendering:
    """One answer in the completions dialect."""

    def __init__(self, header: Header, choices: int, logprobs: bool) -> None:
        """``choices``: of all prompts together."""
        self._header = header
        self._logprobs = logprobs
        self._writers = [CompletionLogprobsWriter() for _ in range(choices)]
        self._text_frames = [
            TextFrame(self._chunk(CompletionChoice(index, MARK))) for index in range(choices)
        ]

    def opening(self) -> bytes:
        return b""

    def delta(self, choice: int, delta: Delta) -> bytes:
        if self._logprobs and delta.logprobs:
            shape = self._writers[choice].write(delta.logprobs)
            return frame(self._chunk(CompletionChoice(choice, delta.text, shape)))
        return self._text_frames[choice](delta.text) if delta.text else b""

    def call(self, choice: int, call: CallStarted) -> bytes:
        return b""  # this route has no tools

    def finish(self, choice: int, reason: FinishReason) -> bytes:
        return frame(self._chunk(CompletionChoice(choice, "", None, reason)))

    def usage(self, usage: Usage) -> bytes:
        return frame(self._completion([], usage))

    def explanation(self, explanation: Explanation) -> bytes:
        return frame(self._completion([], self._no_usage, explanation))

    def whole(
        self, choices: list[FoldedChoice], usage: Usage, explanation: Explanation | None
    ) -> bytes:
        shapes = [self._choice(index, choice) for index, choice in enumerate(choices)]
        return msgspec.json.encode(self._completion(shapes, usage, explanation))

    @property
    def _no_usage(self) -> UnsetType | None:
        return None if self._header.include_usage else UNSET

    def _choice(self, index: int, choice: FoldedChoice) -> CompletionChoice:
        logprobs = CompletionLogprobsWriter().write(choice.logprobs) if self._logprobs else None
        return CompletionChoice(index, choice.text, logprobs, choice.reason)

    def _chunk(self, choice: CompletionChoice) -> Completion:
        return self._completion([choice], self._no_usage)

    def _completion(
        self,
        choices: list[CompletionChoice],
        usage: Usage | UnsetType | None,
        explanation: Explanation | None = None,
    ) -> Completion:
        return Completion(
            id=self._header.id,
            created=self._header.created,
            model=self._header.model,
            choices=choices,
            usage=usage,
            system_fingerprint=self._header.fingerprint,
            pippin=explanation or UNSET,
        )
