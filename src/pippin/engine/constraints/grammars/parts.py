"""The parts of a grammar, whatever it was written in."""

from dataclasses import dataclass, field

UNBOUNDED = -1

MAX_PARTS = 10_000
"""Of one grammar."""
MAX_DEPTH = 60
"""Groups in one another."""
MAX_COUNT = 2_000
"""Of one repetition."""


class GrammarRefused(Exception):
    """The grammar is wrong, or asks for something that cannot be enforced. Fit for the client."""

    def __init__(self, why: str, line: int | None = None) -> None:
        super().__init__(why if line is None else f"{why} (line {line})")


@dataclass(frozen=True, slots=True)
class Text:
    """These characters."""

    value: str
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a regular expression matches, in Rust's syntax."""

    regex: str
    empty: bool = False
    """Whether it matches no character too."""
    places: int = 1
    """Characters that it can be long, all repetitions written out."""


@dataclass(frozen=True, slots=True)
class Name:
    """What a rule or a terminal stands for."""

    name: str
    line: int


@dataclass(frozen=True, slots=True)
class Seq:
    """One after the other."""

    parts: "tuple[Part, ...]" = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """One of these."""

    options: "tuple[Part, ...]"


@dataclass(frozen=True, slots=True)
class Times:
    """So many times."""

    part: "Part"
    least: int
    most: int = UNBOUNDED


Part = Text | Pattern | Name | Seq | Choice | Times


@dataclass(slots=True)
class Parts:
    """A grammar as it was read."""

    start: str
    rules: dict[str, Part] = field(default_factory=dict)
    terminals: dict[str, Part] = field(default_factory=dict)
    """Between whose characters nothing is ignored."""
    ignored: list[Part] = field(default_factory=list)
    """Terminals that may stand between all others."""


def names_in(part: Part) -> list[Name]:
    """All names that it uses."""
    match part:
        case Name():
            return [part]
        case Seq(parts) | Choice(parts):
            return [name for below in parts for name in names_in(below)]
        case Times(below):
            return names_in(below)
        case _:
            return []


def count(least: int, most: int, line: int) -> tuple[int, int]:
    """A repetition's bounds. Raises ``GrammarRefused``."""
    if max(least, most) > MAX_COUNT:
        raise GrammarRefused(f"a repetition of more than {MAX_COUNT} times is too long", line)
    if most != UNBOUNDED and most < least:
        raise GrammarRefused("a repetition ends before it begins", line)
    return least, most
