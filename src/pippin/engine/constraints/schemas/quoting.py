"""Patterns of texts within JSON's quotes."""

import re

_FROM_NUL = re.compile(r"\\x\{0\}-(?!\\x\{(?:0|10ffff)\})")
"""A range that begins with NUL, but for that of all characters."""


def quotable(pattern: str) -> str:
    """The pattern, as ``patterns.nodes.write`` has it, so that the grammar engine reads it right.

    The engine adds quotes and backslashes to a class of characters that has every control character
    in it. Without NUL, which no answer needs, it does not.
    """
    return _FROM_NUL.sub(r"\\x{1}-", pattern).replace("[^", r"[^\x{0}")
