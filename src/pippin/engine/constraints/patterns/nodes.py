"""The parts of a regular expression, and how they are written for the Rust ``regex`` syntax."""

from dataclasses import dataclass

UNBOUNDED = -1


class PatternRefused(Exception):
    """The pattern is wrong, or asks for something that cannot be enforced. Fit for the client."""


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of a set, already in Rust's syntax."""

    text: str


@dataclass(frozen=True, slots=True)
class Start:
    """Nothing, and only where the text begins."""


@dataclass(frozen=True, slots=True)
class End:
    """Nothing, and only where the text ends."""


@dataclass(frozen=True, slots=True)
class Cat:
    """One after the other; of none: nothing."""

    parts: "tuple[Node, ...]" = ()


@dataclass(frozen=True, slots=True)
class Alt:
    """One of these; of none: impossible."""

    options: "tuple[Node, ...]" = ()


@dataclass(frozen=True, slots=True)
class Repeat:
    """So many times."""

    node: "Node"
    least: int
    most: int = UNBOUNDED


Node = Chars | Start | End | Cat | Alt | Repeat

EMPTY = Cat()
ANYTHING = Repeat(Chars(r"[\x{0}-\x{10ffff}]"), 0)


def literal(char: str) -> str:
    """A character that stands for itself, in every place of Rust's syntax and of Lark's."""
    return char if char.isascii() and char.isalnum() else f"\\x{{{ord(char):x}}}"


def text(value: str) -> Cat:
    """A text, character by character."""
    return Cat(tuple(Chars(literal(char)) for char in value))


def write(node: Node) -> str:
    """In Rust's syntax. No anchors may be left in it."""
    match node:
        case Chars(chars):
            return chars
        case Cat(parts):
            return "".join(f"(?:{write(p)})" if isinstance(p, Alt) else write(p) for p in parts)
        case Alt(options):
            return "|".join(map(write, options)) if options else r"[^\x{0}-\x{10ffff}]"
        case Repeat(inner, least, most):
            body = write(inner)
            if not isinstance(inner, Chars):
                body = f"(?:{body})"
            return body + _count(least, most)
        case _:
            raise ValueError("an anchor is left in the pattern")


def _count(least: int, most: int) -> str:
    match least, most:
        case 0, -1:
            return "*"
        case 1, -1:
            return "+"
        case 0, 1:
            return "?"
        case _, -1:
            return f"{{{least},}}"
        case _ if least == most:
            return f"{{{least}}}"
        case _:
            return f"{{{least},{most}}}"


def size(node: Node) -> int:
    """How many characters' places it has, all repetitions written out."""
    match node:
        case Cat(parts) | Alt(parts):
            return sum(map(size, parts)) + 1
        case Repeat(inner, least, most):
            return size(inner) * max(least, most, 1)
        case _:
            return 1


def nullable(node: Node) -> bool:
    """Whether it may be nothing."""
    match node:
        case Chars():
            return False
        case Start() | End():
            return True
        case Cat(parts):
            return all(map(nullable, parts))
        case Alt(options):
            return any(map(nullable, options))
        case Repeat(inner, least, _):
            return least == 0 or nullable(inner)
