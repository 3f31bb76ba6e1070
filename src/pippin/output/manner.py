"""How a model writes: its way to think and its way to call tools."""

from collections.abc import Sequence

from pippin.core.tools import Tool
from pippin.output.families.family import Family
from pippin.output.families.harmony import Harmony
from pippin.output.pieces import PlainScanner, Scanner
from pippin.output.thinking import Thinking, ThinkingMarks, ThinkingScanner
from pippin.output.vocabulary import Vocabulary

MARKS = (
    ThinkingMarks("<think>", "</think>"),
    ThinkingMarks("[THINK]", "[/THINK]"),
    ThinkingMarks("<seed:think>", "</seed:think>"),
    ThinkingMarks("◁think▷", "◁/think▷"),
    ThinkingMarks("<thought>", "</thought>"),
    ThinkingMarks("<|channel>thought\n", "<channel|>"),
    ThinkingMarks("<|START_THINKING|>", "<|END_THINKING|>"),
)
"""Of the families that people run: Qwen, DeepSeek, GLM, MiniMax and others; Magistral; Seed-OSS;
Kimi-VL; EXAONE Deep; Gemma 4; Command."""


def thinking_marks(template: str | None) -> ThinkingMarks | None:
    """The marks that a chat template speaks of: the end's, for many only take thinking away."""
    return next((marks for marks in MARKS if template and marks.close in template), None)


class Manner:
    """Of one model, for all requests. Immutable; owned by the worker."""

    def __init__(self, family: Family, marks: ThinkingMarks | None, vocabulary: Vocabulary) -> None:
        self.family = family
        self.marks = marks
        texts = [*family.marks, *((marks.open, marks.close) if marks else ())]
        pieces = (piece for text in texts for piece in vocabulary.split(text))
        self.shown = frozenset(piece for piece in pieces if isinstance(piece, int))
        """Special tokens that scanners need to see."""
        self.in_channels = isinstance(family, Harmony)
        """Whether all that the model says in a chat has markup around it, calls or not."""

    @property
    def thinks(self) -> bool:
        """Whether it can think before it answers."""
        return self.marks is not None or self.in_channels

    def thinking(self, tail: str, continued: str | None = None) -> Thinking | None:
        """How the answer to a prompt that ends with ``tail`` may begin. ``continued``: the part of
        the answer that the prompt has already. ``None``: there will be no thinking."""
        if self.marks is None:
            return None
        if continued is not None:
            is_open = continued.rfind(self.marks.open) > continued.rfind(self.marks.close)
            return Thinking(self.marks, inside=True) if is_open else None
        end = tail.rstrip()
        if end.endswith(self.marks.close):
            return None
        return Thinking(self.marks, inside=end.endswith(self.marks.open.rstrip()))

    def scanner(
        self, tools: Sequence[Tool], thinking: Thinking | None, *, enforced: bool
    ) -> Scanner:
        """For one choice that may call these tools."""
        answer = self.family.scanner(tools, enforced=enforced)
        return ThinkingScanner(thinking, answer) if thinking else answer

    def text_scanner(self, thinking: Thinking | None) -> Scanner:
        """For one choice that calls nothing."""
        return ThinkingScanner(thinking, PlainScanner()) if thinking else PlainScanner()
