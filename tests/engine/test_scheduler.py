"""The policy, rule by rule; and random work through a mock of the engine."""

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pippin.core.request import Priority
from pippin.engine.lane import Lane
from pippin.engine.scheduling.order import AGEING_S
from pippin.engine.scheduling.scheduler import MAX_BEGUN, PATIENCE_S, TURN
from tests.engine.scheduler_world import World, job

PRIORITIES: tuple[Priority, ...] = ("interactive", "agent", "batch")


def ids(world: World) -> list[int]:
    return [prefill.job.id for chunk in world.chunks for prefill in chunk.prefills]


# -- order ---------------------------------------------------------------------------------------


def test_better_priorities_begin_first() -> None:
    world = World(max_lanes=1)
    priorities: tuple[Priority, ...] = ("batch", "agent", "interactive")
    world.submit(*(job(i, priority=priority) for i, priority in enumerate(priorities)))
    world.run()
    assert world.begun == [2, 1, 0]


@pytest.mark.parametrize(("age", "first"), [(0.9 * AGEING_S, 1), (1.1 * AGEING_S, 0)])
def test_age_improves_the_level(age: float, first: int) -> None:
    world = World(max_lanes=1)
    world.submit(job(0, prompt=5, priority="agent"))
    world.now += age
    world.submit(job(1))
    world.step()
    assert world.begun[0] == first


def test_short_ones_first_and_what_memory_knows_does_not_count() -> None:
    world = World(max_lanes=1)
    world.submit(job(0, prompt=50), job(1, prompt=20))
    world.submit(job(2, prompt=60), known=55)
    world.remembered[2] = 55
    world.run()
    assert world.begun == [2, 1, 0]


def test_the_tenant_that_was_served_least_is_next() -> None:
    world = World(max_lanes=1)
    world.submit(job(0, prompt=40, tenant="a"))
    world.submit(*(job(i, prompt=10, tenant="a") for i in (1, 2)), job(3, prompt=60, tenant="b"))
    world.step()
    assert world.begun == [1]
    world.run(lambda: len(world.begun) > 1)
    assert world.begun == [1, 3]


def test_absence_earns_nothing() -> None:
    world = World(max_lanes=1)
    world.submit(*(job(i, prompt=60, tenant="a") for i in range(50)))
    world.run(lambda: len(world.begun) == 20)
    world.submit(*(job(i, prompt=61, tenant="b") for i in range(50, 80)))
    world.run(lambda: len(world.begun) == 40)
    assert 9 <= sum(id_ < 50 for id_ in world.begun[20:]) <= 12


def test_tenants_that_are_gone_are_forgotten() -> None:
    world = World(max_lanes=2)
    world.submit(job(0, prompt=600, tenant="a"), job(1, tenant="b", max_tokens=200))
    world.run(lambda: world.ended[0] == 1)
    world.step()
    world.submit(job(2, tenant="b"), job(3, prompt=5, tenant="a"))
    world.step()
    assert world.decoding == {1, 3}


def test_tenants_of_unlike_demand_get_equal_shares() -> None:
    world = World(max_lanes=2, can_group=False)
    world.submit(*(job(i, prompt=30, max_tokens=20, tenant="many") for i in range(60)))
    world.submit(*(job(i, prompt=200, max_tokens=50, tenant="few") for i in range(100, 112)))
    world.run(lambda: len(world.begun) == 40)
    assert abs(world.served["many"] - world.served["few"]) <= 500
    assert min(world.served.values()) > 1000


def test_a_long_prompt_gets_its_turn_among_short_ones() -> None:
    world = World(max_lanes=64, can_group=False)
    world.submit(job(0, prompt=64 * 5 + 1))
    next_id = 1
    while 0 not in world.decoding:
        world.submit(*(job(i, prompt=64) for i in range(next_id, next_id + 2)))
        next_id += 2
        world.step(budget=64)
        assert sum(chunk.length for chunk in world.chunks) <= TURN * 64 * 6
    assert len(world.begun) > 10


def test_turns_are_taken_within_the_best_level_only() -> None:
    world = World(max_lanes=64, can_group=False)
    world.submit(job(0, priority="batch"))
    world.submit(*(job(i, prompt=64) for i in range(1, 10)))
    for _ in range(9):
        world.step(budget=63)
    assert world.begun == list(range(1, 10))


