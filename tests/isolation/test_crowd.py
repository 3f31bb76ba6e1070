"""Who else comes, goes or is cancelled changes no token of an answer: lanes wait, pause with their
rows and without, and go on in other company, while prompts are remembered and forgotten."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from pippin.core.request import Priority
from pippin.engine.lane import Job
from pippin.memory.disk import DiskTier
from tests.isolation.server import House, Server, cancelled
from tests.isolation.talk import TURN_END, family, job, words

SYSTEM = [*words(1, 70), TURN_END]
PRIORITIES: tuple[Priority, ...] = ("batch", "batch", "agent", "interactive")


def crowd() -> list[Job]:
    """Twelve jobs of two families, the more urgent ones later."""
    jobs = [*family(10, SYSTEM), *family(20, words(8, 33), 10)]
    return [
        replace(each, priority=PRIORITIES[at // 3], max_tokens=8 + 5 * (at % 4))
        for at, each in enumerate(jobs)
    ]


def tight(house: House) -> dict[str, Any]:
    """Room for about three lanes, and for little else."""
    return {"max_lanes": 4, "memory_bytes": int(3.4 * house.lane_cost(200)), "prefill_budget": 24}


TOGETHER: dict[str, Any] = {"max_lanes": 4, "prefill_budget": 24}


class Crowd:
    """Jobs that come to a server one after another, three steps apart."""

    def __init__(self, server: Server, jobs: list[Job]) -> None:
        self.server = server
        self.coming = list(jobs)
        self.seen: Counter[str] = Counter()

    def step(self) -> None:
        if self.coming and self.server.steps % 3 == 0:
            self.server.submit(self.coming.pop(0))
        self.server.step()
        self.seen.update(self.server.phases.values())

    def finish(self) -> None:
        while self.coming or not self.server.engine.idle:
            self.step()
        self.server.finish()


@pytest.mark.parametrize("when", range(0, 60, 4))
def test_a_neighbour_leaves_at_any_time(hashing_house: House, when: int) -> None:
    house, jobs = hashing_house, crowd()
    leaver, stays = jobs[when % 7], house.alone(*jobs)
    with house.serving(slots=4, **tight(house)) as server:
        all_of_it = Crowd(server, jobs)
        for _ in range(3 * (when % 7) + when // 2):
            all_of_it.step()
        server.engine.cancel(leaver.id)
        all_of_it.finish()
        said = server.said.tokens
        assert said == cancelled(stays, said, [leaver.id])
        assert server.said.failed == []
        again = replace(leaver, id=90)
        assert server.ask(again) == house.alone(again)


def test_every_phase_was_seen(hashing_house: House) -> None:
    """Or else the test above says less than it seems to."""
    with hashing_house.serving(slots=4, **tight(hashing_house)) as server:
        all_of_it = Crowd(server, crowd())
        all_of_it.finish()
        assert all_of_it.seen.keys() >= {"waiting", "prefill", "decoding", "paused, rows gone"}
        assert server.said.tokens == hashing_house.alone(*crowd())
    with hashing_house.serving(**TOGETHER) as server:
        all_of_it = Crowd(server, crowd())
        all_of_it.finish()
        assert all_of_it.seen.keys() >= {"waiting", "prefill", "decoding", "paused, rows kept"}
        assert server.said.tokens == hashing_house.alone(*crowd())


@pytest.mark.parametrize("is_tight", [False, True])
def test_a_crowd_that_gives_way(house: House, is_tight: bool) -> None:
    jobs = crowd()
    if not house.sharing.decode:
        # One lane at a time: the others wait, and give way to more urgent ones all the same.
        jobs = [replace(each, choices=1) for each in jobs]
    with house.serving(slots=5, **(tight(house) if is_tight else TOGETHER)) as server:
        all_of_it = Crowd(server, jobs)
        all_of_it.finish()
        assert server.said.tokens == house.alone(*jobs)
        paused = {"paused, rows gone", "paused, rows kept"} & all_of_it.seen.keys()
        assert paused


def test_one_choice_leaves(hashing_house: House) -> None:
    """As when a stop text was found in it."""
    asked = job(0, SYSTEM, choices=3, max_tokens=20)
    truth = hashing_house.alone(asked)
    for index in range(3):
        with hashing_house.serving() as server:
            server.submit(asked, job(1, words(3, 40)))
            server.step_until(lambda: len(server.said.tokens[0, 2]) == 5)
            server.engine.cancel(0, index)
            said = server.finish().tokens
            assert len(said[0, index]) < 20
            for lane, tokens in said.items():
                if lane != (1, 0):
                    assert tokens == truth[lane][: 20 if lane[1] != index else len(tokens)]
            history = [*SYSTEM, *said[0, index], *words(4, 10)]
            goes_on = job(2, history)
            assert server.ask(goes_on) == hashing_house.alone(goes_on)


@contextmanager
def stuck(disk: DiskTier) -> Iterator[threading.Event]:
    """A disk that is read only when the event is set."""
    go_on = threading.Event()
    read = disk.read

    def waiting(*given: Any) -> Any:
        go_on.wait()
        return read(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk, "read", waiting)
        yield go_on
        go_on.set()
