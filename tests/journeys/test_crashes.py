"""Workers of real models die, hang, abort and raise under twenty streams: each stream says what
it says undisturbed, and other models never notice."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.hostile import serve_faulty
from tests.journeys.server import RunningServer, serving
from tests.random_model import make_random_model

STREAMS = 20
FAULTY = (sys.executable, str(Path(serve_faulty.__file__)))
FIELDS: tuple[dict[str, Any], ...] = (
    {"temperature": 0},
    {"temperature": 0.9, "top_p": 0.9},
    {"temperature": 1.2, "n": 2, "frequency_penalty": 0.5},
    {"temperature": 0.7, "repetition_penalty": 1.1, "stop": ["zq"]},
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Three models: the demo, a smaller one, and noise."""
    noise = make_random_model(tmp_path_factory.mktemp("models") / "noise")
    patience = ("--worker-silence-timeout", "5", "--worker-stop-timeout", "1")
    with serving("demo", str(noise), "demo-draft", *patience) as running:
        yield running


def body(model: str, number: int) -> dict[str, Any]:
    question = f"Count from 1 to {150 + number}."
    return {
        "model": model,
        "messages": [{"role": "user", "content": question}],
        "max_tokens": 120,
        "ignore_eos": True,
        "seed": number,
        **FIELDS[number % len(FIELDS)],
    }


def streamed(url: str, request: dict[str, Any], begun: threading.Event | None = None) -> list[str]:
    """Each choice's text; nothing but good events, and an end."""
    texts = [""] * request.get("n", 1)
    last = ""
    with httpx.stream(
        "POST", f"{url}/v1/chat/completions", json=request | {"stream": True}, timeout=120
    ) as answer:
        assert answer.status_code == 200
        for line in answer.iter_lines():
            if not line.startswith("data: "):
                continue
            last = line.removeprefix("data: ")
            if last == "[DONE]":
                break
            event = json.loads(last)
            assert "error" not in event, event
            for choice in event["choices"]:
                texts[choice["index"]] += choice["delta"].get("content") or ""
            if begun is not None and any(texts):
                begun.set()
    assert last == "[DONE]"
    return texts


@pytest.fixture(scope="module")
def undisturbed(server: RunningServer) -> dict[tuple[str, int], list[str]]:
    return {
        (model, number): streamed(server.url, body(model, number))
        for model, number in asked(STREAMS)
    }


def asked(streams: int) -> list[tuple[str, int]]:
    models = ("demo", "noise", "demo-draft")
    return [(models[number % 3], number) for number in range(streams)]


def pid_of(url: str, model: str) -> int:
    """0: it has no process now."""
    worker = httpx.get(f"{url}/v1/models/{model}").json()["worker"]
    return int(worker["pid"]) if worker else 0