def test_only_so_many_long_prompts_are_under_way() -> None:
    world = World(max_lanes=64)
    for i in range(MAX_BEGUN + 3):
        world.submit(job(i, prompt=1000 - 64 * i, tenant=str(i)))
    for _ in range(30):
        world.step()
        assert world.scheduler.prefilling <= MAX_BEGUN
    assert world.scheduler.prefilling == MAX_BEGUN
    world.submit(job(50, prompt=900, tenant="of a worse level", priority="batch"))
    world.submit(job(51, prompt=30, tenant="short"))
    world.step()
    world.step()
    assert 51 in world.begun
    assert 50 not in world.begun


def test_a_better_level_is_not_kept_out_by_long_prompts_of_a_worse() -> None:
    world = World(max_lanes=64)
    for i in range(MAX_BEGUN + 1):
        world.submit(job(i, prompt=1000, tenant=str(i), priority="batch"))
    world.run(lambda: world.scheduler.prefilling == MAX_BEGUN)
    world.submit(job(50, prompt=900))
    world.step()
    assert 50 in world.begun


# -- chunks --------------------------------------------------------------------------------------


def test_short_prompts_of_like_length_go_together() -> None:
    world = World(max_lanes=8)
    world.submit(*(job(i, prompt=n) for i, n in enumerate([10, 11, 12, 40])))
    first, *_ = world.step(budget=100)
    assert [prefill.job.id for prefill in first.prefills] == [0, 1, 2]
    assert first.length == 11


def test_padding_counts_in_the_budget() -> None:
    world = World(max_lanes=8)
    world.submit(*(job(i, prompt=11) for i in range(6)))
    chunks = world.step(budget=39)
    assert [len(chunk.prefills) for chunk in chunks] == [3, 1]
    assert sum(chunk.length * len(chunk.prefills) for chunk in chunks) == 39


@pytest.mark.parametrize(
    "unlike", [{"score_prompt": True}, {"priority": "agent"}, {"choices": 3}, {"prompt": 20}]
)
def test_who_is_not_grouped(unlike: dict[str, Any]) -> None:
    world = World(max_lanes=3)
    world.submit(job(0), job(1, **unlike))
    first, *_ = world.step()
    assert len(first.prefills) == 1


def test_what_is_remembered_is_not_grouped_nor_computed() -> None:
    world = World()
    world.remembered = {1: 6}
    world.submit(job(0), job(1), job(2))
    chunks = world.step()
    assert sorted((len(chunk.prefills), chunk.length) for chunk in chunks) == [(1, 3), (2, 9)]
    assert sorted(world.begun) == [0, 1, 2]


def test_no_groups_where_rows_may_not_be_padded() -> None:
    world = World(can_group=False)
    world.submit(job(0), job(1))
    assert [len(chunk.prefills) for chunk in world.step()] == [1, 1]


def test_a_prompt_of_one_token_needs_a_chunk_of_none() -> None:
    world = World()
    world.submit(job(0, prompt=1))
    (chunk,) = world.step()
    assert chunk.length == 0
    assert world.decoding == {0}


def test_no_budget_no_chunk() -> None:
    world = World()
    world.submit(job(0))
    assert world.step(budget=0) == []
    assert world.begun == []


# -- admission -----------------------------------------------------------------------------------


def test_a_job_waits_for_lanes_for_all_its_choices() -> None:
    world = World(max_lanes=4)
    world.submit(job(0, max_tokens=30))
    world.step()
    world.submit(job(1, prompt=5, choices=4), job(2))
    world.step()
    assert world.decoding == {0, 2}
    world.run()
    assert world.ended == {0: 1, 1: 4, 2: 1}


def test_scoring_needs_no_lane() -> None:
    world = World(max_lanes=1)
    world.submit(job(0))
    world.step()
    world.submit(job(1, max_tokens=0, score_prompt=True))
    world.step()
    assert world.ended[1] == 1
    assert world.decoding == {0}


def test_no_more_jobs_run_than_allowed() -> None:
    world = World(max_lanes=8, max_jobs=2)
    world.submit(*(job(i, choices=2) for i in range(3)))
    world.step()
    assert world.decoding == {0, 1}


