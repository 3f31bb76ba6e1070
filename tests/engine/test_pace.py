"""The pace on machines that are made up: no clock, no model."""

from collections.abc import Callable
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pippin.engine.scheduling.pace import CALM_EVERY, EAGERNESS, GROWTH, LIMIT, PASS_S, RUSH, Pace

MOST, LEAST = 512, 8
CALM_S = 0.006
"""Of a step with a few lanes."""
Speed = Callable[[int], float]


class Machine:
    """A step lasts ``calm`` seconds, and for ``n`` prompt tokens at a position
    ``per_chunk + n * (per_token + per_position * position)`` more, all ``slowness`` times."""

    def __init__(
        self,
        *,
        per_chunk: float = 0.001,
        per_token: float = 2e-5,
        per_position: float = 2e-9,
        noise: float = 0.0,
        slowness: Speed = lambda done: 1.0,
        lag: int = 0,
        seed: int = 0,
    ) -> None:
        self.pace = Pace(MOST, LEAST, lag=lag)
        self.costs = per_chunk, per_token, per_position
        self.noise, self.slowness, self.random = noise, slowness, Random(seed)
        self.queued = [0.0] * lag
        self.gaps: list[float] = []
        """In calm steps of the machine's speed at that time."""
        self.grants: list[int] = []

    def prefill(self, prompt: int, lanes: int = 4, most_steps: int = 20_000) -> None:
        done = 0
        while done < prompt:
            tokens = min(self.pace.budget(lanes, 1), prompt - done)
            self._step(tokens, done, lanes)
            done += tokens
            assert len(self.gaps) < most_steps, "it never ends"

    def _step(self, tokens: int, position: int, lanes: int) -> None:
        per_chunk, per_token, per_position = self.costs
        extra = per_chunk + tokens * (per_token + per_position * position) if tokens else 0.0
        self.queued.append(extra)
        slowness = self.slowness(position)
        noise = max(0.5, 1 + self.random.gauss(0, self.noise))
        seconds = (CALM_S + self.queued.pop(0)) * slowness * noise
        self.pace.observe(seconds, lanes, tokens)
        self.gaps.append(seconds / (CALM_S * slowness))
        self.grants.append(tokens)

    def gap(self, share: float) -> float:
        return sorted(self.gaps)[int(share * (len(self.gaps) - 1))]


@pytest.mark.parametrize("lag", [0, 1])
@pytest.mark.parametrize("per_chunk", [0.0001, 0.001, 0.003, 0.005])
def test_lanes_keep_their_pace_and_the_budget_is_used(per_chunk: float, lag: int) -> None:
    machine = Machine(per_chunk=per_chunk, lag=lag)
    machine.prefill(16_384)
    assert machine.gap(0.99) < LIMIT * 1.15
    assert machine.gap(0.5) > LIMIT * 0.9


@pytest.mark.parametrize("seed", range(5))
def test_noise_does_not_break_it(seed: int) -> None:
    machine = Machine(noise=0.1, seed=seed)
    machine.prefill(16_384)
    assert machine.gap(0.99) < 3.1
    assert machine.gap(0.5) < LIMIT * 1.2


def test_the_cost_of_a_token_grows_with_its_position() -> None:
    machine = Machine(per_position=2e-8)
    machine.prefill(16_384)
    assert machine.gap(0.99) < LIMIT * 1.15
    assert machine.grants[-20] < max(machine.grants) / 3


def test_a_machine_that_slows_down_changes_nothing() -> None:
    machine = Machine(slowness=lambda done: 5.0 if done > 8000 else 1.0)
    machine.prefill(16_384)
    assert machine.gap(0.99) < 3.0
    assert machine.gap(0.5) > LIMIT * 0.8


def test_a_machine_that_gets_faster_is_found_out() -> None:
    machine = Machine(slowness=lambda done: 0.2 if done > 8000 else 1.0)
    machine.prefill(40_000)
    changed = next(i for i, n in enumerate(machine.grants) if sum(machine.grants[:i]) > 8000)
    assert max(machine.gaps[changed + 4 * CALM_EVERY :]) < LIMIT * 1.2


def test_one_pause_of_the_machine_changes_nothing() -> None:
    machine = Machine()
    machine.prefill(5000)
    for _ in range(2):  # so that no calm step is due
        machine.pace.observe(CALM_S, 4, 0)
    before = machine.pace.budget(4, 1)
    machine.pace.observe(1.0, 4, before)
    assert machine.pace.budget(4, 1) >= before * 0.8