@pytest.mark.parametrize(
    ("victim", "sign"),
    [
        ("demo", signal.SIGKILL),
        ("noise", signal.SIGSTOP),
        ("demo-draft", signal.SIGABRT),
    ],
)
def test_streams_go_on_as_if_nothing_had_been(
    server: RunningServer,
    undisturbed: dict[tuple[str, int], list[str]],
    victim: str,
    sign: signal.Signals,
) -> None:
    before = {model: pid_of(server.url, model) for model, _ in asked(3)}
    begun = [threading.Event() for _ in range(STREAMS)]
    with ThreadPoolExecutor(STREAMS) as pool:
        streams = [
            pool.submit(streamed, server.url, body(model, number), begun[number])
            for model, number in asked(STREAMS)
        ]
        those = [event for (model, _), event in zip(asked(STREAMS), begun, strict=True)
                 if model == victim]  # fmt: skip
        for event in those[: len(those) // 2]:  # the first might be over before the last begins
            assert event.wait(60)
        os.kill(before[victim], sign)
        told = [stream.result() for stream in streams]
    for (model, number), texts in zip(asked(STREAMS), told, strict=True):
        assert texts == undisturbed[model, number], (model, number)
    deadline = time.monotonic() + 60  # one that is idle and stopped is noticed after a while
    while pid_of(server.url, victim) in (0, before[victim]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    after = {model: pid_of(server.url, model) for model, _ in asked(3)}
    assert [model for model in after if after[model] != before[model]] == [victim]


def test_health_tells_of_a_worker_that_gives_no_sign(server: RunningServer) -> None:
    pid = pid_of(server.url, "noise")
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    try:
        while httpx.get(f"{server.url}/health/ready").status_code == 200:
            assert time.monotonic() - began < 30
            time.sleep(0.05)
        states = httpx.get(f"{server.url}/health/ready").json()["models"]
        assert states["noise"] in ("unresponsive", "loading")
        assert states["demo"] == "ready"
        assert httpx.get(f"{server.url}/health").json()["handler_initialized"] is False
    finally:
        if psutil.pid_exists(pid):
            os.kill(pid, signal.SIGCONT)
    while httpx.get(f"{server.url}/health/ready").status_code != 200:
        time.sleep(0.05)


def test_what_is_not_streamed_is_told_whole(
    server: RunningServer, undisturbed: dict[tuple[str, int], list[str]]
) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = [
            pool.submit(
                httpx.post,
                f"{server.url}/v1/chat/completions",
                json=body("demo", number),
                timeout=120,
            )
            for number in range(0, 12, 3)
        ]
        time.sleep(0.3)
        os.kill(pid_of(server.url, "demo"), signal.SIGKILL)
        for number, answer in zip(range(0, 12, 3), answers, strict=True):
            choices = answer.result().json()["choices"]
            texts = [choice["message"]["content"] for choice in choices]
            assert texts == undisturbed["demo", number]


def test_streams_go_on_after_a_step_that_raised(
    undisturbed: dict[tuple[str, int], list[str]],
) -> None:
    with (
        serving("demo", "other=demo", program=FAULTY) as server,
        ThreadPoolExecutor(STREAMS) as pool,
    ):
        begun = [threading.Event() for _ in range(STREAMS)]
        numbers = [number for number in range(STREAMS) if number % 3 == 0]
        asked = [
            (number, body("demo", number) | {"model": model})
            for model in ("demo", "other")
            for number in numbers
        ]
        streams = [
            pool.submit(streamed, server.url, request, event)
            for (_, request), event in zip(asked, begun, strict=False)
        ]
        for event, _ in zip(begun, asked, strict=False):
            assert event.wait(60)
        pid = pid_of(server.url, "demo")
        os.kill(pid, signal.SIGUSR1)
        for (number, _), stream in zip(asked, streams, strict=True):
            assert stream.result() == undisturbed["demo", number]
        assert pid_of(server.url, "demo") == pid
        assert sum("RuntimeError: planted failure" in line for line in server.log) == 1


def test_streams_of_a_gguf_model_go_on() -> None:
    """What llama.cpp computes depends on who shares a pass, so that not every word is compared."""
    with serving("demo-gguf") as server, ThreadPoolExecutor(8) as pool:
        begun = [threading.Event() for _ in range(8)]
        alone = streamed(server.url, body("demo-gguf", 0))
        streams = [
            pool.submit(streamed, server.url, body("demo-gguf", number), begun[number])
            for number in range(8)
        ]
        for event in begun:
            assert event.wait(60)
        before = pid_of(server.url, "demo-gguf")
        os.kill(before, signal.SIGKILL)
        told = [stream.result() for stream in streams]
        assert all(text for texts in told for text in texts)
        assert told[0][0].startswith(alone[0][:20])
        assert pid_of(server.url, "demo-gguf") != before


def test_a_model_that_kills_every_worker_is_said_to_be_degraded() -> None:
    """Its worker is killed again and again; the neighbour answers all the while."""
    with serving("demo", "other=demo") as server:
        for _ in range(3):
            while not (worker := httpx.get(f"{server.url}/v1/models/other").json()["worker"]):
                time.sleep(0.05)
            os.kill(worker["pid"], signal.SIGKILL)
            while psutil.pid_exists(worker["pid"]):
                time.sleep(0.02)
        while httpx.get(f"{server.url}/v1/models/other").json()["state"] != "degraded":
            time.sleep(0.02)
        assert httpx.get(f"{server.url}/health/ready").status_code == 503
        refused = httpx.post(f"{server.url}/v1/chat/completions", json=body("other", 0))
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert "again and again" in refused.json()["error"]["message"]
        assert streamed(server.url, body("demo", 0) | {"max_tokens": 5})[0]
        while httpx.get(f"{server.url}/health/ready").status_code != 200:
            time.sleep(0.1)
        assert streamed(server.url, body("other", 0) | {"max_tokens": 5})[0]
