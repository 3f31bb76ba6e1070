"""Reads GBNF, the grammars of llama.cpp (its grammars/README.md describes them)."""

import re

from pippin.engine.constraints.grammars.parts import (
    Choice,
    GrammarRefused,
    Name,
    Part,
    Parts,
    Pattern,
    Seq,
    Text,
)
from pippin.engine.constraints.grammars.tokens import Reader, Token, tokens_of
from pippin.engine.constraints.patterns.nodes import literal

_TOKENS = re.compile(
    r"""
    (?P<skip>\s+|\#[^\n]*)
  | (?P<string>"(?:\\.|[^"\\\n])*")
  | (?P<chars>\[(?:\\.|[^\]\\\n])*\])
  | (?P<special>!?<[^<>\s]+>)
  | (?P<number>\d+(?=\s*[,}]))
  | (?P<name>[A-Za-z0-9_-]+)
  | (?P<sign>::=|[|(){},?*+.])
    """,
    re.VERBOSE,
)
_ESCAPE = re.compile(
    r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))|(.)", re.DOTALL
)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r"}
_ANY = r"[\x{0}-\x{10ffff}]"


def read_gbnf(text: str) -> Parts:
    """Raises ``GrammarRefused``."""
    reader = _GBNF(tokens_of(text, _TOKENS))
    parts = Parts("root")
    while reader.token.kind != "end":
        name, part, line = reader.rule()
        if name in parts.rules:
            raise GrammarRefused(f"{name} is defined twice", line)
        parts.rules[name] = part
    return parts


class _GBNF(Reader):
    def rule(self) -> tuple[str, Part, int]:
        token = self.next()
        if token.kind != "name":
            raise GrammarRefused(f"a rule cannot begin with {token.text[:20]!r}", token.line)
        self.expect("::=")
        return token.text, self._alternatives(), token.line

    def _alternatives(self) -> Part:
        options = [self._sequence()]
        while self.take("|"):
            options.append(self._sequence())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _sequence(self) -> Part:
        parts: list[Part] = []
        while not self._at_end():
            parts.append(self.repeated(self._atom()))
        return parts[0] if len(parts) == 1 else Seq(tuple(parts))

    def _at_end(self) -> bool:
        token = self.token
        if token.kind == "name":
            return self.ahead().text == "::=" and self.ahead().kind == "sign"
        return token.kind == "end" or (token.kind == "sign" and token.text in ("|", ")"))

    def _atom(self) -> Part:
        token = self.next()
        match token.kind, token.text:
            case "string", text:
                return Text("".join(char for char, _ in _characters(text[1:-1], token.line)))
            case "chars", text:
                return Pattern(_char_class(text[1:-1], token))
            case "name", name:
                return Name(name, token.line)
            case "sign", ".":
                return Pattern(_ANY)
            case "sign", "(":
                self.deeper()
                part = self._alternatives()
                self.shallower()
                self.expect(")")
                return part
            case "special", text:
                raise GrammarRefused(f"{text[:40]} cannot be used; write its text", token.line)
            case _, text:
                raise GrammarRefused(f"{text[:20]!r} is not expected here", token.line)


def _characters(text: str, line: int) -> list[tuple[str, bool]]:
    """Each with whether it was escaped."""
    found = []
    for match in _ESCAPE.finditer(text):
        digits = match[1] or match[2] or match[3]
        if digits:
            code = int(digits, 16)
            if code > 0x10FFFF or 0xD800 <= code < 0xE000:
                raise GrammarRefused(f"{match[0]} is no character", line)
            found.append((chr(code), True))
        elif match[4]:
            if match[4] not in '\\"[]nrt-^/':
                raise GrammarRefused(f"the escape {match[0]} is not known", line)
            found.append((_LETTERS.get(match[4], match[4]), True))
        else:
            found.append((match[5], False))
    return found


def _char_class(text: str, token: Token) -> str:
    chars = _characters(text, token.line)
    negated = bool(chars) and chars[0] == ("^", False)
    if negated:
        chars = chars[1:]
    if not chars:
        return _ANY if negated else r"[^\x{0}-\x{10ffff}]"
    items, at = [], 0
    while at < len(chars):
        first = chars[at][0]
        if at + 2 < len(chars) and chars[at + 1] == ("-", False):
            last = chars[at + 2][0]
            if first > last:
                raise GrammarRefused(f"the range {first}-{last} is the wrong way", token.line)
            items.append(f"{literal(first)}-{literal(last)}")
            at += 3
        else:
            items.append(literal(first))
            at += 1
    return f"[{'^' if negated else ''}{''.join(items)}]"
