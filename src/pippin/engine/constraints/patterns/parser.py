"""Reads a regular expression. Linear in its length; nesting is bounded before it is followed."""

import re

from pippin.engine.constraints.patterns.charsets import CharReader
from pippin.engine.constraints.patterns.dialects import Dialect
from pippin.engine.constraints.patterns.nodes import (
    EMPTY,
    UNBOUNDED,
    Alt,
    Cat,
    Chars,
    End,
    Node,
    PatternRefused,
    Repeat,
    Start,
    nullable,
)

MAX_CHARS = 50_000
MAX_DEPTH = 60
"""Groups in one another."""
MAX_COUNT = 20_000
"""Of one repetition."""
MAX_EMPTY_COUNT = 20
"""Of a repetition of what may be nothing."""

_QUANTIFIER = re.compile(r"\{(\d{0,9})(,?)(\d{0,9})\}", re.ASCII)
_NAMED_GROUP = re.compile(r"\?P?<[A-Za-z_]\w{0,99}>")
_FLAGS = re.compile(r"\?([aiLmsux]*)(-[imsx]+)?([:)])")
_REFUSED_GROUPS = {
    "?=": "lookahead (?=...)",
    "?!": "lookahead (?!...)",
    "?<=": "lookbehind (?<=...)",
    "?<!": "lookbehind (?<!...)",
    "?>": "an atomic group (?>...)",
    "?P=": "a backreference (?P=...)",
    "?(": "a conditional group (?(...)...)",
}


def parse(pattern: str, dialect: Dialect) -> Node:
    """Raises ``PatternRefused``."""
    if len(pattern) > MAX_CHARS:
        raise PatternRefused(f"it has more than {MAX_CHARS} characters")
    reader = _Parser(pattern, dialect)
    node = reader.alternatives()
    if reader.at < len(pattern):
        raise reader.refused("there is a ) without its (")
    return node


class _Parser(CharReader):
    def __init__(self, pattern: str, dialect: Dialect) -> None:
        super().__init__(pattern, dialect)
        self._depth = 0

    def alternatives(self) -> Node:
        options = [self._sequence()]
        while self.take("|"):
            options.append(self._sequence())
        return options[0] if len(options) == 1 else Alt(tuple(options))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while self.at < len(self.pattern) and self.peek() not in "|)":
            parts.append(self._quantified(self._atom()))
        return parts[0] if len(parts) == 1 else Cat(tuple(parts))

    def _atom(self) -> Node:
        char = self.next()
        match char:
            case "(":
                return self._group()
            case "^" | "$":
                return Start() if char == "^" else End()
            case "*" | "+" | "?":
                raise self.refused(f"there is nothing to repeat before {char}")
            case "\\":
                return self._escape()
            case _:
                return Chars(self._one(char))

    def _one(self, char: str) -> str:
        match char:
            case "[":
                return self.bracket()
            case ".":
                return self.dot()
            case _:
                return self.character(char)

    def _escape(self) -> Node:
        letter = self.peek()
        if letter in ("b", "B"):
            raise self.refused(f"the word boundary \\{letter} cannot be enforced")
        if letter == "k" or ("1" <= letter <= "9"):
            raise self.refused(f"a backreference \\{letter} cannot be enforced")
        if self.dialect.python and letter in ("A", "Z", "z"):
            self.next()
            return Start() if letter == "A" else End()
        return Chars(self.escaped())

    def _group(self) -> Node:
        before = (self.ignore_case, self.dot_all)
        if self.take("?#"):
            end = self.pattern.find(")", self.at)
            if end < 0:
                raise self.refused("a comment (?# has no end")
            self.at = end + 1
            return EMPTY
        for sign, name in _REFUSED_GROUPS.items():
            if self.pattern.startswith(sign, self.at):
                raise self.refused(f"{name} cannot be enforced")
        if named := _NAMED_GROUP.match(self.pattern, self.at):
            self.at = named.end()
        elif self.peek() == "?" and self._flags():
            return EMPTY
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self.refused(f"more than {MAX_DEPTH} groups are in one another")
        inner = self.alternatives()
        if not self.take(")"):
            raise self.refused("there is a ( without its )")
        self._depth -= 1
        self.ignore_case, self.dot_all = before
        return inner

    def _flags(self) -> bool:
        """Take in a group's flags; whether they were all of it, and so hold for what follows."""
        start = self.at - 1
        flags = _FLAGS.match(self.pattern, self.at)
        if flags is None:
            raise self.refused("a group that begins with (? is of no known kind")
        self.at = flags.end()
        for letter in flags[1]:
            self._set(letter, on=True)
        for letter in (flags[2] or "")[1:]:
            self._set(letter, on=False)
        alone = flags[3] == ")"
        if alone and start and self._depth == 0:
            raise self.refused("flags (?...) belong at the start of the pattern")
        return alone

    def _set(self, letter: str, *, on: bool) -> None:
        match letter:
            case "i":
                self.ignore_case = on
            case "s":
                self.dot_all = on
            case "a" | "u":
                return
            case _:
                if on:
                    raise self.refused(f"the flag {letter} cannot be enforced")

    def _quantified(self, node: Node) -> Node:
        counts = self._counts()
        if counts is None:
            return node
        if isinstance(node, Start | End):
            raise self.refused("an anchor cannot be repeated")
        if self.take("+"):
            raise self.refused("possessive repetition cannot be enforced")
        self.take("?")  # lazy or not, the same texts match as a whole
        if self._counts() is not None:
            raise self.refused("a repetition is repeated; put the first into a group")
        least, most = counts
        if UNBOUNDED < most < least:
            raise self.refused(f"the repetition {{{least},{most}}} ends before it begins")
        return EMPTY if most == 0 else self._repeat(node, least, most)

    def _repeat(self, node: Node, least: int, most: int) -> Node:
        """Of what may be nothing, many repetitions are costly, and needless."""
        if isinstance(node, Repeat) and (node.least, node.most) == (0, 1):
            return Repeat(node.node, 0, most)
        if most == UNBOUNDED and nullable(node):
            least = 0
        if max(least, most) > MAX_EMPTY_COUNT and nullable(node):
            raise self.refused("what may be empty is repeated too often")
        return Repeat(node, least, most)

    def _counts(self) -> tuple[int, int] | None:
        for sign, counts in {"*": (0, UNBOUNDED), "+": (1, UNBOUNDED), "?": (0, 1)}.items():
            if self.take(sign):
                return counts
        found = _QUANTIFIER.match(self.pattern, self.at)
        if found is None or not (found[1] or found[3]):
            return None
        if not found[1] and not self.dialect.python:
            raise self.refused("a repetition {,n} has no lower bound; write {0,n}")
        self.at = found.end()
        least = int(found[1] or 0)
        most = int(found[3]) if found[3] else UNBOUNDED if found[2] else least
        if max(least, most) > MAX_COUNT:
            raise self.refused(f"a repetition of more than {MAX_COUNT} times is too long")
        return least, most
