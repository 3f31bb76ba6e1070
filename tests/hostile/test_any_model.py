"""Rows 17 and 32, on a server that lets requests load whatever the hub has: a client may name a
repository, and never a path, whatever lies where the server was started."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pippin import demo
from tests.journeys.server import RunningServer, serving
from tests.models.fake_hub import FakeHub, fake_hub

STARTED_IN = """
import os, sys
os.chdir(sys.argv.pop(1))
from pippin.cli import main
main()
"""
PATHS = [
    *("/etc/passwd", "../org/model", "./org/model", "org/../org/model", "~/model", "org//model"),
    *("org/model/", "org/model/..", "org/.model", ".org/model", "-org/model", "model", "."),
    *("org/model\x00", "org/model\n", "org\\model", "file:///org/model", "%2e%2e/model"),
    *(
        "a/b/c",
        "org/model@../x",
        "org/model@/etc",
        "org--x/model",
        "x" * 300 + "/y",
        "org/model:x/y",
    ),
]


@pytest.fixture(scope="module")
def started_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with models in it, named like repositories."""
    folder = tmp_path_factory.mktemp("here")
    for name in ("model", "org/model"):
        shutil.copytree(demo.MODELS["demo"], folder / name)
    return folder


@pytest.fixture(scope="module")
def hub(started_in: Path) -> Iterator[FakeHub]:
    with fake_hub("other/tiny", demo.MODELS["demo"]) as hub:
        yield hub


@pytest.fixture(scope="module")
def server(
    started_in: Path, hub: FakeHub, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    own = {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path_factory.mktemp("home")),
        "HF_HUB_DISABLE_XET": "1",
    }
    program = (sys.executable, "-c", STARTED_IN, str(started_in))
    with serving("--unknown-model", "load", environment=own, program=program) as server:
        yield server


def ask(server: RunningServer, model: str) -> httpx.Response:
    body = {"model": model, "prompt": "Hello", "max_tokens": 3}
    return httpx.post(f"{server.url}/v1/completions", json=body, timeout=90)


@pytest.mark.parametrize("name", PATHS, ids=ascii)
def test_row_32_a_path_is_no_model(server: RunningServer, hub: FakeHub, name: str) -> None:
    before, workers = len(hub.requests), len(server.workers)
    answer = ask(server, name)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "model_not_found"
    assert len(hub.requests) == before, "the hub was asked"
    assert len(server.workers) == workers, "a worker was started"


def test_row_17_a_repository_that_is_a_folder_here_is_asked_of_the_hub(
    server: RunningServer, hub: FakeHub, started_in: Path
) -> None:
    answer = ask(server, "org/model")
    assert answer.status_code >= 400
    assert any("/org/model" in path for path in hub.requests)
    assert str(started_in) not in answer.text


def test_a_repository_that_the_hub_has_is_loaded(server: RunningServer) -> None:
    answer = ask(server, "other/tiny")
    assert answer.status_code == 200, answer.text
    assert answer.json()["model"] == "other/tiny"
