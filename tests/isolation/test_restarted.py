"""What comes from the disk changes no token of an answer: after a restart, beyond what RAM holds,
and beside what other models have written into the same folder."""

from dataclasses import replace
from pathlib import Path

from pippin.engine.lane import Job
from pippin.memory.records import decode, encode
from tests.isolation.server import House, Server
from tests.isolation.talk import TURN_END, family, job, words

SYSTEM = [*words(1, 150), TURN_END]


def one_after_another(server: Server, house: House, jobs: list[Job]) -> None:
    for each in jobs:
        assert server.ask(each) == house.alone(each)


def test_a_restart(house: House, tmp_path: Path) -> None:
    first = job(0, [*SYSTEM, *words(2, 20), TURN_END])
    with house.serving(tmp_path) as server:
        one_after_another(server, house, [first])
    history = [*first.prompt, *server.said.tokens[0, 0], TURN_END]
    goes_on = job(1, [*history, *words(3, 40), TURN_END])
    shares = job(2, [*SYSTEM, *words(4, 40), TURN_END])
    for asked, least in ((goes_on, len(first.prompt) - 1), (shares, len(SYSTEM))):
        with house.serving(tmp_path) as server:
            one_after_another(server, house, [asked])
            assert server.cached(asked) >= least
            assert server.engine.figures.disk_hits == 1


def test_a_restart_after_every_prompt(hashing_house: House, tmp_path: Path) -> None:
    jobs = family(10, SYSTEM)
    for each in jobs:
        with hashing_house.serving(tmp_path) as server:
            one_after_another(server, hashing_house, [each])
            if each is not jobs[0]:
                assert server.cached(each) >= len(SYSTEM)


def test_more_than_ram_holds(hashing_house: House, tmp_path: Path) -> None:
    jobs = [*family(10, SYSTEM), *family(20, words(7, 300)), *family(30, SYSTEM, 10)]
    with hashing_house.serving(tmp_path, slots=1) as server:
        for each in jobs:
            one_after_another(server, hashing_house, [each])
            while server.engine.tidy():
                continue
        assert server.engine.figures.disk_hits >= 1
        assert server.engine.figures.evicted_runs > 3


def records(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.run"))


def test_a_record_of_another_model_under_this_one_s_name(
    hashing_house: House, tmp_path: Path
) -> None:
    """As if hashes collided: place, name and keys are this model's, only its fingerprint is not."""
    asked = job(0, [*SYSTEM, *words(2, 40)])
    with hashing_house.serving(tmp_path) as server:
        one_after_another(server, hashing_house, [asked])
    for path in records(tmp_path):
        with path.open("rb") as file:
            run = decode(file, path.stat().st_size, hashing_house.fingerprint)
        zeros = tuple(replace(plane, data=bytes(len(plane.data))) for plane in run.planes)
        forged = replace(run, planes=zeros)
        path.write_bytes(b"".join(encode(forged, b"another model")))
    with hashing_house.serving(tmp_path) as server:
        one_after_another(server, hashing_house, [asked])
        assert server.cached(asked) == 0


def test_salts_share_nothing_on_disk(hashing_house: House, tmp_path: Path) -> None:
    asked = job(0, [*SYSTEM, *words(2, 40)])
    for salt in ("", "a", "b"):
        with hashing_house.serving(tmp_path) as server:
            assert server.ask(asked, salt=salt) == hashing_house.alone(asked)
            assert server.cached(asked) == 0
