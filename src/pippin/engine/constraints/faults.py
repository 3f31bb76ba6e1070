"""What the grammar engine says of a grammar that it refuses, in words for the client."""

import re

from pippin.errors import InvalidRequest

_PLACE = re.compile(r"^at (\d+)\((\d+)\): |^(\d+)\((\d+)\): ")
_TOO_LARGE = (
    "fuel",
    "too many",
    "too large",
    "too complex",
    "limit",
    "size exceeded",
    "stack level",
    "panic",
)
_EMPTY = ("unsatisfiable", "empty", "no match", "noextension")
_MAX_CHARS = 200


def refusal(error: str, param: str) -> InvalidRequest:
    """The error for a grammar that did not compile; ``error`` is the engine's text."""
    first = error.strip().split("\n", 1)[0]
    if place := _PLACE.match(first):
        first = first[place.end() :]
    words = first.lower()
    if any(sign in words for sign in _TOO_LARGE):
        return too_complex(param)
    if any(sign in words for sign in _EMPTY):
        return InvalidRequest(f"{param} cannot be enforced: no text fits it.", param)
    detail = "".join(char for char in first if char.isprintable())[:_MAX_CHARS].rstrip(".")
    return InvalidRequest(f"{param} is not a usable grammar: {detail}.", param)


def is_memory_full(error: str) -> bool:
    """Whether a lane was stopped by what its lexer remembers, and not by its own text."""
    return "too many states" in error


def too_complex(param: str) -> InvalidRequest:
    """It would take too long to follow."""
    return InvalidRequest(f"{param} is too complex to be enforced; make it smaller.", param)
