"""How a model's thinking is marked in its raw text."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ThinkingMarks:
    """The texts around what a model thinks before it answers, ``<think>`` and the like."""

    open: str
    close: str


@dataclass(frozen=True, slots=True)
class Thinking:
    """How one answer may begin."""

    marks: ThinkingMarks
    inside: bool
    """Whether the prompt has opened the block; otherwise the model may, or may not."""
