"""The tier in RAM against the plainest LRU that there is."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pippin.memory import ram
from pippin.memory.blocks import BLOCK, chain
from pippin.memory.index import Match, Run
from pippin.memory.ram import RamTier
from tests.memory.texts import ROOT, SHORT_TEXTS, Note, Text, array, demand_true, run_of

BUDGETS = st.sampled_from([0, 50, 300, 1000])


def match(tier: RamTier[Note], prompt: Text) -> Match[Note]:
    found = tier.match(array(prompt), chain(ROOT, prompt), len(prompt))
    demand_true(found, prompt)
    return found


class RamMachine(RuleBasedStateMachine):
    """``order``: what must be held, least recently used first. ``parents``: as the tree was built:
    by the model's own reading of which run leads up to which."""

    @initialize(needs_state=st.booleans(), budget=BUDGETS, slots=st.sampled_from([None, 1, 2, 5]))
    def begin(self, needs_state: bool, budget: int, slots: int | None) -> None:
        self.slots = slots
        self.tier: RamTier[Note] = RamTier(
            needs_state=needs_state, budget_bytes=budget, slots=slots
        )
        self.order: list[Run[Note]] = []
        self.parents: dict[Run[Note], Run[Note] | None] = {}
        self.evicted: list[Run[Note]] = []
        self.known: list[Text] = [()]

    def text(self, data: st.DataObject) -> Text:
        known = data.draw(st.sampled_from(self.known))
        text = (known[: data.draw(st.integers(0, len(known)))] + data.draw(SHORT_TEXTS))[:200]
        self.known = [*self.known[-20:], text]
        return text

    def family(self, run: Run[Note]) -> list[Run[Note]]:
        parent = self.parents[run]
        return [run, *(self.family(parent) if parent else ())]

    def use(self, runs: list[Run[Note]]) -> None:
        used = {each for run in runs for each in self.family(run)}
        rest = [run for run in self.order if run not in used]
        self.order = [*rest, *sorted(used, key=lambda run: -run.start)]

    def make_room(self) -> None:
        while self.weight > self.tier.budget_bytes or (self.slots or 999) < self.leaves:
            self.evicted.append(self.order.pop(0))

    @property
    def weight(self) -> int:
        return sum(run.payload.nbytes for run in self.order)

    @property
    def leaves(self) -> int:
        parents = [self.parents[run] for run in self.order]
        return len([run for run in self.order if run not in parents])

    @rule(data=st.data(), state=st.booleans(), nbytes=st.integers(0, 400))
    def add(self, data: st.DataObject, state: bool, nbytes: int) -> None:
        text = self.text(data)
        if not text:
            return
        found = match(self.tier, text)
        start = min(found.seen, len(text) - 1) // BLOCK * BLOCK
        run = run_of(text, start, state=state, nbytes=nbytes)
        # The newest of those that lead up to it; added, not used.
        leading = [
            other
            for other in self.parents
            if other in self.order and other.start < start <= other.end
            if other.payload.text[:start] == text[:start]
        ]
        self.parents[run] = leading[-1] if leading else None
        if sum(each.payload.nbytes for each in self.family(run)) > self.tier.budget_bytes:
            assert not self.tier.add(run)
        elif self.tier.add(run):
            self.use([run])
            self.make_room()
        else:
            assert found.seen == len(text)
            # What is held instead was used: which of several runs that is, the index knows.
            self.order = list(self.tier)

    @rule(data=st.data())
    def touch(self, data: st.DataObject) -> None:
        pieces = match(self.tier, self.text(data)).pieces
        self.tier.touch(pieces)
        self.use([piece.run for piece in pieces])

    @rule(budget=BUDGETS)
    def set_budget(self, budget: int) -> None:
        self.tier.budget_bytes = budget
        self.make_room()

    @precondition(lambda self: len(self.order) > 0)
    @rule(data=st.data())
    def forget(self, data: st.DataObject) -> None:
        text = data.draw(st.sampled_from([run.payload.text for run in self.order]))
        pieces = match(self.tier, text).pieces[data.draw(st.integers(0, 2)) :]
        self.tier.forget(pieces)
        bad = {piece.run for piece in pieces}
        self.order = [run for run in self.order if not bad.intersection(self.family(run))]

    @rule()
    def clear(self) -> None:
        self.tier.clear()
        self.order = []
        self.evicted = []

    @invariant()
    def holds_what_it_should(self) -> None:
        self.tier.check()
        assert list(self.tier) == self.order
        assert len(self.tier) == len(self.order)
        assert (self.tier.nbytes, self.tier.leaves) == (self.weight, self.leaves)
        assert self.tier.tokens == sum(len(run.tokens) for run in self.order)
        assert all(run.held == (run in self.order) for run in self.parents)
        for run in self.evicted:
            assert all(map(self.tier.was_evicted, run.keys[1:]))