def test_bytes_are_predicted_with_what_others_were_promised() -> None:
    world = World(budget_bytes=1000, max_lanes=8, step_tokens=64)
    world.submit(job(0, prompt=300, max_tokens=100), job(1, prompt=400, max_tokens=201))
    for _ in range(4):
        world.step()
    assert world.begun == [0]
    world.submit(job(2, prompt=399, max_tokens=201))
    world.step()
    assert world.begun == [0, 2]


def test_every_choice_takes_bytes() -> None:
    world = World(budget_bytes=1000, max_lanes=8)
    world.submit(job(0, prompt=500, max_tokens=100))
    world.step()
    world.submit(job(1, prompt=50, max_tokens=51, choices=4))
    world.step()
    assert world.begun == [0]


def test_alone_a_job_always_begins() -> None:
    world = World(budget_bytes=100)
    world.submit(job(0, prompt=200), job(1, prompt=201))
    world.run()
    assert world.begun == [0, 1]


def test_a_large_job_is_passed_for_a_while_and_then_awaited() -> None:
    world = World(max_lanes=4, step_s=0.5, can_group=False)
    world.submit(job(0, max_tokens=20))
    world.step()
    world.submit(job(1, choices=4))
    passed = 0
    for i in range(2, 200):
        world.submit(job(i, max_tokens=5))
        world.step()
        passed += len(world.begun) < i and 1 not in world.begun
        if 1 in world.begun:
            break
    assert 1 in world.begun
    assert world.now <= 1 + PATIENCE_S + 20 * 0.5
    assert 5 <= len(world.begun) - 2 <= 2 * PATIENCE_S * 3
    world.run()


def test_an_awaited_job_does_not_stop_better_levels_and_may_be_cancelled() -> None:
    world = World(max_lanes=4)
    world.submit(job(0, max_tokens=200))
    world.step()
    world.submit(job(1, choices=4, priority="batch"))
    world.now += PATIENCE_S
    world.submit(job(2, max_tokens=100, priority="batch"))
    world.step()
    world.submit(job(3, max_tokens=100, priority="agent"))
    world.step()
    assert world.begun == [0, 3]
    world.cancel(1)
    world.step()
    assert world.begun == [0, 3, 2]


def test_others_begin_again_as_soon_as_the_awaited_job_has() -> None:
    world = World(max_lanes=4)
    world.submit(job(0, choices=2, max_tokens=20))
    world.step()
    world.submit(job(1, prompt=2000, choices=3))
    world.now += PATIENCE_S
    world.submit(job(2))
    world.run(lambda: 1 in world.begun)
    assert world.begun == [0, 1]
    world.run(lambda: 2 in world.begun)
    assert 1 not in world.decoding


# -- giving way ----------------------------------------------------------------------------------


def test_a_better_level_takes_the_youngest_of_the_worst_lanes() -> None:
    world = World(max_lanes=3)
    for i, priority in enumerate(PRIORITIES[1:] + PRIORITIES[2:]):
        world.submit(job(i, priority=priority, max_tokens=50))
        world.step()
    world.submit(job(9, max_tokens=20))
    world.step()
    assert world.paused == [(2, True)]
    assert world.decoding == {0, 1, 9}
    for _ in range(10):
        world.step()
    assert world.paused == [(2, True)]
    world.run()
    assert world.ended == {0: 1, 1: 1, 2: 1, 9: 1}
    assert world.begun == [0, 1, 2, 9]


def test_just_enough_lanes_pause_or_none() -> None:
    world = World(max_lanes=4)
    world.submit(*(job(i, priority="batch", max_tokens=50) for i in range(3)), job(3))
    world.step()
    world.submit(job(8, choices=4))
    world.step()
    assert world.paused == []
    world.cancel(8)
    world.submit(job(9, choices=2))
    world.step()
    assert world.paused == [(2, True), (1, True)]


def test_equals_do_not_pause_one_another() -> None:
    world = World(max_lanes=1)
    world.submit(job(0, priority="agent", max_tokens=50))
    world.step()
    world.submit(job(1, priority="agent"))
    world.step()
    assert world.paused == []


