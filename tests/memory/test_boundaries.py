"""What keys that somebody forged can do (nothing), and what a match costs."""

import hashlib
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pippin.memory import boundaries
from pippin.memory.blocks import BLOCK, chain
from pippin.memory.index import PrefixIndex, Run, Tokens
from tests.memory.texts import (
    ROOT,
    SHORT_TEXTS,
    Note,
    Text,
    array,
    match,
    remembered,
    run_of,
    text_of,
)

# Row 71 of the hostile list: a key is no proof.


def test_forged_keys_find_nothing() -> None:
    mine, theirs = text_of((1, 100)), text_of((2, 100))
    forged = Run(0, array(theirs), chain(ROOT, mine), Note(theirs, 100), has_state=True)
    for needs_state in (False, True):
        found = match(remembered(forged, needs_state=needs_state), mine)
        assert (found.pieces, found.seen, found.rival) == ((), 0, 2)
        forged.held = False


def test_a_forged_key_after_a_true_one_finds_nothing() -> None:
    mine, theirs = text_of((1, 32), (3, 32)), text_of((2, 32), (3, 32))
    keys = (*chain(ROOT, theirs)[:2], chain(ROOT, mine)[2])
    index = remembered(run_of(mine[:32]), Run(0, array(theirs), keys, Note(theirs, 64)))
    assert match(index, mine).seen == 32


def test_two_texts_are_not_held_under_one_key() -> None:
    mine, theirs = text_of((1, 100)), text_of((2, 100))
    index = remembered(run_of(mine))
    with pytest.raises(ValueError, match="two texts"):
        index.add(Run(0, array(theirs), chain(ROOT, mine), Note(theirs, 100)))
    index.check()
    assert match(index, mine).length == 100


class WeakHash:
    """What is left of a hash that can be forged: one of 24."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def digest(self) -> bytes:
        return bytes([hashlib.sha256(self._data).digest()[0] % 24])


@given(st.lists(st.tuples(SHORT_TEXTS, st.booleans()), max_size=12), st.booleans())
@settings(deadline=None)
def test_colliding_keys_never_hand_out_another_text(
    texts: list[tuple[Text, bool]], needs_state: bool
) -> None:
    index: PrefixIndex[Note] = PrefixIndex(needs_state=needs_state)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pippin.memory.blocks.hashlib", SimpleNamespace(sha256=WeakHash))
        for text, state in texts:
            known = match(index, text).seen
            start = min(known, len(text) - 1) // BLOCK * BLOCK
            try:
                if text:
                    index.add(run_of(text, start, state=state))
            except ValueError:
                assert text not in [run.payload.text for run in index]
            index.check()
            for prompt, _ in texts:
                match(index, prompt)


# Long prompts: the work grows with the tokens, not with their square.


def compared(index: PrefixIndex[Note], prompt: Text) -> int:
    """How many tokens a match compares on its way."""
    count = 0
    original = boundaries._agreement

    def counting(run: Run[Note], position: int, tokens: Tokens) -> int:
        nonlocal count
        count += min(run.end - position, len(tokens))
        return original(run, position, tokens)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boundaries, "_agreement", counting)
        assert match(index, prompt).seen == len(prompt)
    return count


LONG = tuple(range(30_000))
KEYS = chain(ROOT, LONG)


def stretch(low: int, high: int) -> Run[Note]:
    """Of the long text."""
    keys = KEYS[low // BLOCK : high // BLOCK + 1]
    return Run(low, array(LONG[low:high]), keys, Note(LONG, high - low))


@pytest.mark.parametrize("step", [BLOCK, 10 * BLOCK, len(LONG)])
def test_a_long_prompt_is_compared_a_few_times_over(step: int) -> None:
    pieces = (stretch(low, min(low + step, len(LONG))) for low in range(0, len(LONG), step))
    assert compared(remembered(*pieces), LONG) <= 3 * len(LONG)


def test_siblings_cost_two_blocks_together() -> None:
    trunk = LONG[:3200]
    siblings = [trunk + (i,) * 1000 for i in range(100)]
    index = remembered(run_of(trunk), *(run_of(text, 3200) for text in siblings))
    assert compared(index, siblings[50]) <= 3 * 4200 + 2 * BLOCK
    assert compared(index, siblings[50][:3210]) <= 3 * 3210 + 2 * BLOCK


def test_a_text_of_many_turns_is_used_and_removed() -> None:
    turns = [stretch(low, low + BLOCK) for low in range(0, 20_000, BLOCK)]
    index = remembered(*turns)
    index.touch(match(index, LONG[:20_000]).pieces)
    assert list(index) == turns[::-1]
    assert index.remove(turns[0]) == turns
    assert (len(index), index.nbytes, index.leaves) == (0, 0, 0)
