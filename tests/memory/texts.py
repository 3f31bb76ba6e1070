"""Texts to remember, and what is true of them: slow and obvious."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from pippin.memory.blocks import BLOCK, chain, root_key
from pippin.memory.index import Match, PrefixIndex, Run, Tokens

ROOT = root_key(b"model", "")
Text = tuple[int, ...]

STRETCHES = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([1, 5, 31, 32, 33, 64])), max_size=4
)
SHORT_TEXTS = STRETCHES.map(lambda parts: sum(((token,) * n for token, n in parts), ()))
"""Few tokens, repeated, so that beginnings are often the same."""


@dataclass(frozen=True)
class Note:
    """A payload that knows the whole text that it was computed after and for."""

    text: Text
    nbytes: int


def array(text: Sequence[int]) -> Tokens:
    return np.array(text, dtype=np.int32)


def run_of(
    text: Text,
    start: int = 0,
    *,
    state: bool = False,
    nbytes: int | None = None,
    root: bytes = ROOT,
) -> Run[Note]:
    """The text's tokens from ``start`` on. A token weighs one byte, unless told otherwise."""
    note = Note(text, len(text) - start if nbytes is None else nbytes)
    keys = chain(root, text)[start // BLOCK :]
    return Run(start, array(text[start:]), keys, note, has_state=state)


def common(one: Text, other: Text) -> int:
    """How many of the first tokens are the same."""
    return next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )


def seen(texts: Iterable[Text], prompt: Text) -> int:
    return max((common(text, prompt) for text in texts), default=0)


def rivals(texts: Iterable[Text], prompt: Text) -> set[int | None]:
    """What may be named as the remembered token where the prompt leaves all of the texts."""
    texts = list(texts)
    far = seen(texts, prompt)
    if far == len(prompt):
        return {None}
    there = {text[far] for text in texts if common(text, prompt) == far and len(text) > far}
    return {*there} or {None}


def demand_true(match: Match[Note], prompt: Text) -> None:
    """What a match hands out was computed for exactly this prompt, and for all of it."""
    position = 0
    for piece in match.pieces:
        assert piece.run.held
        assert piece.low == position < piece.high
        assert piece.run.start <= piece.low
        assert piece.high <= piece.run.end
        assert piece.run.payload.text[: piece.high] == prompt[: piece.high]
        position = piece.high
    assert position == match.length <= match.seen


def match(index: PrefixIndex[Note], prompt: Text, limit: int | None = None) -> Match[Note]:
    found = index.match(array(prompt), chain(ROOT, prompt), len(prompt) if limit is None else limit)
    demand_true(found, prompt)
    return found


def remembered(*runs: Run[Note], needs_state: bool = False) -> PrefixIndex[Note]:
    index: PrefixIndex[Note] = PrefixIndex(needs_state=needs_state)
    for run in runs:
        assert index.add(run)
    return index


def text_of(*parts: tuple[int, int]) -> Text:
    """Of (token, how often)."""
    return tuple(token for token, times in parts for _ in range(times))
