"""Reads the characters of a regular expression: single ones, escapes, and sets in brackets."""

import re

from pippin.engine.constraints.patterns.dialects import Dialect
from pippin.engine.constraints.patterns.nodes import PatternRefused, literal

_HEX = re.compile(
    r"x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|[xu]\{([0-9A-Fa-f]{1,6})\}"
)
_LOW_SURROGATE = re.compile(r"\\u([dD][c-fC-F][0-9A-Fa-f]{2})")
_PROPERTY = re.compile(r"[pP](\{[A-Za-z_]{1,40}(=[A-Za-z_]{1,40})?\}|[LMNPSZC])")
_CONTROL = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "0": "\0"}


class CharReader:
    """A place in a pattern, and the flags that hold there."""

    def __init__(self, pattern: str, dialect: Dialect) -> None:
        self.pattern = pattern
        self.dialect = dialect
        self.at = 0
        self.ignore_case = False
        self.dot_all = False
        self._shorthands: set[str] = set()

    def refused(self, why: str) -> PatternRefused:
        """An error that names the place."""
        return PatternRefused(f"{why} (at character {min(self.at, len(self.pattern))})")

    def peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def next(self) -> str:
        char = self.peek()
        self.at += 1
        return char

    def take(self, sign: str) -> bool:
        """Pass over ``sign`` if it comes next."""
        if not self.pattern.startswith(sign, self.at):
            return False
        self.at += len(sign)
        return True

    def dot(self) -> str:
        return r"[\x{0}-\x{10ffff}]" if self.dot_all else f"[^{self.dialect.dot}]"

    def character(self, char: str) -> str:
        """One that stands for itself, under the flags."""
        if "\ud800" <= char <= "\udfff":
            raise self.refused("half a surrogate pair is no character")
        return f"(?i:{literal(char)})" if self.ignore_case and char.isalpha() else literal(char)

    def escaped(self) -> str:
        """After a backslash, outside of brackets."""
        found = self._escaped()
        return self.character(found) if len(found) == 1 else self._cased(f"[{found}]")

    def bracket(self) -> str:
        """After ``[``, to its end."""
        negated = self.take("^")
        items: list[str] = []
        if self.take("]"):
            if not self.dialect.python:
                return r"[\x{0}-\x{10ffff}]" if negated else r"[^\x{0}-\x{10ffff}]"
            items.append(literal("]"))
        self._shorthands = set()
        while not self.take("]"):
            if self.at >= len(self.pattern):
                raise self.refused("a [ has no ]")
            items.append(self._item(taken_away=negated))
        if any(letter.swapcase() in self._shorthands for letter in self._shorthands):
            return r"[^\x{0}-\x{10ffff}]" if negated else r"[\x{0}-\x{10ffff}]"
        return self._cased(f"[{'^' if negated else ''}{''.join(items)}]")

    def _cased(self, chars: str) -> str:
        return f"(?i:{chars})" if self.ignore_case else chars

    def _item(self, *, taken_away: bool) -> str:
        first = self._member(taken_away=taken_away)
        if self.peek() != "-" or self.pattern[self.at + 1 : self.at + 2] in ("]", ""):
            return first if len(first) > 1 else literal(first)
        self.next()
        last = self._member(taken_away=taken_away)
        if len(first) > 1 or len(last) > 1:
            raise self.refused("a class cannot be the end of a range")
        if first > last:
            raise self.refused(f"the range {first}-{last} ends before it begins")
        return f"{literal(first)}-{literal(last)}"

    def _member(self, *, taken_away: bool) -> str:
        """A single character, or more: a class, written for the inside of brackets."""
        char = self.next()
        if char == "\\":
            if self.take("b"):
                return "\b"
            return self._escaped(taken_away=taken_away)
        if "\ud800" <= char <= "\udfff":
            raise self.refused("half a surrogate pair is no character")
        return char

    def _escaped(self, *, taken_away: bool = False) -> str:
        if self.at >= len(self.pattern):
            raise self.refused("a backslash at the end escapes nothing")
        letter = self.peek()
        if letter in "dDsSwW":
            self.next()
            self._shorthands.add(letter)
            return self.dialect.shorthand(letter, taken_away=taken_away)
        if found := _PROPERTY.match(self.pattern, self.at):
            self.at = found.end()
            return "\\" + found[0]
        if found := _HEX.match(self.pattern, self.at):
            self.at = found.end()
            return self._code_point(int(next(filter(None, found.groups())), 16))
        return self._letter(letter)

    def _letter(self, letter: str) -> str:
        self.next()
        if letter == "c" and self.peek().isalpha() and self.peek().isascii():
            return chr(ord(self.next()) % 32)
        if letter == "a" and self.dialect.python:
            return "\a"
        if letter == "0" and self.peek() in tuple("0123456789"):
            raise self.refused("write an octal escape as \\xHH")
        if letter in _CONTROL:
            return _CONTROL[letter]
        if letter.isascii() and letter.isalnum():
            raise self.refused(f"the escape \\{letter} is not known")
        return letter

    def _code_point(self, code: int) -> str:
        if 0xD800 <= code < 0xDC00 and (low := _LOW_SURROGATE.match(self.pattern, self.at)):
            self.at = low.end()
            code = 0x10000 + ((code - 0xD800) << 10) + int(low[1], 16) - 0xDC00
        if 0xD800 <= code < 0xE000 or code > 0x10FFFF:
            raise self.refused("half a surrogate pair is no character")
        return chr(code)