def test_who_has_aged_is_not_paused() -> None:
    world = World(max_lanes=1)
    world.submit(job(0, priority="batch", max_tokens=50))
    world.step()
    world.now += 2 * AGEING_S
    world.submit(job(1))
    world.step()
    assert world.paused == []


def test_all_lanes_of_a_job_pause_where_jobs_are_counted() -> None:
    world = World(max_lanes=8, max_jobs=1)
    world.submit(job(0, choices=2, priority="batch", max_tokens=50))
    world.step()
    world.submit(job(1))
    world.step()
    assert sorted(world.paused) == [(0, True), (0, True)]
    assert world.decoding == {1}
    world.run()
    assert world.ended == {0: 2, 1: 1}


def test_rows_go_if_bytes_are_what_a_better_level_lacks() -> None:
    world = World(max_lanes=4, budget_bytes=1000)
    world.submit(job(0, prompt=600, priority="batch", max_tokens=50))
    world.run(lambda: bool(world.lanes))
    world.submit(job(1, prompt=500))
    world.step()
    assert world.paused == [(0, False)]
    world.run()
    assert world.ended == {0: 1, 1: 1}


def test_rows_of_paused_lanes_leave_their_room_to_a_better_level() -> None:
    world = World(max_lanes=2, budget_bytes=1000)
    world.submit(job(0, prompt=600, priority="batch", max_tokens=50))
    world.run(lambda: bool(world.lanes))
    world.submit(job(1, prompt=20, max_tokens=200), job(2, prompt=20, max_tokens=20))
    world.run(lambda: 2 in world.decoding)
    assert world.paused == [(0, True)]
    world.submit(job(3, prompt=300))
    world.run(lambda: 3 in world.begun)
    assert 1 in world.decoding
    assert world.paused == [(0, True)]
    assert world.rows.keys() == {(3, None)}
    world.run()
    assert world.ended == {0: 1, 1: 1, 2: 1, 3: 1}


def test_over_the_budget_the_worst_pause_and_never_the_last() -> None:
    world = World(max_lanes=4, budget_bytes=1400)
    world.submit(job(0, prompt=300, max_tokens=2000), job(1, prompt=300, max_tokens=2000))
    world.run(lambda: len(world.lanes) == 2)
    world.run(lambda: bool(world.paused))
    assert world.paused == [(1, False)]
    assert world.used_bytes <= 1400
    for _ in range(1000):
        world.step()
    assert world.decoding == {0}
    assert world.paused == [(1, False)]
    world.run()
    assert world.ended == {0: 1, 1: 1}


def test_over_the_budget_prompts_under_way_start_over() -> None:
    world = World(max_lanes=4, budget_bytes=1300)
    world.submit(job(0, prompt=300, max_tokens=2000))
    world.run(lambda: bool(world.lanes))
    world.submit(job(1, prompt=700))
    for _ in range(900):
        world.step(budget=1)
    assert world.decoding == {0}
    assert world.used_bytes <= 1300
    assert world.scheduler.prefilling == 0
    assert world.paused == []
    world.run()
    assert world.begun == [0, 1, 1]


# -- leaving -------------------------------------------------------------------------------------


def test_who_waits_too_long_is_told_and_who_has_begun_is_not() -> None:
    world = World(max_lanes=1, step_s=1.0)
    world.submit(job(0, max_tokens=50), job(1))
    for _ in range(3):
        world.step(timeout_s=3.5)
    assert world.late == []
    for _ in range(3):
        world.step(timeout_s=3.5)
    assert world.late == [1]
    assert world.decoding == {0}
    assert world.scheduler.idle


def test_paused_lanes_are_not_overdue() -> None:
    world = World(max_lanes=1, step_s=1.0)
    world.submit(job(0, priority="batch", max_tokens=5))
    world.step()
    world.submit(job(1, max_tokens=9))
    for _ in range(9):
        world.step(timeout_s=3.0)
    assert world.late == []
    assert world.scheduler.waiting == 1


def test_cancel_says_what_was_forgotten() -> None:
    world = World(max_lanes=1)
    world.submit(job(0, choices=1, priority="batch"), job(1, prompt=200, priority="batch"))
    world.step()
    assert [p.id for p in world.scheduler.cancel(1)] == [(1, None)]
    paused = world.scheduler.pause(world.lanes.pop(), kept=True)
    assert world.scheduler.cancel(0, index=1) == []
    assert world.scheduler.cancel(0, index=0) == [paused]
    assert world.scheduler.idle
    assert world.scheduler.cancel(7) == []


