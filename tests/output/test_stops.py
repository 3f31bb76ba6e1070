"""Stop texts, against the plainest definition."""

from hypothesis import given
from hypothesis import strategies as st

from pippin.output.stops import StopMatcher, StopText

LETTERS = st.text(alphabet="ab", max_size=30)
STOPS = st.lists(st.text(alphabet="ab", min_size=1, max_size=5), max_size=4)
CUTS = st.lists(st.integers(1, 5), min_size=40, max_size=40)


def plain(text: str, stops: list[str]) -> tuple[str, bool]:
    """Cut before the stop text that is complete first; of several, before the longest."""
    for end in range(1, len(text) + 1):
        found = [stop for stop in stops if text[:end].endswith(stop)]
        if found:
            return text[: end - max(map(len, found))], True
    return text, False


def streamed(text: str, stops: list[str], cuts: list[int]) -> tuple[str, bool]:
    matcher = StopMatcher([StopText(stop) for stop in stops])
    given_out = ""
    position = 0
    for cut in cuts:
        free, stopped = matcher.add(text[position : position + cut])
        position += cut
        given_out += free
        if stopped:
            return given_out, True
    return given_out + matcher.finish(), False


@given(LETTERS, STOPS, CUTS)
def test_any_cutting_gives_the_same_answer(text: str, stops: list[str], cuts: list[int]) -> None:
    assert streamed(text, stops, cuts) == plain(text, stops)


@given(LETTERS, STOPS, CUTS)
def test_what_was_given_out_was_never_part_of_a_stop(
    text: str, stops: list[str], cuts: list[int]
) -> None:
    matcher = StopMatcher([StopText(stop) for stop in stops])
    answer, _ = plain(text, stops)
    given_out, position = "", 0
    for cut in cuts:
        free, stopped = matcher.add(text[position : position + cut])
        position += cut
        given_out += free
        assert answer.startswith(given_out)
        if stopped:
            break


def test_without_stops_nothing_is_held() -> None:
    assert StopMatcher([]).add("abc") == ("abc", False)
