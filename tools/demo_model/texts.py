"""Short ways to write down tables of words."""

from __future__ import annotations


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a text that spaces separate."""
    return tuple(text.split())


def choices_of(text: str) -> tuple[str, ...]:
    """Return the wordings of a text that bars separate."""
    return tuple(text.split("|"))