def test_a_pause_in_a_calm_step_changes_nothing() -> None:
    pace = Pace(MOST, LEAST)
    for seconds in (0.01, 0.01, 1.0):
        pace.observe(seconds, 4, 0)
    for _ in range(10):
        tokens = pace.budget(4, 1)
        pace.observe(0.01 + tokens * 1e-4, 4, tokens)
    assert tokens == pytest.approx(100, abs=1)


def test_calm_steps_are_measured_now_and_then_for_as_many_lanes() -> None:
    machine = Machine()
    machine.prefill(16_384)
    calm = [i for i, tokens in enumerate(machine.grants) if not tokens]
    assert calm[0] == 0
    assert all(b - a == CALM_EVERY + 1 for a, b in pairwise(calm))
    assert machine.pace.budget(40, 1) == 0


def test_while_nobody_decodes_all_is_taken_in() -> None:
    pace = Pace(MOST, LEAST)
    assert pace.budget(0, 1) == MOST
    assert pace.budget(0, 9) == RUSH * MOST
    pace.observe(1.0, 0, MOST)
    assert pace.budget(0, 1) == MOST


def test_steps_may_last_longer_while_a_batch_is_to_be_filled() -> None:
    def settled(waiting: int) -> int:
        pace = Pace(MOST, LEAST)
        pace.observe(0.01, 16, 0)
        for _ in range(CALM_EVERY):
            tokens = pace.budget(16, waiting)
            pace.observe(0.01 + tokens * 1e-4, 16, tokens)
        return tokens

    allowed = [100 * (LIMIT * crowd - 1) for crowd in (1, 1, 1, 2)]
    assert [settled(n) for n in (1, 2, 4, 8)] == pytest.approx(allowed, abs=2)
    assert settled(60) == RUSH * MOST


def test_passes_may_last_longer_where_lanes_decode_in_their_midst() -> None:
    def settled(interludes: bool) -> int:
        pace = Pace(MOST, LEAST, interludes=lambda: interludes)
        pace.observe(0.01, 4, 0)
        for _ in range(CALM_EVERY):
            tokens = pace.budget(4, 1)
            pace.observe(0.01 + tokens * 1e-3, 4, tokens)
        assert pace.patience(4, 1) == pytest.approx(0.01 * (LIMIT - 1) * EAGERNESS)
        return tokens

    assert settled(False) == pytest.approx(10 * (LIMIT - 1), abs=1)
    assert settled(True) == pytest.approx(PASS_S * 1e3, abs=1)
    assert Pace(MOST, LEAST).patience(0, 1) is None


def test_a_prompt_gets_on_whatever_it_costs() -> None:
    machine = Machine(per_token=1.0)
    machine.prefill(500)
    assert machine.gap(0.9) > 100
    assert set(machine.grants[3:-1]) <= {LEAST, 0}


def test_small_cheap_pieces_do_not_shrink_the_budget() -> None:
    pace = Pace(MOST, LEAST)
    pace.observe(0.01, 1, 0)
    for _ in range(8):
        tokens = pace.budget(1, 1)
        pace.observe(0.012 + tokens * 1e-5, 1, tokens)
    assert tokens > 200
    for _ in range(5):
        pace.observe(0.012, 1, 2)
    assert pace.budget(1, 1) >= tokens


@given(
    st.lists(
        st.tuples(st.floats(1e-6, 10), st.integers(0, 70), st.integers(0, 80), st.booleans()),
        max_size=80,
    ),
    st.integers(0, 1),
)
def test_bounds_hold_whatever_is_measured(
    steps: list[tuple[float, int, int, bool]], lag: int
) -> None:
    pace = Pace(MOST, LEAST, lag=lag)
    before, nothing = LEAST, 0
    for seconds, decoding, waiting, short in steps:
        tokens = pace.budget(decoding, waiting)
        assert tokens == 0 or LEAST <= tokens <= RUSH * MOST
        assert tokens <= MOST or RUSH * waiting > decoding
        if tokens and decoding and waiting:
            assert tokens <= GROWTH * before
            before = tokens
        elif not decoding:
            before = MOST
        nothing = 0 if tokens else nothing + 1
        pace.observe(seconds, decoding, min(tokens, 3) if short else tokens)
    for _ in range(lag + 2):
        tokens = pace.budget(5, 1)
        pace.observe(0.01, 5, tokens)
    assert tokens > 0
