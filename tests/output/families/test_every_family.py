"""What holds for each family in the table, whatever a model writes."""

# ruff: noqa: RUF001  DeepSeek's bars are wide ones

import sys
from collections.abc import Callable, Sequence
from functools import cache
from types import FrameType
from typing import Any, SupportsIndex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pippin.core.tools import ToolUse
from pippin.output.families.family import Family
from pippin.output.families.grammar import answer_grammar
from pippin.output.families.table import FAMILIES, choose
from pippin.output.pieces import Call, Content, Piece
from tests.output.families.reading import TOOLS, read
from tests.output.families.walking import Bytes, likes, wander

EVERY = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
PLAIN = pytest.mark.parametrize(
    "family", [f for f in FAMILIES if f.name != "harmony"], ids=lambda family: family.name
)
"""Harmony has further markup, for what is no call."""
HARMONY = (
    '<|channel|>commentary to=functions.add <|constrain|>json<|message|>{"a": 1}<|call|>',
    "<|channel|>commentary to=functions.ping<|message|>{}",
    "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.",
)
SNIPPETS = (
    *("{", "}", "[", "]", "(", ")", "<", ">", "|", '"', "'", "\\", ",", ":", ";", "=", "/", "`"),
    *(" ", "\n", "\t", "é", "漢字", "\U0001f600", "\x00", "\u2581", "1", "-0.5", "null", "true"),
    *("Hello", "text ", "```json\n", "```", "Action:", "functools[", "[ARGS]", "functions."),
    *("get_weather", "add", "ping", "rm", '"name": "ping"', '"arguments": {}', '"parameters": '),
    *('{"name": "add", "arguments": {"a": "x"}}', '{"city": "Rome"}', '{"tool_name": "ping", '),
    *('{"name": "rm", "arguments": {}}', '{"a": 1, "b": [2]}', "<tool_call>", "</tool_call>"),
)
ENDS = ("</arg_value>", "</parameter>", "</｜DSML｜parameter>", '<|"|>', "<escape>")
"""Of arguments that are any text: no random text would ever come upon them letter by letter."""
CUTS = st.lists(st.integers(1, 7), max_size=80)


@cache
def answers(name: str) -> tuple[str, ...]:
    """Calls as the family's grammar has them."""
    if name == "harmony":
        return HARMONY
    family = choose(None, name)
    vocabulary = Bytes(ENDS)
    rules = family.rules(TOOLS, vocabulary.mark)
    grammar = answer_grammar(rules, ToolUse(mode="required"), vocabulary.mark)
    made = [wander(grammar, vocabulary, seed, 300, likes) for seed in range(20)]
    return tuple(text for text, whole in made if whole)


