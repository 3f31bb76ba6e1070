"""Where a JSON value ends, in a text that comes in pieces (RFC 8259, strictly)."""

import re
from collections.abc import Callable

MAX_DEPTH = 128
"""Objects and lists in one another; what lies deeper counts as broken."""

_SPACE = " \t\n\r"
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_WORDS = {"t": "rue", "f": "alse", "n": "ull"}
_HEX = frozenset("0123456789abcdefABCDEF")
_NUMBER: dict[str, dict[str, str]] = {
    "minus": {"0": "zero", **dict.fromkeys("123456789", "whole")},
    "zero": {".": "point", "e": "power", "E": "power"},
    "whole": {**dict.fromkeys("0123456789", "whole"), ".": "point", "e": "power", "E": "power"},
    "point": dict.fromkeys("0123456789", "fraction"),
    "fraction": {**dict.fromkeys("0123456789", "fraction"), "e": "power", "E": "power"},
    "power": {"+": "sign", "-": "sign", **dict.fromkeys("0123456789", "exponent")},
    "sign": dict.fromkeys("0123456789", "exponent"),
    "exponent": dict.fromkeys("0123456789", "exponent"),
}
"""How a number goes on: its part so far, the next character → the next part."""
_WHOLE_NUMBERS = frozenset({"zero", "whole", "fraction", "exponent"})


class JSONText:
    """Reads one JSON value, each character once. Owned by whoever reads it."""

    def __init__(self) -> None:
        self._step: Callable[[str, int], int] = self._value
        self._open: list[str] = []
        """The closers of what is open, outermost first."""
        self._key = False
        self._word = ""
        self._number = ""
        self._digits = 0
        self.complete = False
        """Whether the value has ended."""
        self.broken = False
        """Whether what was read begins no JSON value."""

    def add(self, text: str, start: int = 0) -> int:
        """Read ``text[start:]``; the index behind what belongs to the value, or of the character
        that breaks it. White space before the value is read, that behind it is not.

        A number at the top ends with the character behind it, or with ``finish``.
        """
        while start < len(text) and not (self.complete or self.broken):
            start = self._step(text, start)
        return start

    def finish(self) -> bool:
        """No more text comes: whether the value is complete."""
        if not self._open and self._number in _WHOLE_NUMBERS:
            self.complete = True
        return self.complete

    def _value(self, text: str, at: int) -> int:
        char = text[at]
        if char in _SPACE:
            return at + 1
        if char == '"':
            self._key = False
            self._step = self._string
        elif char in "{[":
            return self._descend(char, at)
        elif char in _WORDS:
            self._word = _WORDS[char]
            self._step = self._in_word
        elif char == "-" or "0" <= char <= "9":
            self._number = {"-": "minus", "0": "zero"}.get(char, "whole")
            self._step = self._in_number
        else:
            return self._break(at)
        return at + 1

    def _descend(self, char: str, at: int) -> int:
        if len(self._open) == MAX_DEPTH:
            return self._break(at)
        self._open.append("}" if char == "{" else "]")
        self._step = self._first_key if char == "{" else self._first_item
        return at + 1

    def _first_key(self, text: str, at: int) -> int:
        return self._ended(at + 1) if self._closes(text[at]) else self._next_key(text, at)

    def _first_item(self, text: str, at: int) -> int:
        if self._closes(text[at]):
            return self._ended(at + 1)
        if text[at] in _SPACE:
            return at + 1
        self._step = self._value
        return at

    def _next_key(self, text: str, at: int) -> int:
        if text[at] in _SPACE:
            return at + 1
        if text[at] != '"':
            return self._break(at)
        self._key = True
        self._step = self._string
        return at + 1

    def _colon(self, text: str, at: int) -> int:
        if text[at] == ":":
            self._step = self._value
        elif text[at] not in _SPACE:
            return self._break(at)
        return at + 1

    def _behind(self, text: str, at: int) -> int:
        """Behind a value that is a member or an item."""
        if text[at] in _SPACE:
            return at + 1
        if text[at] == ",":
            self._step = self._next_key if self._open[-1] == "}" else self._value
            return at + 1
        return self._ended(at + 1) if self._closes(text[at]) else self._break(at)

    def _string(self, text: str, at: int) -> int:
        match = _PLAIN.match(text, at)
        at = match.end() if match else at
        if at == len(text):
            return at
        if text[at] == "\\":
            self._step = self._escape
        elif text[at] != '"':
            return self._break(at)
        elif self._key:
            self._step = self._colon
        else:
            return self._ended(at + 1)
        return at + 1

    def _escape(self, text: str, at: int) -> int:
        if text[at] not in '"\\/bfnrtu':
            return self._break(at)
        self._digits = 4
        self._step = self._hex if text[at] == "u" else self._string
        return at + 1

    def _hex(self, text: str, at: int) -> int:
        if text[at] not in _HEX:
            return self._break(at)
        self._digits -= 1
        if not self._digits:
            self._step = self._string
        return at + 1

    def _in_word(self, text: str, at: int) -> int:
        if text[at] != self._word[0]:
            return self._break(at)
        self._word = self._word[1:]
        return at + 1 if self._word else self._ended(at + 1)

    def _in_number(self, text: str, at: int) -> int:
        part = _NUMBER[self._number].get(text[at])
        if part:
            self._number = part
            return at + 1
        return self._ended(at) if self._number in _WHOLE_NUMBERS else self._break(at)

    def _closes(self, char: str) -> bool:
        if char != self._open[-1]:
            return False
        self._open.pop()
        return True

    def _ended(self, at: int) -> int:
        """A value has ended before ``at``."""
        if self._open:
            self._step = self._behind
        else:
            self.complete = True
        return at

    def _break(self, at: int) -> int:
        self.broken = True
        return at
