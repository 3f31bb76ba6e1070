"""What a family of models must tell about the way it writes tool calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pippin.core.tools import Tool
from pippin.output.pieces import Scanner


class Mark(Protocol):
    """How a model's grammar is written down."""

    def __call__(self, text: str) -> str:
        """A literal text → the Lark expression that matches it. Parts of it that are special
        tokens of the model become token references, the rest quoted strings."""

    def json(self, schema: dict[str, Any]) -> str:
        """A Lark expression of the JSON values that are valid under a schema, laid out as usual.
        Raises ``InvalidRequest``: it cannot be enforced."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A way in which a first call begins."""

    begin: str
    """A Lark terminal, or a token reference: as soon as it is complete, a call has begun."""
    rest: str
    """A Lark expression: the rest of the call."""


@dataclass(frozen=True, slots=True)
class CommonOpening:
    """What several openings have in common. Where none of them follows, the text is free still."""

    begin: str
    """A Lark terminal."""
    ways: tuple[Opening, ...]
    """What must follow, all terminals."""


@dataclass(frozen=True, slots=True)
class CallRules:
    """The calls of one answer in llguidance's Lark dialect.

    An answer is free text that never contains ``trigger``, or ends with
    ``trigger first more* end``.
    """

    trigger: str
    """The literal text by which the first call begins."""
    first: str
    """A Lark expression: the rest of the first call, behind the trigger."""
    more: str
    """A Lark expression for each further call, separators included; empty where there is none."""
    rules: str = ""
    """Further rules that the expressions use. Their names begin with ``call_`` or ``CALL_``."""
    end: str = ""
    """A Lark expression for what must follow the last call, if anything."""
    lead: str = ""
    """A Lark expression for what stands before an answer's text or calls, if anything does."""
    text_mark: str = ""
    """A Lark expression of the markup by which the text of an answer begins, if there is some. No
    text stands before calls then but ``lead``."""
    openings: tuple[Opening | CommonOpening, ...] = ()
    """Instead of ``trigger`` and ``first``, which are empty then: for families whose calls are
    known as such by their tools' names only."""


class Family(Protocol):
    """Stateless; one instance for all requests."""

    @property
    def name(self) -> str:
        """As ``--tool-parser`` takes it."""

    @property
    def marks(self) -> tuple[str, ...]:
        """Texts that may be special tokens of the model and that the scanner needs to see."""

    def writes(self, template: str) -> bool:
        """Whether a chat template (its source) shows this family's way of calling tools."""

    def scanner(self, tools: Sequence[Tool], *, enforced: bool) -> Scanner:
        """Of one choice's answer, behind its thinking. ``enforced``: a grammar guarantees that
        calls are valid, so their arguments may leave as they come; otherwise a call leaves when it
        is complete and right, and what is broken is content."""

    def rules(self, tools: Sequence[Tool], mark: Mark) -> CallRules:
        """The grammar of calls of these tools, arguments valid under each tool's schema."""
