"""Rows 72, 74 and 75: what is remembered of prompts, where others may see it, damage it, or have
written it for another model. Whatever happens, the answer is that of a server that remembers
nothing."""

import errno
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.hostile.conftest import Canary
from tests.journeys.server import RunningServer, serving
from tests.random_model import make_random_model

TEXT = "/v1/completions"
PATIENCE_S = 30.0
Paths = list[Path]
Damage = Callable[[Path], object]


def words(count: int, seed: int) -> list[int]:
    """Harmless tokens."""
    return random.Random(seed).choices(range(300, 1500), k=count)


SYSTEM = words(150, 0)
PROMPTS = [[*SYSTEM, *words(200, number)] for number in range(1, 4)]


def ask(server: RunningServer, prompt: list[int], key: str = "") -> tuple[str, int]:
    """The answer, and how many tokens of the prompt were remembered."""
    body = {"prompt": prompt, "max_tokens": 12, "temperature": 0, "ignore_eos": True}
    headers = {"x-api-key": key} if key else {}
    answer = httpx.post(server.url + TEXT, json=body, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    cached = told["usage"]["prompt_tokens_details"]["cached_tokens"]
    return told["choices"][0]["text"], cached


def ask_all(server: RunningServer) -> list[tuple[str, int]]:
    return [ask(server, prompt) for prompt in PROMPTS]


def texts(told: list[tuple[str, int]]) -> list[str]:
    return [text for text, _ in told]


def figures(server: RunningServer) -> dict[str, Any]:
    answer = httpx.get(f"{server.url}/v1/cache", timeout=30)
    found: dict[str, Any] = answer.json()["data"][0]["figures"]
    return found


def records(folder: Path) -> Paths:
    return sorted(folder.rglob("*.run"))


def until_written(server: RunningServer, folder: Path) -> None:
    """Wait for the records on disk."""
    deadline = time.monotonic() + PATIENCE_S
    before: Paths = []
    while time.monotonic() < deadline:
        found = records(folder)
        if found == before and figures(server)["disk_records"]:
            return
        before = found
        time.sleep(0.5)
    raise AssertionError("the records were never written")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A folder with records of all prompts, and the right answers."""
    folder = tmp_path_factory.mktemp("prompts")
    with serving("--cache-dir", str(folder)) as server:
        right = texts(ask_all(server))
        until_written(server, folder)
    assert len(records(folder)) >= len(PROMPTS)
    return folder, right


def flipped(place: float) -> Damage:
    def flip(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[int(place * (len(data) - 1))] ^= 0x10
        path.write_bytes(data)

    return flip


def rotate(paths: Paths) -> None:
    """True records, each under another's name."""
    contents = [path.read_bytes() for path in paths]
    for path, content in zip(paths, contents[1:] + contents[:1], strict=True):
        path.write_bytes(content)


def become_a_link(path: Path) -> None:
    """To a true record of its own name."""
    path.rename(path.with_suffix(".true"))
    path.symlink_to(path.with_suffix(".true"))


def become_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def each(damage: Damage) -> Callable[[Paths], None]:
    def all_of(paths: Paths) -> None:
        for path in paths:
            damage(path)

    return all_of


DAMAGES: dict[str, Callable[[Paths], None]] = {
    "header": each(flipped(0.01)),
    "middle": each(flipped(0.5)),
    "empty": each(lambda path: path.write_bytes(b"")),
    "half": each(lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])),
    "huge claim": each(lambda path: path.write_bytes(b"\xff" * 64 + path.read_bytes()[64:])),
    "rotated": rotate,
    "link": each(become_a_link),
    "folder": each(become_a_folder),
}


@pytest.mark.parametrize("damage", ["middle", "rotated", None])
def test_row_74_records_damaged_between_two_runs(
    tmp_path: Path, written: tuple[Path, list[str]], damage: str | None
) -> None:
    folder, right = written
    place = Path(shutil.copytree(folder, tmp_path / "prompts"))
    if damage:
        DAMAGES[damage](records(place))
    with serving("--cache-dir", str(place)) as server, Canary(server.url) as canary:
        told = ask_all(server)
        canary.must_sing()
    assert texts(told) == right
    assert (told[0][1] == 0) == bool(damage)


