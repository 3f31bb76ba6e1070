"""What every generation dialect can do with events: the outward half of a protocol."""

from dataclasses import dataclass
from typing import Protocol

import msgspec

from pippin.api.explanation import Explanation
from pippin.api.fold import FoldedChoice
from pippin.api.usage import Usage
from pippin.core.events import CallStarted, Delta, FinishReason

MARK = "\0pippin\0"
"""Stands for a delta's text when a frame is cut; no name or id can hold it."""


@dataclass(frozen=True)
class Header:
    """What all chunks of an answer, and the whole answer, say alike."""

    id: str
    created: int
    model: str
    fingerprint: str
    include_usage: bool = False
    """Chunks have a ``usage`` member, null but in the last."""


class Rendering(Protocol):
    """One answer in one dialect. Frames are whole server-sent events; an empty one says nothing.

    ``choice`` counts over all prompts: prompt * choices + index.
    """

    def opening(self) -> bytes:
        """Said before any delta."""

    def delta(self, choice: int, delta: Delta) -> bytes: ...

    def call(self, choice: int, call: CallStarted) -> bytes:
        """A call begins; its arguments are deltas."""

    def finish(self, choice: int, reason: FinishReason) -> bytes: ...

    def usage(self, usage: Usage) -> bytes: ...

    def explanation(self, explanation: Explanation) -> bytes:
        """A frame without choices, like that of the usage."""

    def whole(
        self, choices: list[FoldedChoice], usage: Usage, explanation: Explanation | None
    ) -> bytes:
        """The body of the answer that is not streamed."""


def frame(data: object) -> bytes:
    """One server-sent event. JSON has no line breaks outside of strings, so one line does."""
    return b"data: " + msgspec.json.encode(data) + b"\n\n"


class TextFrame:
    """A frame that differs only in its text: encoded once, cut at the text, then just filled.

    Deltas are most of what a server writes; this makes one cost the encoding of its own text.
    """

    def __init__(self, chunk: object) -> None:
        """``chunk`` holds ``MARK`` in the place of the text."""
        self._head, self._tail = frame(chunk).split(msgspec.json.encode(MARK))

    def __call__(self, text: str) -> bytes:
        return self._head + msgspec.json.encode(text) + self._tail