@cache
def texts(name: str) -> st.SearchStrategy[str]:
    """Texts that are made of what the family's scanner looks for, whole and in parts."""
    parts = [*choose(None, name).marks, *answers(name)]
    halves = [half for part in parts for half in (part[: len(part) // 2], part[len(part) // 2 :])]
    whole = st.sampled_from(parts)
    pieces = st.one_of(whole, st.sampled_from(halves), st.sampled_from(SNIPPETS))
    return st.lists(pieces, max_size=8).map("".join)


@PLAIN
def test_calls_come_out_of_what_the_grammar_makes(family: Family) -> None:
    assert len(answers(family.name)) >= 5


@EVERY
@settings(deadline=None, max_examples=50)
@given(data=st.data(), cuts=CUTS, enforced=st.booleans())
def test_any_cutting_gives_the_same(
    family: Family, data: st.DataObject, cuts: list[int], enforced: bool
) -> None:
    text = data.draw(texts(family.name))
    whole = read(family.scanner(TOOLS, enforced=enforced), text)
    assert read(family.scanner(TOOLS, enforced=enforced), text, cuts) == whole
    assert read(family.scanner(TOOLS, enforced=enforced), text, [1] * len(text)) == whole


@PLAIN
@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_nothing_is_lost(family: Family, data: st.DataObject) -> None:
    text = data.draw(texts(family.name))
    at = 0
    calls: list[Piece] = []
    for piece in [*read(family.scanner(TOOLS, enforced=False), text), Content("", len(text))]:
        if not isinstance(piece, Content):
            calls.append(piece)
            continue
        assert text.startswith(piece.text, piece.start)
        if at < piece.start or calls:
            assert any(isinstance(call, Call) for call in calls)
            assert read(family.scanner(TOOLS, enforced=False), text[at : piece.start]) == calls
        at = piece.start + len(piece.text)
        calls = []


@EVERY
@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_content_of_enforced_answers_is_a_slice(family: Family, data: st.DataObject) -> None:
    text = data.draw(texts(family.name))
    at = 0
    for piece in read(family.scanner(TOOLS, enforced=True), text):
        if isinstance(piece, Content):
            assert piece.start >= at
            assert text.startswith(piece.text, piece.start)
            at = piece.start + len(piece.text)
        elif isinstance(piece, Call):
            assert piece.name in {tool.name for tool in TOOLS}


@PLAIN
@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_without_tools_all_is_content(family: Family, data: st.DataObject) -> None:
    text = data.draw(texts(family.name))
    expected = [Content(text, 0)] if text else []
    assert read(family.scanner((), enforced=False), text) == expected


class Counted(str):
    """Counts the characters that are copied out of it, or joined to it."""

    __slots__ = ()
    copied = 0

    def __getitem__(self, key: SupportsIndex | slice) -> "Counted":
        part = Counted(super().__getitem__(key))
        Counted.copied += len(part)
        return part

    def __add__(self, other: str) -> "Counted":
        Counted.copied += len(self) + len(other)
        return Counted(super().__add__(other))

    def __radd__(self, other: str) -> "Counted":
        Counted.copied += len(self) + len(other)
        return Counted(str.__add__(other, self))


def work(read_all: Callable[[], object]) -> tuple[int, int]:
    """How many lines run, and how many characters are copied."""
    lines = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace

    before, copied = sys.gettrace(), Counted.copied
    sys.settrace(trace)
    try:
        read_all()
    finally:
        sys.settrace(before)
    return lines, Counted.copied - copied


def effort(family: Family, text: str, *, enforced: bool) -> tuple[int, int]:
    scanner = family.scanner(TOOLS, enforced=enforced)
    chunks = [Counted(char) for char in text]

    def read_all() -> None:
        for chunk in chunks:
            scanner.add(chunk)
        scanner.finish()

    return work(read_all)


def growing(family: Family) -> list[tuple[str, str]]:
    """A beginning, and what is repeated behind it."""
    call = min(answers(family.name), key=len)
    middle = len(call) * 2 // 3
    marks = family.marks[:3]
    repeated = ["<", " ", "\n", "{", "[", '{"', '{"a":', '"', "\\", "a ", ", ", "]", call]
    repeated += [call[:middle], *marks, *(mark[:-1] for mark in marks)]
    return [(opening, part) for opening in ("", call[:middle]) for part in repeated]


@EVERY
@pytest.mark.parametrize("enforced", [False, True])
def test_work_is_linear(family: Family, enforced: bool) -> None:
    for opening, part in growing(family):
        count = max(2, 60 // len(part))
        small = effort(family, opening + part * count, enforced=enforced)
        large = effort(family, opening + part * 3 * count, enforced=enforced)
        for less, more in zip(small, large, strict=True):
            assert more <= 4 * less + 500, (opening, part, small, large)


def test_the_measure_of_work_sees_what_is_quadratic() -> None:
    def again_and_again(pieces: Sequence[str]) -> None:
        kept = Counted()
        for piece in pieces:
            kept = kept + piece

    few, many = ["x"] * 100, ["x"] * 400
    assert work(lambda: again_and_again(many))[1] > 12 * work(lambda: again_and_again(few))[1]
    assert work(many.sort)[0] < 10