TestRamMachine = RamMachine.TestCase
TestRamMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def conversation(number: int, length: int = 100) -> Run[Note]:
    return run_of((number,) * length)


def held(tier: RamTier[Note]) -> set[int]:
    return {run.payload.text[0] for run in tier}


def tier_of(budget: int, *runs: Run[Note], slots: int | None = None) -> RamTier[Note]:
    tier: RamTier[Note] = RamTier(needs_state=False, budget_bytes=budget, slots=slots)
    for run in runs:
        tier.add(run)
    return tier


def test_the_least_recently_used_makes_room() -> None:
    tier = tier_of(300, *map(conversation, (1, 2, 3)))
    tier.touch(match(tier, (1,) * 50).pieces)
    assert tier.add(conversation(4))
    assert held(tier) == {1, 3, 4}
    assert tier.evictions == 1


def test_to_look_is_not_to_use() -> None:
    tier = tier_of(300, *map(conversation, (1, 2, 3)))
    match(tier, (1,) * 50)
    tier.add(conversation(4))
    assert held(tier) == {2, 3, 4}


def test_slots_bound_the_texts_and_not_the_turns() -> None:
    tier = tier_of(9999, *map(conversation, (1, 2)), slots=2)
    assert tier.add(run_of((1,) * 200, 96))
    assert tier.add(run_of((1,) * 300, 192))
    assert (held(tier), len(tier), tier.leaves) == ({1, 2}, 4, 2)
    tier.touch(match(tier, (2,) * 100).pieces)
    assert tier.add(conversation(3))
    assert held(tier) == {2, 3}
    assert tier.evictions == 3


def test_a_trunk_outlives_its_branches() -> None:
    trunk = (1,) * 96
    tier = tier_of(300, run_of(trunk), *(run_of(trunk + (n,) * 64, 96) for n in (2, 3, 4)))
    assert tier.add(run_of(trunk + (5,) * 64, 96))
    assert match(tier, trunk + (2,) * 64).length == 96
    assert match(tier, trunk + (3,) * 64).length == 160


def test_what_can_never_fit_drives_nobody_out() -> None:
    tier = tier_of(300, conversation(1), conversation(2))
    assert not tier.add(conversation(3, 301))
    assert not tier.add(run_of((1,) * 96 + (3,) * 210, 96))
    assert held(tier) == {1, 2}
    assert tier.evictions == 0


def test_a_smaller_budget_holds_at_once() -> None:
    tier = tier_of(300, *map(conversation, (1, 2, 3)))
    tier.budget_bytes = 150
    assert (held(tier), tier.nbytes, tier.budget_bytes) == ({3}, 100, 150)


def test_what_failed_is_forgotten_with_all_behind_it() -> None:
    tier = tier_of(9999, *map(conversation, (1, 2)), run_of((1,) * 200, 96))
    tier.forget(match(tier, (1,) * 40).pieces)
    assert held(tier) == {2}
    assert tier.evictions == 0
    assert not tier.was_evicted(chain(ROOT, (1,) * 32)[1])


def test_a_miss_can_be_explained_by_an_eviction() -> None:
    tier = tier_of(100, conversation(1))
    key = chain(ROOT, (1,) * 64)[2]
    assert not tier.was_evicted(key)
    tier.add(conversation(2))
    assert tier.was_evicted(key)
    assert not tier.was_evicted(ROOT)
    tier.clear()
    assert not tier.was_evicted(key)
    assert len(tier) == 0


def test_of_evicted_keys_the_oldest_and_the_deepest_are_forgotten_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ram, "EVICTED_KEYS", 4)
    tier = tier_of(100, *map(conversation, (1, 2, 3)))
    first, second = (chain(ROOT, (n,) * 100)[1:] for n in (1, 2))
    assert [*map(tier.was_evicted, first)] == [True, False, False]
    assert all(map(tier.was_evicted, second))
    tier.check()
