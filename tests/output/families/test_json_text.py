"""The end of a JSON value, against Python's own reader of JSON."""

import json

from hypothesis import given
from hypothesis import strategies as st

from pippin.output.families.json_text import MAX_DEPTH, JSONText

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
NEAR_JSON = st.lists(
    st.sampled_from([*'{}[],:"\\1-0.e+ \né', "u00e9", "true", "null", "fals", '"a"', '"a": ']),
    max_size=16,
).map("".join)
CUTS = st.lists(st.integers(1, 4), max_size=30)


def scanned(text: str, cuts: list[int]) -> tuple[bool, bool, int]:
    """Whether complete, whether broken, and where reading ended."""
    scanner = JSONText()
    at = 0
    for cut in [*cuts, len(text)]:
        end = min(at + cut, len(text))
        at += scanner.add(text[at:end])
        if at < end:
            break
    else:
        scanner.finish()
    return scanner.complete, scanner.broken, at


def strict(text: str) -> bool:
    """Whether the whole text is JSON; Python also takes NaN and Infinity, which are none."""

    def refuse(word: str) -> None:
        raise ValueError(word)

    try:
        json.loads(text, parse_constant=refuse)
    except ValueError:
        return False
    return True


@given(VALUES, st.sampled_from([None, 1]), st.booleans(), CUTS, st.sampled_from([" ", "x", "}{"]))
def test_a_value_ends_where_it_ends(
    value: object, indent: int | None, ascii_only: bool, cuts: list[int], rest: str
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert scanned(text + rest, cuts) == (True, False, len(text))


@given(NEAR_JSON, CUTS)
def test_what_is_no_json_is_broken_or_open(text: str, cuts: list[int]) -> None:
    complete, broken, at = scanned(text, cuts)
    assert not (complete and broken)
    assert complete == strict(text[:at])
    if strict(text):
        assert complete


@given(NEAR_JSON, CUTS)
def test_any_cutting_gives_the_same(text: str, cuts: list[int]) -> None:
    assert scanned(text, cuts) == scanned(text, [])


def test_what_is_broken_is_known_at_the_first_wrong_character() -> None:
    for text in ('{"a" 1', "[1,]", '"\x01', '"\\x', '"\\u12g', "tru}", "01", "-x", "1.x", "{,"):
        complete, broken, at = scanned(text, [])
        if text == "01":
            assert (complete, broken, at) == (True, False, 1)
        else:
            assert (complete, broken, at) == (False, True, len(text) - 1)


def test_depth_is_bounded() -> None:
    assert scanned("[" * MAX_DEPTH + "]" * MAX_DEPTH, []) == (True, False, 2 * MAX_DEPTH)
    assert scanned("[" * 1_000_000, []) == (False, True, MAX_DEPTH)