def test_figures() -> None:
    world = World(max_lanes=1)
    world.submit(job(0, prompt=200), job(1, priority="batch"), job(2, priority="batch"))
    world.step()
    assert (world.scheduler.waiting, world.scheduler.prefilling) == (2, 1)
    assert world.scheduler.waiting_by_priority == {"interactive": 0, "agent": 0, "batch": 2}
    assert not world.scheduler.idle


# -- nothing starves, nothing is lost ------------------------------------------------------------


@pytest.mark.parametrize(
    "hungry",
    [{"priority": "batch"}, {"prompt": 600}, {"choices": 4}, {"priority": "batch", "choices": 4}],
)
def test_nothing_starves_under_an_endless_stream_of_better_ones(hungry: dict[str, Any]) -> None:
    world = World(max_lanes=4, step_s=0.2, budget_bytes=2000)
    world.submit(job(0, **hungry))
    for i in range(1, 2000):
        world.submit(job(i, max_tokens=6))
        world.step()
        if world.ended[0] == hungry.get("choices", 1):
            break
    assert world.ended[0] == hungry.get("choices", 1)
    assert world.now <= 2 * AGEING_S + PATIENCE_S + 20


class RandomWork(RuleBasedStateMachine):
    """Jobs come, are paused and cancelled at any phase; in the end all have ended once."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(max_lanes=5, max_jobs=4, budget_bytes=900, step_tokens=32)
        self.expected: dict[int, set[int]] = {}
        self.cancelled: set[int] = set()

    @rule(
        prompt=st.integers(1, 250),
        max_tokens=st.integers(0, 40),
        choices=st.integers(1, 5),
        remembered=st.sampled_from([0, 0, 5, 300]),
        priority=st.sampled_from(PRIORITIES),
        tenant=st.sampled_from("abc"),
    )
    def submit(
        self,
        *,
        prompt: int,
        max_tokens: int,
        choices: int,
        remembered: int,
        priority: Priority,
        tenant: str,
    ) -> None:
        id_ = len(self.expected)
        scored = max_tokens == 0
        self.expected[id_] = set(range(1 if scored else choices))
        self.world.remembered[id_] = 0 if scored else remembered
        self.world.submit(
            job(
                id_,
                prompt,
                max_tokens,
                choices=choices,
                score_prompt=scored,
                priority=priority,
                tenant=tenant,
            ),
            known=min(remembered, prompt - 1),
        )

    @rule(budget=st.sampled_from([0, 1, 8, 32, 100]), times=st.integers(1, 20))
    def step(self, budget: int, times: int) -> None:
        for _ in range(times):
            self.world.step(budget)

    @rule(seconds=st.sampled_from([0.5, 6.0, 25.0]))
    def wait(self, seconds: float) -> None:
        self.world.now += seconds

    @precondition(lambda self: self.expected)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        id_ = data.draw(st.sampled_from(sorted(self.expected)))
        self.world.cancel(id_)
        self.cancelled.add(id_)

    @precondition(lambda self: self.world.lanes)
    @rule(data=st.data(), kept=st.booleans())
    def pause(self, data: st.DataObject, kept: bool) -> None:
        lane: Lane = data.draw(st.sampled_from(self.world.lanes))
        self.world.lanes.remove(lane)
        prefill = self.world.scheduler.pause(lane, kept=kept)
        if kept:
            self.world.rows[prefill.id] = lane.cached

    @invariant()
    def counts_agree(self) -> None:
        parked = [id_ for id_ in self.world.rows if id_ not in self.world.under_way]
        assert self.world.scheduler.prefilling >= len(self.world.under_way)
        assert self.world.scheduler.waiting >= len(parked)

    def teardown(self) -> None:
        self.world.run(most=20_000)
        assert self.world.rows == {}
        assert self.world.under_way == {}
        for id_, choices in self.expected.items():
            if id_ not in self.cancelled:
                assert self.world.ended[id_] == len(choices)
            assert self.world.ended[id_] <= len(choices)


RandomWork.TestCase.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)
test_random_work = RandomWork.TestCase
