"""The line of those that wait is in the order that ``Order`` gives, whatever happened before."""

from math import inf
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pippin.engine.lane import Lane
from pippin.engine.scheduling.line import Line
from pippin.engine.scheduling.order import AGEING_S, Order
from pippin.engine.scheduling.scheduler import LOOKAHEAD
from pippin.engine.scheduling.work import Prefill
from tests.engine.scheduler_world import World, job

HAPPENINGS = st.lists(
    st.one_of(
        st.tuples(
            st.just("come"),
            st.sampled_from(["interactive", "agent", "batch"]),
            st.sampled_from("abc"),
            st.integers(1, 9),
            st.booleans(),
        ),
        st.tuples(st.just("go"), st.integers(0, 99)),
        st.tuples(st.just("time"), st.sampled_from([0.0, 0.3, 7.0, AGEING_S, 3 * AGEING_S])),
        st.tuples(st.just("serve"), st.sampled_from("abc"), st.integers(1, 5)),
        st.tuples(st.just("await"), st.integers(0, 99)),
    ),
    max_size=40,
)


class Crowd:
    """A line, and beside it a plain list of who stands in it."""

    def __init__(self) -> None:
        self.order = Order(0.0)
        self.line = Line(self.order)
        self.here: list[Prefill] = []
        self.came = 0

    def come(self, priority: Any, tenant: str, prompt: int, paused: bool) -> None:
        new = job(self.came, prompt, priority=priority, tenant=tenant, arrived=self.order.now)
        self.came += 1
        self.order.shares.enter(tenant)
        for prefill in (
            [Prefill(new, Lane(new, index)) for index in (0, 1)] if paused else [Prefill(new)]
        ):
            self.here.append(prefill)
            self.line.enter(prefill)

    def go(self, number: int) -> None:
        if self.here:
            gone = self.here.pop(number % len(self.here))
            self.line.leave(gone)
            if gone is self.order.awaited:
                self.order.awaited = None

    def time(self, seconds: float) -> None:
        self.line.grow_older(self.order.now + seconds)

    def serve(self, tenant: str, tokens: int) -> None:
        self.order.shares.add(tenant, tokens)

    def wait_for(self, number: int) -> None:
        self.order.awaited = self.here[number % len(self.here)] if self.here else None

    def expected(self, key: Any, most: float = inf) -> list[Prefill]:
        awaited = self.order.awaited
        those = sorted((p for p in self.here if p is awaited or p.expected <= most), key=key)
        return those[: those.index(awaited) + 1] if awaited else those


@given(HAPPENINGS)
@settings(max_examples=150, deadline=None)
def test_in_order(happenings: list[tuple[Any, ...]]) -> None:
    crowd = Crowd()
    for what, *rest in happenings:
        getattr(crowd, {"await": "wait_for"}.get(what, what))(*rest)
        order = crowd.order
        assert list(crowd.line.by_age()) == crowd.expected(order.rank_by_age)
        assert list(crowd.line.by_rank(lambda _: inf)) == crowd.expected(order.rank)
        assert list(crowd.line.by_rank(lambda _: 4)) == crowd.expected(order.rank, most=4)


def test_who_stands_far_behind_is_not_asked() -> None:
    """However many wait: those who are asked whether there is room for them are as few."""
    asked = []
    for waiting in (2 * LOOKAHEAD, 50 * LOOKAHEAD):
        world = World(max_lanes=1, can_group=False)
        world.submit(*(job(i, max_tokens=100) for i in range(waiting)))
        world.step()
        asked.append(Asked(world))
        for _ in range(3):
            world.step()
    assert asked[0].times == asked[1].times > 0


class Asked:
    """Counts how often a job's need of room is looked up."""

    def __init__(self, world: World) -> None:
        self.times = 0
        for prefill in world.scheduler._waiting.values():
            prefill.__class__ = self._counting()

    def _counting(self) -> Any:
        asked = self

        class Counting(Prefill):
            __slots__ = ()

            @property
            def choices(self) -> int:
                asked.times += 1
                return 1

        return Counting
