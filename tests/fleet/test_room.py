"""The policy of room: single decisions, and a simulation of a fleet that obeys it."""

import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pippin.fleet.room import PATIENCE_S, STAY, Phase, Standing, plan


def ready(name: str, size: int = 4, **given: Any) -> Standing:
    return Standing(name=name, phase="ready", size=size, **given)


def wanted(name: str, size: int = 4, since: float = 0.0, **given: Any) -> Standing:
    return Standing(name=name, phase="unloaded", size=size, wanted_since=since, **given)


def test_what_fits_is_loaded_in_order() -> None:
    made = plan([wanted("b", since=2), wanted("a", since=1), wanted("c", since=3)], 8, now=3)
    assert made.load == ["a", "b"]
    assert made.unload == []


def test_the_least_recently_used_idle_model_makes_room() -> None:
    models = [ready("old", used=1), ready("new", used=2), wanted("x", since=3)]
    made = plan(models, 8, now=10)
    assert (made.load, made.unload, made.drain) == ([], ["old"], [])


def test_pinned_and_busy_models_stay() -> None:
    models = [ready("pinned", pinned=True), ready("busy", busy=True), wanted("x", since=9)]
    made = plan(models, 8, now=10)
    assert (made.load, made.unload, made.drain) == ([], [], [])
    assert plan(models, 8, now=9 + PATIENCE_S).drain == ["busy"]


def test_a_loaded_model_stays_for_a_while() -> None:
    models = [ready("young", ready_since=10, load_s=3), wanted("x", since=10)]
    assert plan(models, 4, now=10 + 3 * STAY - 0.1).unload == []
    assert plan(models, 4, now=10 + 3 * STAY).unload == ["young"]


def test_what_can_never_fit_is_refused_and_holds_up_nobody() -> None:
    models = [ready("pinned", pinned=True), wanted("huge", 8, since=1), wanted("x", since=2)]
    made = plan(models, 8, now=3)
    assert (made.refuse, made.load) == (["huge"], ["x"])


def test_nobody_takes_the_place_that_is_made_for_another() -> None:
    models = [ready("busy", 6, busy=True), wanted("first", 6, since=1), wanted("small", 2, since=2)]
    made = plan(models, 8, now=3)
    assert made.load == []


def test_who_does_not_really_wait_takes_nobodys_place() -> None:
    models = [ready("idle", 6), wanted("soft", 6, since=1, soft=True), wanted("x", 2, since=2)]
    made = plan(models, 8, now=3)
    assert (made.postpone, made.unload, made.load) == (["soft"], [], ["x"])


@pytest.mark.parametrize(
    ("changes", "goes"),
    [({}, True), ({"busy": True}, False), ({"pinned": True}, False), ({"ttl_s": 0.0}, False)],
)
def test_idle_for_too_long(changes: dict[str, object], goes: bool) -> None:
    given: dict[str, Any] = {"used": 1.0, "ttl_s": 5.0, **changes}
    model = ready("m", **given)
    assert plan([model], 8, now=5.9).unload == []
    assert plan([model], 8, now=6).unload == ["m"] * goes


def test_who_is_to_leave_goes_when_it_is_idle_even_if_pinned() -> None:
    assert plan([ready("m", leaving=True, pinned=True)], 8, now=0).unload == ["m"]
    assert plan([ready("m", leaving=True, busy=True)], 8, now=0).unload == []


@dataclass
class Model:
    """One model of a simulated fleet."""

    name: str
    size: int
    load_s: float
    pinned: bool = False
    phase: Phase = "unloaded"
    until: float = 0.0
    """When its loading or ending is over."""
    ready_since: float = 0.0
    used: float = 0.0
    since: float | None = None
    draining: bool = False
    at_work: list[float] = field(default_factory=list)
    """When each of its answers ends."""
    waiting: list[tuple[float, float]] = field(default_factory=list)
    """Requests: when they came, and how long they take."""
    loads: int = 0

    def standing(self) -> Standing:
        return Standing(
            name=self.name,
            phase=self.phase,
            size=self.size,
            pinned=self.pinned,
            busy=bool(self.at_work),
            draining=self.draining,
            used=self.used,
            ready_since=self.ready_since,
            load_s=self.load_s,
            wanted_since=self.since,
        )


