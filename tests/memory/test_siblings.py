"""Siblings: whoever agrees longest with a text is found beside its place."""

from hypothesis import given
from hypothesis import strategies as st

from pippin.memory.blocks import BLOCK, chain
from pippin.memory.runs import Run
from pippin.memory.siblings import Siblings
from tests.memory.texts import ROOT, Note, Text, array

TOKENS = st.integers(0, 2) | st.sampled_from([255, 256, -1, 2**31 - 1])
TEXTS = st.lists(TOKENS, min_size=1, max_size=4).map(tuple)
LONG_TEXTS = st.tuples(TEXTS, st.lists(TOKENS, max_size=3)).map(
    lambda parts: (*parts[0], *[7] * (BLOCK - 2), *parts[1])
)


def run_of(text: Text) -> Run[Note]:
    return Run(0, array(text), chain(ROOT, text), Note(text, len(text)))


def family(texts: list[Text]) -> tuple[Siblings[Note], list[Run[Note]]]:
    siblings: Siblings[Note] = Siblings(0)
    runs = [run_of(text) for text in texts]
    for run in runs:
        siblings.add(run)
    return siblings, runs


def agreement(one: Text, other: Text) -> int:
    """Tokens of the first block."""
    pairs = list(zip(one[:BLOCK], other[:BLOCK], strict=False))
    return next((i for i, (a, b) in enumerate(pairs) if a != b), len(pairs))


@given(st.lists(TEXTS | LONG_TEXTS, max_size=12), TEXTS | LONG_TEXTS)
def test_who_agrees_longest_is_beside_a_text(texts: list[Text], text: Text) -> None:
    siblings, _ = family(texts)
    beside = [run.payload.text for run in siblings.beside(array(text))]
    longest = max((agreement(each, text) for each in texts), default=0)
    assert longest == max((agreement(each, text) for each in beside), default=0)
    if longest < min(len(text), BLOCK):
        going_on = [e for e in texts if agreement(e, text) == longest and len(e) > longest]
        assert bool(going_on) == any(each in going_on for each in beside)


@given(st.lists(TEXTS | LONG_TEXTS, max_size=12), TEXTS | LONG_TEXTS)
def test_short_runs_are_found_that_a_text_begins_with(texts: list[Text], text: Text) -> None:
    siblings, runs = family(texts)
    right = [r for t, r in zip(texts, runs, strict=True) if len(t) < BLOCK and text[: len(t)] == t]
    found = siblings.within(array(text))
    assert len(found) == len(right)
    assert {*found} == {*right}


@given(st.lists(TEXTS | LONG_TEXTS, min_size=1, max_size=12), st.data())
def test_who_leaves_is_found_no_more_and_all_others_are(
    texts: list[Text], data: st.DataObject
) -> None:
    siblings, runs = family(texts)
    gone = data.draw(st.sampled_from(runs))
    siblings.remove(gone)
    assert {*siblings.runs} == {*runs} - {gone}
    assert len(siblings) == len(runs) - 1
    for run in siblings.runs:
        assert max(agreement(r.payload.text, run.payload.text) for r in siblings.beside(run.tokens))
