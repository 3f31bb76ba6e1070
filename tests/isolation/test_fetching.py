"""While the disk is read for a prompt, others go on; and whatever the disk brings, late or never,
changes no token of an answer."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.isolation.faulty_disk import MOODS, Mood
from tests.isolation.server import House, Server
from tests.isolation.talk import TURN_END, job, words

PROMPT = [*words(1, 150), TURN_END, *words(2, 40), TURN_END]


@contextmanager
def restarted(house: House, folder: Path, mood: Mood, **options: Any) -> Iterator[Server]:
    """A server that finds the prompt on the disk, in this mood."""
    with house.serving(folder) as before:
        before.ask(job(0, PROMPT))
    with house.serving(folder, **options) as server:
        assert server.ask(job(1, words(3, 5))) == house.alone(job(1, words(3, 5)))
        server.disk.mood = mood
        yield server


def test_a_neighbour_leaves_while_the_disk_is_read(hashing_house: House, tmp_path: Path) -> None:
    house = hashing_house
    leaver, goes_on, other = job(10, PROMPT), job(11, PROMPT), job(13, words(4, 30))
    with restarted(house, tmp_path, "late") as server:
        server.submit(leaver, goes_on, other)
        server.step()
        assert {server.phases[10], server.phases[11]} == {"fetching"}
        server.step_until(lambda: len(server.said.tokens[13, 0]) == 12)
        assert server.phases[10] == "fetching"
        server.engine.cancel(10)
        assert 10 not in server.phases
        server.disk.mood = "well"
        assert server.finish().tokens.keys() == {(1, 0), (11, 0), (13, 0)}
        assert server.said.tokens[11, 0] == house.alone(goes_on)[11, 0]
        assert server.said.tokens[13, 0] == house.alone(other)[13, 0]
        assert server.cached(goes_on) >= 150
        assert 10 not in server.said.begun
        again = replace(leaver, id=20)
        assert server.ask(again) == house.alone(again)


def test_only_one_is_left_and_leaves(hashing_house: House, tmp_path: Path) -> None:
    with restarted(hashing_house, tmp_path, "late") as server:
        server.submit(job(10, PROMPT))
        server.engine.cancel(10)
        assert not server.engine.fetching
        server.disk.mood = "well"
        server.finish()
        again = job(20, PROMPT)
        assert server.ask(again) == hashing_house.alone(again)
        assert server.cached(again) >= 150


def test_a_disk_that_is_waited_for_no_longer(hashing_house: House, tmp_path: Path) -> None:
    """What it brings in the end is for the next one."""
    now = 0.0
    first, second = job(10, PROMPT), job(12, [*PROMPT, *words(5, 50)])
    with restarted(hashing_house, tmp_path, "late", clock=lambda: now) as server:
        server.submit(first)
        server.step(3)
        assert server.phases[10] == "fetching"
        now = 11.0
        server.step()
        assert server.phases.get(10) != "fetching"
        server.disk.mood = "well"
        assert server.finish().tokens[10, 0] == hashing_house.alone(first)[10, 0]
        assert server.cached(first) == 0
        assert server.ask(second) == hashing_house.alone(second)
        assert server.cached(second) >= 150


@pytest.mark.parametrize("mood", sorted({*MOODS} - {"well", "late"}))
def test_a_sick_disk(hashing_house: House, tmp_path: Path, mood: Mood) -> None:
    first, second = job(10, PROMPT), job(12, [*PROMPT, *words(5, 150)])
    with restarted(hashing_house, tmp_path, mood) as server:
        assert server.ask(first) == hashing_house.alone(first)
        assert server.cached(first) == 0 or mood == "refuses"
        assert server.ask(second) == hashing_house.alone(second)
        assert server.said.failed == []
    with hashing_house.serving(tmp_path) as server:
        again = job(14, second.prompt)
        assert server.ask(again) == hashing_house.alone(again)
