"""What a template may not do: build something huge of something small.

A sandbox keeps a program from reaching things, not from growing them. Each check here comes before
the step that would take the memory, and raises ``OverflowError``.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

from jinja2.filters import do_indent

MAX_CHARS = 16_000_000
"""Of one text, and items of one list."""
MAX_REPEAT = 1_000_000
"""Longest sequence that ``*`` may build, largest result that ``**`` may be asked for."""
MAX_PARTS = 1_000_000
"""Of a value that is written out: lists that hold one another twice are few and look many."""
MAX_BITS = 4096
"""Of a product."""
MAX_INDENT = 16

PADDING_METHODS = frozenset({"center", "ljust", "rjust", "zfill", "expandtabs", "translate"})
FILTERS = ("batch", "center", "format", "pprint", "slice", "urlize", "wordwrap", "xmlattr")
"""Of Jinja's filters, those that grow and that no chat template needs."""

_WIDE = re.compile(r"[0-9]{4}|\{[^{}]*\{")
"""In a format: a width of thousands, or one that is given as an argument."""


def check_operator(operator: str, left: Any, right: Any) -> None:
    if operator == "*" and _repeats(left, right) > MAX_REPEAT:
        raise OverflowError("repetition is too long")
    if operator == "*" and _bits(left) + _bits(right) > MAX_BITS:
        raise OverflowError("the product is too large")
    if operator == "**" and not (abs(left) <= MAX_REPEAT and abs(right) <= 64):
        raise OverflowError("power is too large")
    if operator == "%" and isinstance(left, str):
        raise TypeError("the % operator on text is not available in chat templates")
    if operator == "+" and _sized(left) and _sized(right):
        _check_length(len(left) + len(right))


def call_arguments(function: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """With which arguments a function may be called, if it may."""
    text, name = getattr(function, "__self__", None), getattr(function, "__name__", "")
    if not isinstance(text, str) or not arguments:
        return arguments
    if name == "replace":
        replaced(text, *arguments)
    if name == "join":
        values = list(arguments[0])  # it may be an iterator, which can be looked at only once
        joined(values, text)
        return (values, *arguments[1:])
    return arguments


def check_format(text: str) -> None:
    if _WIDE.search(text):
        raise OverflowError("the format is too wide")


def checked(value: Any) -> Any:
    """A value that is about to be written out."""
    if isinstance(value, list | tuple | dict):
        pending, parts = [value], 0
        while pending:
            item = pending.pop()
            parts += 1
            if parts > MAX_PARTS:
                raise OverflowError("the value has too many parts")
            if isinstance(item, dict):
                pending += item.values()
            elif isinstance(item, list | tuple):
                pending += item
    return value


def joined(values: Iterable[Any], separator: str = "") -> str:
    """Of texts, and of anything else as text: what ``~``, ``join``, macros and blocks write."""
    texts = [str(checked(value)) for value in values]
    _check_length(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def replaced(text: str, old: str, new: str, count: int | None = None) -> str:
    """The filter ``replace``, and what its method is checked by."""
    old, new = str(old), str(new)
    found = text.count(old)
    _check_length(len(text) + max(0, len(new) - len(old)) * found)
    return text.replace(old, new, -1 if count is None else count)


def joined_filter(value: Iterable[Any], d: str = "", attribute: str | None = None) -> str:
    """The filter ``join``; ``attribute``: a plain name."""
    if attribute is not None:
        value = [item[attribute] for item in value]
    return joined(value, d)


def indented(text: str, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
    """The filter ``indent``."""
    check_indent(len(width) if isinstance(width, str) else width)
    return str(do_indent(text, width, first, blank))


def check_indent(width: object) -> None:
    if isinstance(width, int) and width > MAX_INDENT:
        raise OverflowError("the indent is too wide")


def as_text(value: Any) -> str:
    """The filter ``string``."""
    return str(checked(value))


OWN_FILTERS: dict[str, Callable[..., str]] = {
    "indent": indented,
    "join": joined_filter,
    "replace": replaced,
    "string": as_text,
}


def _repeats(left: Any, right: Any) -> int:
    """Length of ``left * right`` where one is a sequence, else 0."""
    for sequence, count in ((left, right), (right, left)):
        if _sized(sequence) and isinstance(count, int):
            return len(sequence) * max(count, 0)
    return 0


def _bits(value: Any) -> int:
    return value.bit_length() if isinstance(value, int) else 0


def _sized(value: Any) -> bool:
    return isinstance(value, str | list | tuple)


def _check_length(length: int) -> None:
    if length > MAX_CHARS:
        raise OverflowError("the text is too long")
