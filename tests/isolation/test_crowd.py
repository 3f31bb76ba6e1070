"""Who else comes, goes or is cancelled changes no token of an answer: lanes wait, pause with their
rows and without, and go on in other company, while prompts are remembered and forgotten."""

from dataclasses import replace

import pytest

from tests.engine.driver import run
from tests.isolation.crowd import SYSTEM, TOGETHER, Crowd, crowd, tight
from tests.isolation.server import House, cancelled
from tests.isolation.talk import job, words


@pytest.mark.parametrize("when", range(0, 60, 6))
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


def test_what_a_crowd_said_goes_on(hashing_house: House) -> None:
    """Each lane's own row was remembered when it left: at its end, at a token that came before the
    step in flight was read, or cancelled."""
    house = hashing_house
    jobs = [job(n, words(n, 40), max_tokens=60, eos=frozenset(range(0, 60, 7))) for n in range(8)]
    with house.serving(max_lanes=8) as server:
        server.submit(*jobs)
        server.step_until(lambda: len(server.said.tokens[7, 0]) >= 1)
        server.engine.cancel(6)
        server.finish()
        said = {lane: [*tokens] for lane, tokens in server.said.tokens.items()}
        for (number, _), tokens in said.items():
            goes_on = job(10 + number, [*jobs[number].prompt, *tokens, *words(number, 4)])
            assert server.ask(goes_on) == house.alone(goes_on)
            assert server.cached(goes_on) >= 40


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


@pytest.mark.parametrize("is_tight", [False, True])
def test_scores_of_prompts_are_told_once(hashing_house: House, is_tight: bool) -> None:
    """Whoever must begin anew does not say them again, and a lane that goes on says none."""
    house = hashing_house
    jobs = [replace(each, score_prompt=True, logprobs=1) for each in crowd()]
    alone = [run(house.engine(), [each]).prompt_scores[each.id] for each in jobs]
    with house.serving(**(tight(house) if is_tight else TOGETHER)) as server:
        all_of_it = Crowd(server, jobs)
        all_of_it.finish()
        assert server.said.failed == []
        assert [server.said.prompt_scores[each.id] for each in jobs] == alone
        assert server.said.tokens == house.alone(*jobs)
        assert "paused, rows gone" in all_of_it.seen or not is_tight
