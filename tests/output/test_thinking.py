"""Thinking is told from the answer, however the text is split, and nothing is lost."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pippin.output.pieces import Content, Piece, PlainScanner, Reasoning
from pippin.output.thinking import (
    MAX_BLANKS,
    Thinking,
    ThinkingMarks,
    ThinkingScanner,
)

MARKS = ThinkingMarks("<think>", "</think>")
FRAGMENTS = st.sampled_from(
    ["<think>", "</think>", "<", "</", "think>", " ", "\n", "\n\n", "a", "b c", "é", " " * 70]
)
TEXTS = st.lists(FRAGMENTS, max_size=12).map("".join)


def read(parts: list[str], *, inside: bool) -> tuple[str, str, list[Piece]]:
    """Reasoning, content and all pieces."""
    scanner = ThinkingScanner(Thinking(MARKS, inside), PlainScanner())
    pieces = [piece for part in parts for piece in scanner.add(part)] + scanner.finish()
    reasoning = "".join(piece.text for piece in pieces if isinstance(piece, Reasoning))
    content = "".join(piece.text for piece in pieces if isinstance(piece, Content))
    return reasoning, content, pieces


def test_the_usual_form() -> None:
    text = "<think>\nfirst this\nthen that\n</think>\n\nThe answer."
    assert read([text], inside=False)[:2] == ("first this\nthen that", "The answer.")


def test_the_prompt_may_have_opened_the_block() -> None:
    assert read(["so\n</think>\n\nyes"], inside=True)[:2] == ("so", "yes")


def test_an_empty_block_is_no_thinking() -> None:
    assert read(["<think>\n\n</think>\n\nyes"], inside=False)[:2] == ("", "yes")


def test_no_block_is_all_content() -> None:
    assert read([" yes, <think> is a tag"], inside=False)[:2] == ("", " yes, <think> is a tag")


def test_a_block_that_never_ends_is_thinking() -> None:
    assert read(["<think>on and on </thi"], inside=False)[:2] == ("on and on </thi", "")


def test_only_the_first_block_counts() -> None:
    assert read(["a</think>b<think>c</think>"], inside=True)[:2] == ("a", "b<think>c</think>")


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.lists(st.integers(0, 200), max_size=6), st.booleans())
@example(" " * 80 + "</think>x", [79], True)
@example(" " * 80 + "<think>x", [3], False)
def test_the_split_does_not_matter_and_pieces_are_slices(
    text: str, cuts: list[int], inside: bool
) -> None:
    ends = sorted({min(cut, len(text)) for cut in cuts} | {len(text)})
    starts = [0, *ends[:-1]]
    whole = read([text], inside=inside)
    split = read([text[a:b] for a, b in zip(starts, ends, strict=True)], inside=inside)
    letters = read(list(text), inside=inside)
    assert whole[:2] == split[:2] == letters[:2]
    for pieces in (whole[2], split[2], letters[2]):
        end = 0
        for piece in pieces:
            assert isinstance(piece, Content | Reasoning)
            assert text[piece.start : piece.start + len(piece.text)] == piece.text
            lost = text[end : piece.start]
            assert not lost.replace("<think>", "").replace("</think>", "").strip()
            end = piece.start + len(piece.text)


def length(pieces: list[Piece]) -> int:
    return sum(len(piece.text) for piece in pieces if isinstance(piece, Content | Reasoning))


def test_what_is_kept_back_has_a_bound() -> None:
    scanner = ThinkingScanner(Thinking(MARKS, True), PlainScanner())
    given = sum(length(scanner.add("x" + "\n" * 9)) for _ in range(1000))
    assert 10_000 - given <= MAX_BLANKS + len(MARKS.close)
    scanner = ThinkingScanner(Thinking(MARKS, False), PlainScanner())
    given = sum(length(scanner.add("\n" * 10)) for _ in range(1000))
    assert given == 10_000
