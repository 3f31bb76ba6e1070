"""Reads grammars in Lark's syntax.

Aliases, priorities and the marks ``?`` and ``!`` shape a parse tree only, and are passed over.
Templates, ``%declare``, ``%override``, ``%extend`` and imports from elsewhere are refused, and so
are the grammar engine's own words (``%json``, ``%lark``, ``%regex``, ``@name``, ``<token>``).
"""

import re

from pippin.engine.constraints.grammars.common import COMMON
from pippin.engine.constraints.grammars.parts import (
    Choice,
    GrammarRefused,
    Name,
    Part,
    Parts,
    Pattern,
    Seq,
    Text,
    Times,
    count,
)
from pippin.engine.constraints.grammars.tokens import Reader, Token, tokens_of
from pippin.engine.constraints.patterns.dialects import PYTHON
from pippin.engine.constraints.patterns.nodes import PatternRefused, literal, nullable, size, write
from pippin.engine.constraints.patterns.parser import parse

_TOKENS = re.compile(
    r"""
    (?P<skip>[ \t\r\f]+|(?://|\#)[^\n]*|\\[ ]*\n)
  | (?P<newline>\n)
  | (?P<string>"(?:\\.|[^"\\\n])*"i?)
  | (?P<regex>/(?!/)(?:\\/|\\\\|\\.|[^/\\\n])+/[imslux]*)
  | (?P<directive>%[a-z]+)
  | (?P<name>[?!]{0,2}_?[A-Za-z][A-Za-z0-9_-]*)
  | (?P<special><[^<>\s]+>|@[A-Za-z0-9_-]+)
  | (?P<number>-?\d+)
  | (?P<sign>->|\.\.|[:|()\[\]{}?*+~.,])
    """,
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a", "b": "\b"}


def read_lark(text: str) -> Parts:
    """Raises ``GrammarRefused``."""
    return _Lark(tokens_of(text, _TOKENS)).read()


class _Lark(Reader):
    def __init__(self, tokens: list[Token]) -> None:
        super().__init__(tokens)
        self._parts = Parts("start")

    def read(self) -> Parts:
        while self.token.kind != "end":
            match self.token.kind:
                case "newline":
                    self.next()
                case "directive":
                    self._directive()
                case "name":
                    self._definition()
                case _:
                    self.refuse(f"a rule cannot begin with {self.token.text[:20]!r}")
        return self._parts

    def _definition(self) -> None:
        token = self.next()
        name = token.text.lstrip("?!")
        if self.token.text == "{" and self.token.kind == "sign":
            self.refuse("templates cannot be used")
        if self.take("."):
            self.next()
        self.expect(":")
        part = self._expansions()
        self._end_line()
        self._define(name, part, token.line)

    def _define(self, name: str, part: Part, line: int) -> None:
        if name in self._parts.rules or name in self._parts.terminals:
            raise GrammarRefused(f"{name} is defined twice", line)
        kind = self._parts.terminals if _is_terminal(name) else self._parts.rules
        kind[name] = part

    def _end_line(self) -> None:
        if self.token.kind not in ("newline", "end"):
            self.refuse(f"{self.token.text[:20]!r} is not expected here")

    def _directive(self) -> None:
        token = self.next()
        match token.text:
            case "%ignore":
                self._parts.ignored.append(self._expansions())
            case "%import":
                self._import()
            case "%llguidance" if self.take("{") and self.take("}"):
                return
            case _:
                raise GrammarRefused(f"{token.text} cannot be used", token.line)
        self._end_line()

    def _import(self) -> None:
        path = [self.next().text]
        while self.take("."):
            path.append(self.next().text)
        if path[0] != "common":
            self.refuse("only terminals of common can be imported")
        if len(path) == 1:
            self.expect("(")
            while not self.take(")"):
                self._import_one(self.next().text, None)
                self.take(",")
        else:
            self._import_one(path[1], self.next().text if self.take("->") else None)

    def _import_one(self, name: str, alias: str | None) -> None:
        if name not in COMMON:
            self.refuse(f"common has no {name[:40]!r}")
        self._define(alias or name, _pattern_of(COMMON[name]), self.token.line)

    def _expansions(self) -> Part:
        options = [self._expansion()]
        while True:
            self._skip_lines_before_bar()
            if not self.take("|"):
                return options[0] if len(options) == 1 else Choice(tuple(options))
            options.append(self._expansion())

    def _skip_lines_before_bar(self) -> None:
        distance = 0
        while self.ahead(distance).kind == "newline":
            distance += 1
        token = self.ahead(distance)
        inside = self._depth > 0
        if (token.kind == "sign" and token.text == "|") or inside:
            for _ in range(distance):
                self.next()

    def _expansion(self) -> Part:
        parts: list[Part] = []
        while True:
            if self._depth:
                self._skip_lines_before_bar()
            token = self.token
            if token.kind in ("newline", "end") or (
                token.kind == "sign" and token.text in ("|", ")", "]")
            ):
                break
            if self.take("->"):
                self.next()
                continue
            parts.append(self._item())
        return parts[0] if len(parts) == 1 else Seq(tuple(parts))

    def _item(self) -> Part:
        part = self._atom()
        line = self.token.line
        if self.take("~"):
            least = self._count()
            most = self._count() if self.take("..") else least
            return Times(part, *count(least, most, line))
        return self.repeated(part)

    def _count(self) -> int:
        if self.token.kind != "number" or self.token.text.startswith("-"):
            self.refuse("a count is missing")
        return int(self.next().text[:9])

    def _atom(self) -> Part:
        token = self.next()
        match token.kind, token.text:
            case "string", _:
                return self._string(token)
            case "regex", _:
                return _pattern(token)
            case "name", name:
                if self.token.kind == "sign" and self.token.text == "{" and not _counts(self):
                    self.refuse("templates cannot be used")
                return Name(name, token.line)
            case "sign", "(" | "[":
                return self._group(")" if token.text == "(" else "]")
            case "special", text:
                raise GrammarRefused(f"{text[:40]} cannot be used; write its text", token.line)
            case _, text:
                raise GrammarRefused(f"{text[:20]!r} is not expected here", token.line)

    def _group(self, end: str) -> Part:
        self.deeper()
        part = self._expansions()
        self.shallower()
        self.expect(end)
        return Times(part, 0, 1) if end == "]" else part

    def _string(self, token: Token) -> Part:
        ignore_case = token.text.endswith("i")
        value = _unescaped(token.text[1 : -2 if ignore_case else -1], token.line)
        if not self.take(".."):
            return Text(value, ignore_case)
        other = self.next()
        last = _unescaped(other.text[1:-1], other.line) if other.kind == "string" else ""
        if len(value) != 1 or len(last) != 1 or value > last:
            raise GrammarRefused("a range needs two characters in their order", token.line)
        return Pattern(f"[{literal(value)}-{literal(last)}]")


def _counts(reader: Reader) -> bool:
    """Whether a brace that comes next holds numbers."""
    following = reader.ahead()
    return following.kind == "number" or following.text == ","


def _is_terminal(name: str) -> bool:
    return name.lstrip("_")[:1].isupper()


def _unescaped(text: str, line: int) -> str:
    def character(found: re.Match[str]) -> str:
        digits = found[1] or found[2] or found[3]
        if digits:
            code = int(digits, 16)
            if code > 0x10FFFF or 0xD800 <= code < 0xE000:
                raise GrammarRefused(f"{found[0]} is no character", line)
            return chr(code)
        return _LETTERS.get(found[4], found[4] if found[4] in "\\\"'/" else found[0])

    return _ESCAPE.sub(character, text)


def _pattern(token: Token) -> Pattern:
    body, _, flags = token.text[1:].rpartition("/")
    refused = set(flags) & set("mlx")
    if refused:
        raise GrammarRefused(f"the flag {min(refused)} of a pattern cannot be used", token.line)
    inline = "".join(sorted(set(flags) & set("is")))
    try:
        return _pattern_of((f"(?{inline})" if inline else "") + body)
    except PatternRefused as refused_:
        raise GrammarRefused(f"a pattern cannot be enforced: {refused_}", token.line) from None


def _pattern_of(pattern: str) -> Pattern:
    try:
        node = parse(pattern, PYTHON)
        return Pattern(write(node), nullable(node), size(node))
    except ValueError:
        raise PatternRefused("anchors have no place inside of a text") from None
