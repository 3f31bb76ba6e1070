"""``DELETE /v1/cache`` at the real server: when it has answered, nothing of before is left."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.journeys.server import RunningServer, serving

PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def server(cache_dir: Path) -> Iterator[RunningServer]:
    with serving("--cache-dir", str(cache_dir)) as server:
        yield server


@pytest.fixture
def client(server: RunningServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=PATIENCE_S) as client:
        yield client


def question(number: int, **fields: Any) -> dict[str, Any]:
    prompt = f"Story number {number}. " + "The cat sat on the mat and looked at the dog. " * 30
    return {"prompt": prompt, "max_tokens": 4, "temperature": 0, **fields}


def cached(client: httpx.Client, number: int) -> int:
    usage = client.post("/v1/completions", json=question(number)).json()["usage"]
    return int(usage["prompt_tokens_details"]["cached_tokens"])


def figures(client: httpx.Client) -> dict[str, Any]:
    (model,) = client.get("/v1/cache").json()["data"]
    told: dict[str, Any] = model["figures"]
    return told


def records(cache_dir: Path) -> list[Path]:
    return [path for path in cache_dir.rglob("*") if path.is_file()]


def remember(client: httpx.Client, number: int) -> None:
    """Until it is on disk."""
    before = figures(client)["disk_records"]
    assert cached(client, number) < 32
    until = time.monotonic() + PATIENCE_S
    while figures(client)["disk_records"] == before:
        assert time.monotonic() < until
        time.sleep(0.02)


def test_nothing_of_before_is_left(client: httpx.Client, cache_dir: Path) -> None:
    remember(client, 1)
    assert cached(client, 1) > 100
    at_work = question(2, max_tokens=200, stream=True)
    with client.stream("POST", "/v1/completions", json=at_work) as stream:
        lines = stream.iter_lines()
        assert next(lines)
        answer = client.delete("/v1/cache")
        assert answer.status_code == 200
        assert records(cache_dir) == []
        told = answer.json()["data"][0]["figures"]
        assert (told["ram_runs"], told["disk_records"]) == (0, 0)
        assert list(lines)[-2] == "data: [DONE]"  # who is at work is not disturbed
    assert figures(client)["ram_runs"] == 0
    assert cached(client, 1) < 32
    assert cached(client, 2) < 32
    assert cached(client, 2) > 100  # and it remembers again