def put_in_place(folder: Path, place: Path) -> None:
    """At once, though a server writes there and takes away what is bad."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        shutil.rmtree(place, ignore_errors=True)
        try:
            folder.rename(place)
        except OSError as error:  # the server has made it anew
            if error.errno != errno.ENOTEMPTY or time.monotonic() > deadline:
                raise
        else:
            return


@pytest.mark.timeout(300)
def test_row_74_records_damaged_while_it_runs(
    tmp_path: Path, written: tuple[Path, list[str]]
) -> None:
    """The records are known, and then there are worse ones, one kind after the other. (Every byte
    and every length is tried in tests/memory.)"""
    folder, right = written
    place = tmp_path / "prompts"
    with (
        serving("--cache-dir", str(place), "--cache-slots=1") as server,
        Canary(server.url) as canary,
    ):
        for damage in DAMAGES.values():
            worse = Path(shutil.copytree(folder, tmp_path / "worse"))
            damage(records(worse))
            put_in_place(worse, place)
            ask(server, words(300, 9))  # takes the only place in RAM
            assert [ask(server, prompt)[0] for prompt in PROMPTS[:2]] == right[:2]
            canary.must_sing()
        assert figures(server)["bad_records"] > 0
    assert not [line for line in server.log if "yet holds" in line or "Traceback" in line]


@pytest.mark.timeout(300)
def test_row_75_another_model_in_the_same_place(tmp_path: Path) -> None:
    """One folder of records; in one folder of a model, other weights, then another depth, then
    the first one again, which alone finds what it has written."""
    place, prompts = tmp_path / "model", tmp_path / "prompts"
    changes: list[tuple[int, dict[str, object]]] = [(1, {}), (2, {}), (2, {"num_hidden_layers": 3})]
    answers: list[list[str]] = []
    for number, (seed, other) in enumerate([*changes, changes[0]]):
        shutil.rmtree(place, ignore_errors=True)
        make_random_model(place, seed, **other)
        with serving(f"m={place}", "--cache-dir", str(prompts)) as server:
            told = ask_all(server)
            until_written(server, prompts)
        assert (told[0][1] > 0) == (number == len(changes))
        answers.append(texts(told))
    assert answers[0] == answers[3]
    assert len({str(each) for each in answers}) == 3


KEYS = {"PIPPIN_API_KEYS": "one,two", "PIPPIN_BATCH_KEYS": "three"}


def explained(server: RunningServer, key: str, prompt: list[int]) -> dict[str, Any]:
    body = {"prompt": prompt, "max_tokens": 2, "pippin": {"explain_cache": True}}
    headers = {"x-api-key": key}
    answer = httpx.post(server.url + TEXT, json=body, headers=headers, timeout=60).json()
    found: dict[str, Any] = answer["pippin"]["cache"][0]
    return found


@pytest.mark.parametrize("apart", [False, True])
def test_row_72_keys_share_prompts_or_do_not(tmp_path: Path, apart: bool) -> None:
    """In RAM, and on disk after a restart. Whoever shares is not told the other's words."""
    arguments = ["--cache-dir", str(tmp_path), *(["--cache-per-key"] if apart else [])]
    branch = [*PROMPTS[0][:-10], *words(20, 7)]
    for first in (True, False):
        with serving(*arguments, environment=KEYS) as server:
            if first:
                _, fresh = ask(server, PROMPTS[0], "one")
                assert fresh == 0
            for key in ("two", "three"):
                found = explained(server, key, branch)
                assert found["remembered"] is None
                if apart and first:
                    assert (found["matched_tokens"], found["reason"]) == (0, "unknown")
                else:
                    assert found["matched_tokens"] > 0
            assert explained(server, "one", branch)["matched_tokens"] > 0
