"""The index against a brute-force model: all remembered texts, compared token by token."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pippin.memory.blocks import BLOCK, chain, root_key
from pippin.memory.index import Match, PrefixIndex, Run
from pippin.memory.runs import Piece
from tests.memory.texts import (
    ROOT,
    SHORT_TEXTS,
    Note,
    Text,
    array,
    common,
    match,
    remembered,
    rivals,
    run_of,
    seen,
    text_of,
)


class IndexMachine(RuleBasedStateMachine):
    """Remembers, uses and forgets texts, and looks for others in between."""

    @initialize(needs_state=st.booleans())
    def begin(self, needs_state: bool) -> None:
        self.needs_state = needs_state
        self.index: PrefixIndex[Note] = PrefixIndex(needs_state=needs_state)
        self.known: list[Text] = [()]

    def text(self, data: st.DataObject) -> Text:
        """The beginning of a text that was there before, and something new."""
        known = data.draw(st.sampled_from(self.known))
        cut = data.draw(st.integers(0, len(known)))
        text = (known[:cut] + data.draw(SHORT_TEXTS))[:200]
        self.known = [*self.known[-20:], text]
        return text

    @property
    def texts(self) -> list[Text]:
        return [run.payload.text for run in self.index]

    @property
    def resumable(self) -> set[Text]:
        return {run.payload.text for run in self.index if run.has_state}

    @rule(data=st.data(), state=st.booleans(), early=st.integers(0, 2))
    def add(self, data: st.DataObject, state: bool, early: int) -> None:
        text = self.text(data)
        far = seen(self.texts, text)
        start = max(0, min(far, len(text) - 1) // BLOCK - early) * BLOCK
        if start == len(text):
            return
        is_new_state = self.needs_state and state and text not in self.resumable
        order = list(self.index)
        run = run_of(text, start, state=state, nbytes=data.draw(st.integers(0, 9)))
        is_new = self.index.add(run)
        assert is_new == run.held == (run in self.index) == (far < len(text) or is_new_state)
        if is_new:
            self.demand_used([run], order)

    @rule(data=st.data())
    def match(self, data: st.DataObject) -> None:
        prompt = self.text(data)
        limit = data.draw(st.sampled_from([len(prompt), max(0, len(prompt) - 1), 40, 64, 0]))
        order = list(self.index)
        found = match(self.index, prompt, limit)
        assert list(self.index) == order
        assert found.seen == seen(self.texts, prompt)
        assert found.rival in rivals(self.texts, prompt)
        if not self.needs_state:
            assert found.length == min(found.seen, limit)
        else:
            ends = [len(t) for t in self.resumable if t == prompt[: len(t)] and len(t) <= limit]
            assert found.length == max(ends, default=0)
            if found.pieces:
                last = found.pieces[-1]
                assert last.run.has_state
                assert last.high == last.run.end

    @precondition(lambda self: len(self.index) > 0)
    @rule(data=st.data())
    def touch(self, data: st.DataObject) -> None:
        prompt = data.draw(st.sampled_from(self.texts))
        order = list(self.index)
        pieces = match(self.index, prompt).pieces
        some = data.draw(st.lists(st.sampled_from(pieces))) if pieces else []
        self.index.touch(some)
        self.demand_used([piece.run for piece in some], order)

    def demand_used(self, used: list[Run[Note]], order: list[Run[Note]]) -> None:
        """What was used, and what it lies behind, is younger than all else, whose order stays."""
        family = {each for run in used for each in (run, *self.index.before(run))}
        rest = [run for run in order if run not in family]
        assert list(self.index)[: len(rest)] == rest

    @precondition(lambda self: len(self.index) > 0)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        order = list(self.index)
        run = data.draw(st.sampled_from(order))
        behind = {each for each in order if run in self.index.before(each)}
        gone = self.index.remove(run)
        assert {*gone} == {run, *behind}
        assert len(gone) == len({*gone})
        assert [each.start for each in gone] == sorted(each.start for each in gone)
        assert not any(each.held for each in gone)
        assert list(self.index) == [each for each in order if each not in gone]
        assert self.index.remove(run) == []

    @invariant()
    def books_are_right(self) -> None:
        self.index.check()
        assert self.index.nbytes == sum(run.payload.nbytes for run in self.index)
        assert self.index.tokens == sum(len(run.tokens) for run in self.index)
        parents = {self.index.before(run)[0] for run in self.index if run.start}
        assert self.index.leaves == len(self.index) - len(parents)
        assert self.index.oldest not in parents

    @invariant()
    def nobody_hangs_in_the_air(self) -> None:
        for run in self.index:
            begin = run.payload.text[: run.start]
            assert run.start == 0 or any(
                other.start < run.start and common(other.payload.text, begin) == run.start
                for other in self.index
                if other is not run
            )


TestIndexMachine = IndexMachine.TestCase
TestIndexMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_a_branch_begins_at_the_boundary_before_the_difference() -> None:
    trunk = run_of(text_of((1, 100)))
    branch = run_of(text_of((1, 90), (2, 50)), 64)
    index = remembered(trunk, branch)
    found = match(index, text_of((1, 90), (2, 20), (3, 5)))
    assert found == Match((Piece(trunk, 0, 64), Piece(branch, 64, 110)), 110, 110, 2)
    assert index.before(branch) == [trunk]
    assert index.leaves == 1


def test_of_two_runs_the_longer_one_is_taken() -> None:
    short, long = run_of(text_of((1, 64))), run_of(text_of((1, 200)))
    for runs in ((short, long), (long,)):
        found = match(remembered(*runs), text_of((1, 150)))
        assert found.pieces == (Piece(long, 0, 150),)


def test_where_what_is_remembered_ends_there_is_no_rival() -> None:
    index = remembered(run_of(text_of((1, 40))))
    assert match(index, text_of((1, 40), (2, 9))).rival is None
    assert match(index, text_of((1, 33))).rival is None
    assert match(index, text_of((1, 39), (2, 1))).rival == 1


def test_the_limit_bounds_what_is_reused_and_not_what_is_seen() -> None:
    index = remembered(run_of(text_of((1, 100))))
    found = match(index, text_of((1, 100)), 99)
    assert (found.length, found.seen) == (99, 100)


def test_without_a_state_at_hand_nothing_is_resumed() -> None:
    text = text_of((1, 100))
    checkpoint, end = run_of(text[:70], state=True), run_of(text, 64, state=True)
    index = remembered(checkpoint, end, needs_state=True)
    assert match(index, text, 99).length == 70
    assert match(index, text, 100).pieces == (Piece(checkpoint, 0, 64), Piece(end, 64, 100))
    assert match(index, text[:69]).pieces == ()
    assert match(index, text[:69]).seen == 69


def test_a_state_is_found_in_the_middle_of_a_block_beside_a_longer_run() -> None:
    long = run_of(text_of((1, 200)))
    checkpoint = run_of(text_of((1, 77)), 64, state=True)
    index = remembered(long, checkpoint, needs_state=True)
    found = match(index, text_of((1, 150)))
    assert found.pieces == (Piece(long, 0, 64), Piece(checkpoint, 64, 77))


def test_what_brings_nothing_new_is_refused_and_counts_as_a_use() -> None:
    first, second = run_of(text_of((1, 100))), run_of(text_of((2, 100)))
    index = remembered(first, second)
    assert not index.add(run_of(text_of((1, 90))))
    assert not index.add(run_of(text_of((1, 100)), 64, state=True))
    assert list(index) == [second, first]


def test_a_state_is_something_new_once() -> None:
    index = remembered(run_of(text_of((1, 100))), needs_state=True)
    assert index.add(run_of(text_of((1, 100)), 96, state=True))
    assert not index.add(run_of(text_of((1, 100)), 64, state=True))


def test_salts_keep_texts_apart() -> None:
    text = text_of((1, 100))
    index = remembered(run_of(text, root=root_key(b"model", "mine")))
    found = index.match(array(text), chain(root_key(b"model", "yours"), text), 100)
    assert found == Match((), 0, 0, None)


@pytest.mark.parametrize(
    "run",
    [
        Run(0, array([]), (ROOT,), Note((), 0)),
        Run(8, array([1]), (ROOT,), Note((1,), 1)),
        Run(-32, array([1]), (ROOT,), Note((1,), 1)),
        Run(0, array([1] * 32), (ROOT,), Note((1,), 1)),
        Run(0, array([1]), (ROOT, b"key"), Note((1,), 1)),
        Run(0, array([1] * 32), (ROOT, ROOT), Note((1,), 1)),
        run_of(text_of((1, 90), (2, 9)), 64),
        run_of(text_of((2, 90)), 32),
    ],
    ids=["empty", "askew", "negative", "few keys", "many keys", "twice", "gap", "stranger"],
)
def test_a_run_that_cannot_be_held_changes_nothing(run: Run[Note]) -> None:
    index = remembered(run_of(text_of((1, 40))))
    with pytest.raises(ValueError, match="run"):
        index.add(run)
    assert (len(index), index.nbytes, run.held) == (1, 40, False)
    index.check()


def test_a_prompt_brings_all_of_its_keys() -> None:
    index = remembered(run_of(text_of((1, 100))))
    with pytest.raises(ValueError, match="keys"):
        index.match(array(text_of((1, 100))), chain(ROOT, text_of((1, 64))), 100)
