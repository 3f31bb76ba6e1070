"""What is in RAM of other prompts changes no token of an answer."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from pippin.engine.lane import Job
from pippin.memory.prompts import PromptMemory, Text
from tests.isolation.server import House, Server
from tests.isolation.talk import TURN_END, WORDS, family, job, words

SYSTEM = [*words(1, 90), TURN_END]


def shareable(house: House, jobs: list[Job]) -> list[Job]:
    """Models whose sequences cannot share a pass are given one choice at a time."""
    return jobs if house.sharing.decode else [replace(each, choices=1) for each in jobs]


def one_after_another(server: Server, house: House, jobs: list[Job], salt: str = "") -> None:
    for each in jobs:
        assert server.ask(each, salt=salt) == house.alone(each)


def test_prompts_of_one_family(house: House) -> None:
    jobs = shareable(house, family(10, SYSTEM))
    with house.serving() as server:
        one_after_another(server, house, jobs)
        for each in jobs[1:]:
            assert server.cached(each) >= len(SYSTEM)
        question = jobs[0].prompt
        for repeated in jobs[3:5]:
            assert server.cached(repeated) >= len(question) - 1 - house.needs_state * 50


def test_prompts_of_several_families(hashing_house: House) -> None:
    with hashing_house.serving() as server:
        for first in (10, 20, 30):
            one_after_another(server, hashing_house, family(first, SYSTEM))
        hits = [job for job, begun in server.said.begun.items() if begun.cached]
        assert len(hits) == 17


def test_a_conversation_that_goes_on(hashing_house: House) -> None:
    history = [*SYSTEM]
    with hashing_house.serving() as server:
        for turn in range(6):
            history += [*words(turn, 7 + 11 * turn), TURN_END]
            asked = job(turn, history)
            assert server.ask(asked) == hashing_house.alone(asked)
            assert server.cached(asked) >= (len(history) - 9 - 11 * turn if turn else 0)
            history += server.said.tokens[turn, 0]


def test_every_place_to_branch(hashing_house: House) -> None:
    with hashing_house.serving() as server:
        for cut in (62, 63, 64, 65, 80, 95, 96, 97):
            long = words(cut, 100)
            branch = [*long[:cut], (long[cut] + 1) % WORDS, *words(cut, 20)]
            jobs = [job(10 * cut, long), job(10 * cut + 2, branch), job(10 * cut + 4, long)]
            one_after_another(server, hashing_house, jobs)
            assert server.cached(jobs[1]) == (0 if hashing_house.needs_state else cut)


def test_texts_that_part_within_a_block(hashing_house: House) -> None:
    """A state at an end that was reached by other tokens of the same block is no state of this."""
    first = words(1, 71)
    second = [*first[:64], *words(2, 20)]
    third = [*second[:75], *words(3, 3)]
    with hashing_house.serving() as server:
        jobs = [job(0, first, max_tokens=1), job(2, second, max_tokens=1), job(4, third)]
        one_after_another(server, hashing_house, jobs)


def test_prompts_that_come_token_by_token(hashing_house: House) -> None:
    """Then caches are written in place, also just after what they held was kept. Few of them, so
    that the window still shows the system prompt."""
    jobs = [job(number, [*SYSTEM, *words(number, 4)]) for number in (2, 4, 6)]
    with hashing_house.serving(prefill_budget=1) as server:
        one_after_another(server, hashing_house, jobs)
        assert [server.cached(each) for each in jobs] == [0, len(SYSTEM), len(SYSTEM)]


@pytest.mark.parametrize("slots", [1, 2, 3])
def test_hardly_any_slots(hashing_house: House, slots: int) -> None:
    with hashing_house.serving(slots=slots) as server:
        for first, seed in enumerate([10, 20, 10, 30, 20]):
            jobs = family(10 * first, words(seed, 70), seed)
            one_after_another(server, hashing_house, jobs)
            assert server.engine.figures.ram_runs > 0
        assert server.engine.figures.evicted_runs > 10
        assert server.engine.figures.hits > 5


def test_a_budget_of_a_few_runs(hashing_house: House) -> None:
    systems = [words(seed, 100) for seed in (1, 2)]
    with hashing_house.serving() as server:
        one_after_another(server, hashing_house, family(0, systems[0]))
        everything = server.engine.figures.ram_bytes
    for share in (0.5, 0.8):
        with hashing_house.serving(ram_bytes=int(share * everything)) as server:
            for first, seed in enumerate([0, 1, 0, 1]):
                jobs = family(10 * first, systems[seed], seed)
                one_after_another(server, hashing_house, jobs)
            assert server.engine.figures.evicted_runs > 4


def test_salts_share_nothing(hashing_house: House) -> None:
    asked = job(0, [*SYSTEM, *words(2, 40)])
    with hashing_house.serving() as server:
        for number, salt in enumerate(["", "a", "b", "ab", "a\0b"]):
            first, second = (replace(asked, id=10 * number + again) for again in range(2))
            one_after_another(server, hashing_house, [first, second], salt)
            assert server.cached(first) == 0
            assert server.cached(second) == len(asked.prompt) - 1 or hashing_house.needs_state


def with_keys_of(memory: PromptMemory | None, prompt: list[int], forged: Job) -> Job:
    assert memory
    keys = memory.text("", prompt).keys
    text = memory.text("", forged.prompt)
    return replace(forged, text=Text(text.tokens, keys))


def changed_at(*places: int) -> Callable[[list[int]], list[int]]:
    return lambda prompt: [(t + (i in places)) % TURN_END for i, t in enumerate(prompt)]


@pytest.mark.parametrize("places", [(0,), (31,), (32,), (70,), (0, 40, 99)])
def test_equal_keys_of_unlike_tokens(hashing_house: House, places: tuple[int, ...]) -> None:
    prompt = words(1, 110)
    other = changed_at(*places)(prompt)
    with hashing_house.serving() as server:
        one_after_another(server, hashing_house, [job(0, prompt)])
        forged = with_keys_of(server.memory, prompt, job(2, other))
        one_after_another(server, hashing_house, [forged, job(4, prompt), job(6, other)])
        assert server.cached(forged) <= min(places)