class Simulation:
    """A fleet that does what the plan says, in steps of a tenth of a second."""

    STEP_S = 0.1
    ENDING_S = 0.3

    def __init__(self, models: list[Model], limit: int) -> None:
        self.models = {model.name: model for model in models}
        self.limit = limit
        self.now = 0.0
        self.waits: list[float] = []

    def ask(self, name: str, takes_s: float) -> None:
        model = self.models[name]
        model.waiting.append((self.now, takes_s))

    def step(self) -> None:
        self.now += self.STEP_S
        for model in self.models.values():
            self._pass_time(model)
        made = plan([model.standing() for model in self.models.values()], self.limit, self.now)
        assert made.refuse == []
        for model in self.models.values():
            model.draining = model.name in made.drain
        for name in made.unload:
            model = self.models[name]
            assert model.phase == "ready"
            assert not model.at_work
            assert not model.pinned
            model.phase, model.until = "ending", self.now + self.ENDING_S
        for name in made.load:
            model = self.models[name]
            assert model.phase == "unloaded"
            model.phase, model.until = "loading", self.now + model.load_s
            model.loads += 1
        held = sum(model.size for model in self.models.values() if model.phase != "unloaded")
        assert held <= self.limit

    def _pass_time(self, model: Model) -> None:
        if model.phase == "loading" and self.now >= model.until:
            model.phase, model.ready_since, model.used = "ready", self.now, self.now
            model.since = None
        if model.phase == "ending" and self.now >= model.until:
            model.phase = "unloaded"
        if any(end <= self.now for end in model.at_work):
            model.used = self.now
        model.at_work = [end for end in model.at_work if end > self.now]
        if model.phase == "ready" and not model.draining:
            for came, takes_s in model.waiting:
                self.waits.append(self.now - came)
                model.at_work.append(self.now + takes_s)
            model.waiting.clear()
            model.since = None
        elif model.waiting and model.since is None:
            model.since = model.waiting[0][0]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    sizes=st.lists(st.integers(2, 5), min_size=3, max_size=5),
    pinned=st.booleans(),
)
def test_a_crowd_for_more_models_than_fit(seed: int, sizes: list[int], pinned: bool) -> None:
    """An hour of requests for any of them, in a memory for about two: everybody is served, nobody
    is unloaded while at work, and loading takes a bounded share of the time."""
    chance = random.Random(seed)
    models = [Model(f"m{n}", size, chance.uniform(0.2, 3)) for n, size in enumerate(sizes)]
    models[0].pinned = pinned
    simulation = Simulation(models, limit=10)
    asked = 0
    while simulation.now < 360:
        if chance.random() < 0.3:
            simulation.ask(f"m{chance.randrange(len(models))}", chance.uniform(0.1, 4))
            asked += 1
        simulation.step()
    while any(model.waiting or model.at_work for model in models):
        simulation.step()
        assert simulation.now < 3600
    assert len(simulation.waits) == asked
    for model in models:
        # Each of its loads is followed by a stay of STAY times its length.
        assert (model.loads - 1) * model.load_s * (1 + STAY) <= simulation.now
    longest = max(model.load_s for model in models)
    turn = PATIENCE_S + 4 + (1 + STAY) * longest + 2
    assert max(simulation.waits) <= 2 * len(models) * turn


def test_two_models_in_turn_in_room_for_one_do_not_thrash() -> None:
    """The worst case of a swap per request: requests that come in turn are served in batches."""
    a, b = Model("a", 6, 2.0), Model("b", 6, 2.0)
    simulation = Simulation([a, b], limit=8)
    for number in range(600):
        simulation.ask("ab"[number % 2], 0.1)
        for _ in range(5):
            simulation.step()
    assert a.loads + b.loads <= simulation.now / (2.0 * (1 + STAY)) + 2
    assert len(simulation.waits) > 550


def test_what_dies_again_and_again_makes_room_first() -> None:
    bad = Standing(name="bad", phase="degraded", size=4)
    made = plan([ready("idle"), bad, wanted("x", since=9)], 8, now=10)
    assert (made.unload, made.drain) == (["bad"], [])
    pinned = Standing(name="bad", phase="degraded", size=4, pinned=True)
    assert plan([pinned, wanted("x", 8, since=9)], 8, now=10).unload == []


@pytest.mark.parametrize("phase", ["loading", "degraded", "ready"])
def test_what_is_to_leave_goes_when_nobody_is_answered(phase: Phase) -> None:
    leaving = Standing(name="a", phase=phase, size=4, leaving=True)
    assert plan([leaving], 8, now=1).unload == ["a"]
    busy = Standing(name="a", phase=phase, size=4, leaving=True, busy=True)
    assert plan([busy], 8, now=1).unload == []


def test_what_turns_out_to_be_larger_has_idle_models_unloaded() -> None:
    models = [ready("old", used=1), ready("busy", used=2, busy=True), ready("large", 9, used=3)]
    assert plan(models, 16, now=4).unload == ["old"]
    assert plan(models, 17, now=4).unload == []
    assert plan([ready("pinned", pinned=True, used=1), *models[1:]], 8, now=4).unload == []
    assert plan([ready("young", ready_since=4, load_s=1), *models[1:]], 8, now=4).unload == []
    assert plan([ready("alone", 9)], 8, now=4).unload == []


def test_what_makes_room_already_is_not_asked_for_more() -> None:
    ending = Standing(name="ending", phase="ending", size=4)
    models = [ending, ready("idle", used=1), ready("last", used=2)]
    assert plan(models, 8, now=4).unload == []
