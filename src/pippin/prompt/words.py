"""The words that a client wrote, wherever they stand in a conversation."""

from collections.abc import Callable
from typing import Any

from pippin.errors import InvalidRequest

Change = Callable[[str], str]
"""What is made of each of the client's texts before the template sees it."""


def as_it_is(text: str) -> str:
    """The change that changes nothing."""
    return text


def changed(value: Any, change: Change) -> Any:
    """A JSON value with every text in it changed, names too.

    Raises ``RecursionError`` for one that is nested hundreds of levels deep.
    """
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(name): changed(inner, change) for name, inner in value.items()}
    if isinstance(value, list):
        return [changed(inner, change) for inner in value]
    return value


def unused_mark(text: str) -> str:
    """A character that ``text`` does not contain: one of Unicode's 32 noncharacters that are
    reserved for a program's own use.

    Raises:
        InvalidRequest: the text contains them all.
    """
    for code in range(0xFDD0, 0xFDF0):
        if chr(code) not in text:
            return chr(code)
    raise InvalidRequest("The messages contain Unicode noncharacters.", "messages")
