"""Regular expressions, against Python's ``re``."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pippin.core.constraint import Regex
from pippin.engine.constraints.compiler import Compiler
from pippin.engine.constraints.patterns.anchors import found_in, whole
from pippin.engine.constraints.patterns.dialects import ECMA, PYTHON
from pippin.engine.constraints.patterns.matching import PatternMatcher
from pippin.engine.constraints.patterns.nodes import PatternRefused, write
from pippin.engine.constraints.patterns.parser import parse
from pippin.errors import InvalidRequest
from tests.engine.constraints.vocabularies import accepts, demo, walk

DEMO = demo()
COMPILER = Compiler(DEMO)
MATCHER = PatternMatcher()


def matches(pattern: str, text: str) -> bool:
    return MATCHER.matches(write(whole(parse(pattern, PYTHON))), text)


def finds(pattern: str, text: str) -> bool:
    return MATCHER.matches(write(found_in(parse(pattern, ECMA))), text)


_ATOMS = st.sampled_from(
    ["a", "b", ".", "[ab]", "[^a]", r"\d", r"\w", r"\s", r"\S", r"\.", "é", "/", '"', "[a-c0-9]"]
)
PATTERNS = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda p: f"(?:{p[0]}|{p[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{2,}", "*?"])).map(
            lambda p: f"({p[0]}){p[1]}"
        ),
    ),
    max_leaves=8,
)
ANCHORED = st.tuples(
    st.sampled_from(["", "^", "(^a|b)", "^|"]), PATTERNS, st.sampled_from(["", "$", "(b|a$)", "|$"])
).map("".join)
TEXTS = st.text(alphabet='ab cé0.9/"\n_', max_size=6)


@given(PATTERNS, TEXTS)
@settings(max_examples=300)
def test_whole_match_is_that_of_re(pattern: str, text: str) -> None:
    assert matches(pattern, text) == bool(re.fullmatch(pattern, text))


@given(ANCHORED, TEXTS)
@settings(max_examples=300)
def test_search_is_that_of_re(pattern: str, text: str) -> None:
    python = re.sub(r"\$", r"\\Z", pattern).replace(".", r"[^\n\r\u2028\u2029]")
    python = python.replace("\\[^\\n\\r\\u2028\\u2029]", r"\.").replace(r"\w", "[a-zA-Z0-9_]")
    assert finds(pattern, text) == bool(re.search(python, text))


@given(PATTERNS, st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_what_it_allows_matches(pattern: str, seed: int) -> None:
    compiled = COMPILER.compile(Regex(pattern=pattern))
    text = walk(compiled.matcher(), DEMO, random.Random(seed), most=60)
    assert text is None or re.fullmatch(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"^\d{3}-\d{4}$", ["555-1234"], ["555-12345", "x555-1234", "\u0665\u0665\u0665-1234"]),
        (r"\A[a-z]+\Z", ["abc"], ["a1", ""]),
        (r"(?i)yes|no", ["YES", "no", "nO"], ["yep"]),
        (r"(?i:a)b", ["Ab", "ab"], ["aB"]),
        (r"(?s)a.b", ["a\nb"], ["ab"]),
        (r"a.b", ["axb", "a\rb"], ["a\nb"]),
        (r"(?P<year>\d+)(?#why)-(?<m>\d)", ["12-3"], ["12-"]),
        (r"[]a]+[^]a]", ["]ab"], ["]]"]),
        (r"[\s\S]*x", ["\u00a0\nx"], ["y"]),
        (r"a{,2}b", ["b", "aab"], ["aaab"]),
        (r"a{2", ["a{2"], ["aa"]),
        (r"\x41\u00e9\t\n\0\-\/", ["Aé\t\n\0-/"], ["A"]),
        (r"\p{Lu}\P{L}", ["É1"], ["é1"]),
        ("", [""], ["a"]),
    ],
)
def test_forms(pattern: str, good: list[str], bad: list[str]) -> None:
    compiled = COMPILER.compile(Regex(pattern=pattern))
    for text in good:
        assert accepts(compiled.matcher(), DEMO, text), text
    for text in bad:
        assert not accepts(compiled.matcher(), DEMO, text), text


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("a(?=b)", "lookahead"),
        ("a(?!b)", "lookahead"),
        ("(?<=a)b", "lookbehind"),
        ("(?<!a)b", "lookbehind"),
        (r"(a)\1", "backreference"),
        (r"(?P<x>a)(?P=x)", "backreference"),
        (r"\bfoo", "word boundary"),
        ("(?>a)", "atomic"),
        ("a++", "possessive"),
        ("(?m)^a", "flag m"),
        ("(a)?(?(1)b|c)", "conditional"),
        ("(^a)*", "anchor inside"),
        ("^*", "anchor cannot"),
        ("(a", "without its )"),
        ("a)", "without its ("),
        ("[a", "has no ]"),
        ("[b-a]", "ends before"),
        ("a{3,2}", "ends before"),
        ("*a", "nothing to repeat"),
        ("a**", "repetition is repeated"),
        (r"\q", "not known"),
        ("a\\", "escapes nothing"),
        ("a{1000000}", "too long"),
        ("(a{1,200}){1,200}", "come to more than"),
        ("(" * 100 + ")" * 100, "in one another"),
        ("\ud800", "surrogate"),
        (r"[\d-z]", "end of a range"),
    ],
)
def test_refused(pattern: str, words: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        COMPILER.compile(Regex(pattern=pattern, param="guided_regex"))
    assert words in caught.value.message
    assert caught.value.param == "guided_regex"


@given(st.text(alphabet=r"ab\(){}[]|*+?^$.-,0123dwsxup:=!<>P" + "\n", max_size=20))
@settings(max_examples=500)
def test_any_text_is_a_pattern_or_refused(text: str) -> None:
    for dialect in (PYTHON, ECMA):
        try:
            write(found_in(parse(text, dialect)))
        except PatternRefused as refused:
            if not str(refused):
                pytest.fail("a refusal without words")
