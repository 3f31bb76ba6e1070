"""How tests read an answer with a family's scanner, and what they compare."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pippin.core.tools import Tool
from pippin.output.families.family import Family
from pippin.output.pieces import Arguments, Call, Content, Piece, Reasoning, Scanner

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = (
    Tool(name="get_weather", parameters=CITY),
    Tool(name="add", parameters={"type": "object", "properties": {"a": {}, "b": {}}}),
    Tool(name="ping"),
)


def read(scanner: Scanner, text: str, cuts: Sequence[int] = ()) -> list[Piece]:
    """All pieces, neighbours of one kind joined; the text is fed in pieces of these lengths."""
    pieces: list[Piece] = []
    at = 0
    for cut in cuts:
        pieces += scanner.add(text[at : at + cut])
        at += cut
    return joined([*pieces, *scanner.add(text[at:]), *scanner.finish()])


def joined(pieces: Sequence[Piece]) -> list[Piece]:
    result: list[Piece] = []
    for piece in pieces:
        last = result[-1] if result else None
        if isinstance(piece, Content) and isinstance(last, Content) and follows(piece, last):
            result[-1] = Content(last.text + piece.text, last.start)
        elif isinstance(piece, Reasoning) and isinstance(last, Reasoning) and follows(piece, last):
            result[-1] = Reasoning(last.text + piece.text, last.start)
        elif isinstance(piece, Arguments) and isinstance(last, Arguments):
            result[-1] = Arguments(last.text + piece.text)
        else:
            result.append(piece)
    return result


def follows(piece: Content | Reasoning, last: Content | Reasoning) -> bool:
    return last.start + len(last.text) == piece.start


def plainly(pieces: Sequence[Piece]) -> list[Any]:
    """Content as its text, a call as its name and its arguments' value."""
    result: list[Any] = []
    for piece in pieces:
        if isinstance(piece, Content):
            result.append(piece.text)
        elif isinstance(piece, Call):
            result.append((piece.name, None))
        elif isinstance(piece, Arguments):
            result[-1] = (result[-1][0], json.loads(piece.text))
    return result


@dataclass(frozen=True)
class Recorded:
    """A form that models of a family write, and what it means."""

    text: str
    meaning: list[Any]
    enforceable: bool = True
    """Whether reading it as enforced gives the same."""


def check(family: Family, recorded: Recorded) -> None:
    """Whole, character by character, and cut at each place."""
    text = recorded.text
    every = [[1] * len(text), *([cut] for cut in range(len(text)))]
    for enforced in (False, True) if recorded.enforceable else (False,):
        whole = read(family.scanner(TOOLS, enforced=enforced), text)
        assert plainly(whole) == recorded.meaning
        assert all(text.startswith(p.text, p.start) for p in whole if isinstance(p, Content))
        for cuts in every:
            assert read(family.scanner(TOOLS, enforced=enforced), text, cuts) == whole
