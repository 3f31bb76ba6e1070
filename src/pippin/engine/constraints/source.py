"""Grammars in the grammar engine's own words."""

import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """Of one constraint. ``lark`` has a rule ``start``."""

    lark: str
    written_from: int = 0
    """Characters of the client's own text."""
    ambiguous: bool = False
    """Whether a text may be read in more than one way."""
    form: str = ""
    """Another grammar, of which ``lark`` may speak as ``@form``."""

    @property
    def grammar(self) -> str:
        """As the grammar engine takes it."""
        return bundle({"main": self.lark, "form": self.form}) if self.form else self.lark


def quoted(text: str) -> str:
    """A text as a literal of the grammar."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def bundle(grammars: Mapping[str, str]) -> str:
    """The first one may speak of the others by their names, as ``@name``; their rules do not
    meet."""
    named = [{"name": name, "lark_grammar": lark} for name, lark in grammars.items() if lark]
    return json.dumps({"grammars": named})
