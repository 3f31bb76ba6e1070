"""Calls that are written as Python: ``name(key="text", other=[1, True])``."""

import re
from collections.abc import Sequence

from pippin.core.tools import Tool
from pippin.output.families.family import Mark
from pippin.output.families.marked import BrokenCall
from pippin.output.families.schemas import one_of
from pippin.output.families.sequences import in_order
from pippin.output.families.tagged import TaggedScanner, checked_forms
from pippin.output.families.tape import Steps
from pippin.output.families.values import KINDS, ValueForm, quote

_NAME = re.compile(r"[\w.:/\-]+")
_KEY = re.compile(r"[\w\-]+")
_BARE = re.compile(r"[\w.+\-]+")
_HEX = re.compile(r"[0-9a-fA-F]+")
_MAX_DEPTH = 64
_ESCAPES = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "b": "\b",
    "f": "\f",
    "v": "\v",
    "a": "\a",
    "0": "\0",
    "\\": "\\",
    "'": "'",
    '"': '"',
    "/": "/",
    "\n": "",
}
_CODES = {"x": 2, "u": 4, "U": 8}
_MAX_CODE = 0x10FFFF
_HIGH_HALVES, _LOW_HALVES = range(0xD800, 0xDC00), range(0xDC00, 0xE000)
"""Of characters that JSON's escapes write in two parts."""
_WORD = ValueForm({}, KINDS - {"string"})
_PYTHON = {"true": "True", "false": "False", "null": "None"}


class PythonicScanner(TaggedScanner):
    """Strings may be in either of Python's quotes, and have line breaks in them, as templates
    write them. JSON's words and escapes are read, too."""

    def call(self) -> Steps[None]:
        """Read one call and give it. Raises ``BrokenCall``."""
        yield from self.tape.space()
        name = yield from self.named(_NAME)
        yield from self.expect("(")
        self.begin_object(name)
        comma = ","
        while not (yield from self.tape.accept(")")):
            if not comma:
                raise BrokenCall
            yield from self._argument()
            comma = yield from self.tape.accept(",")
        self.end_object()

    def _argument(self) -> Steps[None]:
        yield from self.tape.space()
        key = yield from self.named(_KEY)
        yield from self.expect("=")
        self.begin_member(key)
        char = yield from self.tape.space()
        if self.direct and char and char in '"[{':
            yield from self.json_value()
        else:
            self.write((yield from self._value(0)))

    def _value(self, depth: int) -> Steps[str]:
        """A value as JSON text."""
        if depth > _MAX_DEPTH:
            raise BrokenCall
        opened = yield from self.tape.accept('"', "'", "[", "(", "{")
        if opened in ('"', "'"):
            return quote((yield from self._string(opened)))
        if opened == "{":
            return (yield from self._dict(depth))
        if opened:
            return (yield from self._list("]" if opened == "[" else ")", depth))
        text = yield from self.named(_BARE)
        if not (yield from self.tape.peek()):
            raise BrokenCall
        value = _WORD.convert(text, enforced=False)
        if value is None:
            raise BrokenCall
        return value

    def _list(self, closer: str, depth: int) -> Steps[str]:
        parts: list[str] = []
        comma = ","
        while not (yield from self.tape.accept(closer)):
            if not comma:
                raise BrokenCall
            parts.append((yield from self._value(depth + 1)))
            comma = yield from self.tape.accept(",")
        return f"[{', '.join(parts)}]"

    def _dict(self, depth: int) -> Steps[str]:
        parts: list[str] = []
        comma = ","
        while not (yield from self.tape.accept("}")):
            if not comma:
                raise BrokenCall
            mark = yield from self.expect('"', "'")
            key = yield from self._string(mark)
            yield from self.expect(":")
            parts.append(f"{quote(key)}: {(yield from self._value(depth + 1))}")
            comma = yield from self.tape.accept(",")
        return f"{{{', '.join(parts)}}}"

    def _string(self, mark: str) -> Steps[str]:
        """The text of a string whose first mark was read."""
        parts: list[str] = []
        while True:
            end = yield from self.text_before((mark, "\\"), parts.append)
            if end == mark:
                return "".join(parts)
            parts.append((yield from self._escape()))

    def _escape(self) -> Steps[str]:
        """What stands behind a backslash, as Python means it: an unknown one stands for itself."""
        char = yield from self._char()
        if char in _ESCAPES:
            return _ESCAPES[char]
        if char not in _CODES:
            return "\\" + char
        code = yield from self._code(_CODES[char])
        if code in _HIGH_HALVES:
            if not (yield from self.tape.match("\\u")):
                raise BrokenCall
            low = yield from self._code(4)
            if low not in _LOW_HALVES:
                raise BrokenCall
            code = 0x10000 + (code - _HIGH_HALVES.start << 10) + low - _LOW_HALVES.start
        if code > _MAX_CODE or code in _LOW_HALVES:
            raise BrokenCall
        return chr(code)

    def _code(self, digits: int) -> Steps[int]:
        text = ""
        for _ in range(digits):
            text += yield from self._char()
        if not _HEX.fullmatch(text):
            raise BrokenCall
        return int(text, 16)

    def _char(self) -> Steps[str]:
        char = yield from self.tape.peek()
        if not char:
            raise BrokenCall
        return (yield from self.tape.match(char))


def pythonic_rules(tools: Sequence[Tool], mark: Mark) -> str:
    """The grammar of one call of any tool, ``call_any``. Strings, lists and objects are JSON, which
    is Python, too; true, false and null alone are Python's words. Raises ``InvalidRequest``."""
    lines: list[str] = []
    calls: list[str] = []
    for number, tool in enumerate(tools):
        things = [
            (f"{mark(f'{key}=')} {_argument(form, mark)}", required)
            for key, (form, required) in checked_forms(tool, _KEY).items()
        ]
        lines += in_order(f"call_{number}", things, mark(", "))
        calls.append(f"{mark(f'{tool.name}(')} call_{number} {mark(')')}")
    return "\n".join([*lines, one_of("call_any", calls)])


def _argument(form: ValueForm, mark: Mark) -> str:
    words = [_PYTHON.get(text, "") for text in form.texts or {}]
    if words and all(words):
        return f"({' | '.join(map(quote, words))})"
    return mark.json(form.schema)
