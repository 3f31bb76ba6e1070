"""Grammar texts → tokens."""

import re
from dataclasses import dataclass
from typing import NoReturn

from pippin.engine.constraints.grammars.parts import (
    MAX_DEPTH,
    MAX_PARTS,
    UNBOUNDED,
    GrammarRefused,
    Part,
    Times,
    count,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word or a sign."""

    kind: str
    text: str
    line: int


def tokens_of(text: str, pattern: re.Pattern[str]) -> list[Token]:
    """``pattern`` has a named group per kind; ``skip`` is left out. The last token is an ``end``.

    Raises ``GrammarRefused``: something is no token, or there are too many.
    """
    tokens: list[Token] = []
    at, line = 0, 1
    while at < len(text):
        found = pattern.match(text, at)
        if found is None or not found[0]:
            raise GrammarRefused(f"{text[at : at + 20].split()[0:1]} is not understood", line)
        if found.lastgroup != "skip":
            tokens.append(Token(found.lastgroup or "", found[0], line))
        line += found[0].count("\n")
        at = found.end()
        if len(tokens) > MAX_PARTS * 2:
            raise GrammarRefused(f"it has more than {MAX_PARTS} parts")
    tokens.append(Token("end", "", line))
    return tokens


class Reader:
    """A place among tokens."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    @property
    def token(self) -> Token:
        return self._tokens[self._at]

    def ahead(self, distance: int = 1) -> Token:
        return self._tokens[min(self._at + distance, len(self._tokens) - 1)]

    def next(self) -> Token:
        token = self.token
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def take(self, text: str) -> bool:
        """Pass over a sign if it comes next."""
        if self.token.kind == "sign" and self.token.text == text:
            self.next()
            return True
        return False

    def expect(self, text: str) -> None:
        if not self.take(text):
            self.refuse(f"{text!r} is missing before {self.token.text[:20]!r}")

    def refuse(self, why: str) -> NoReturn:
        raise GrammarRefused(why, self.token.line)

    def deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self.refuse(f"more than {MAX_DEPTH} groups are in one another")

    def shallower(self) -> None:
        self._depth -= 1

    def repeated(self, part: Part) -> Part:
        """With the repetition that follows it, if there is one."""
        line = self.token.line
        for sign, (least, most) in {"*": (0, UNBOUNDED), "+": (1, UNBOUNDED), "?": (0, 1)}.items():
            if self.take(sign):
                return Times(part, least, most)
        if not self.take("{"):
            return part
        least = self._number(0)
        most = self._number(UNBOUNDED) if self.take(",") else least
        self.expect("}")
        return Times(part, *count(least, most, line))

    def _number(self, missing: int) -> int:
        if self.token.kind != "number":
            return missing
        return int(self.next().text[:9])
