"""Grammars in the grammar engine's own words."""

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """Of one constraint. ``lark`` has a rule ``start``."""

    lark: str
    written_from: int = 0
    """Characters of the client's own text."""
    ambiguous: bool = False
    """Whether a text may be read in more than one way."""


def quoted(text: str) -> str:
    """A text as a literal of the grammar."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def bundle(main: str, answer: Source) -> str:
    """``main`` may speak of the other grammar as ``@answer``; their names do not meet."""
    grammars = [{"lark_grammar": main}, {"name": "answer", "lark_grammar": answer.lark}]
    return json.dumps({"grammars": grammars})
