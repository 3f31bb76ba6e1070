"""Texts that are none of a few."""

from pippin.engine.constraints.patterns.nodes import literal
from pippin.engine.constraints.schemas.quoting import quotable
from pippin.engine.constraints.schemas.refusal import NotExpressible

MAX_CHARS = 5_000
"""Of the pattern that is made."""

_ANY = r"[\x{0}-\x{10ffff}]*"


def all_but(texts: list[str], where: str) -> str:
    """A pattern of every other text. Raises ``NotExpressible``: they are too long.

    A text is none of them if it ends early, or at one place goes on with another character.
    """
    known = set(texts)
    following: dict[str, set[str]] = {}
    for text in texts:
        following.setdefault(text, set())
        for i, char in enumerate(text):
            following.setdefault(text[:i], set()).add(char)
    options = []
    for prefix, chars in following.items():
        begin = "".join(map(literal, prefix))
        if prefix not in known:
            options.append(begin)
        other = f"[^{''.join(map(literal, sorted(chars)))}]" if chars else r"[\x{0}-\x{10ffff}]"
        options.append(f"{begin}{other}{_ANY}")
    pattern = quotable("|".join(options))
    if len(pattern) > MAX_CHARS:
        raise NotExpressible("all but such long texts cannot be enforced", where)
    return pattern
