"""Patterns of texts within JSON's quotes."""


def quotable(pattern: str) -> str:
    """The pattern, as ``patterns.nodes.write`` has it, so that the grammar engine reads it right.

    The engine adds quotes and backslashes to a class of characters that has every control character
    in it. Without NUL, which no answer needs, it does not.
    """
    return pattern.replace("[^", r"[^\x{0}")
