"""A folder of models, served by one command, as a new user would try it."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import psutil
import pytest

from pippin import demo
from tests.journeys.server import PIPPIN, RunningServer, serving
from tests.random_model import make_random_model

NAMES = ["demo", "demo-4bit", "demo.gguf", "gemma", "noise"]
GEMMA: dict[str, Any] = {
    "model_type": "gemma3_text",
    "hidden_size": 128,
    "num_hidden_layers": 6,
    "intermediate_size": 256,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 64,
    "sliding_window": 64,
    "sliding_window_pattern": 3,
}
QUESTION = [{"role": "user", "content": "What is the capital of France?"}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo, its 4-bit form, its GGUF form, and two random models of other architectures."""
    models = tmp_path_factory.mktemp("models")
    shutil.copytree(demo.MODELS["demo"], models / "demo")
    fewer = (*PIPPIN, "convert", str(models / "demo"), "--quantize", "q4")
    subprocess.run((*fewer, "--output", str(models / "demo-4bit")), check=True)
    gguf = demo.MODELS["demo-gguf"]
    shutil.copy(gguf if gguf.is_file() else next(gguf.glob("*.gguf")), models / "demo.gguf")
    make_random_model(models / "noise")
    make_random_model(models / "gemma", **GEMMA)
    return models


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[RunningServer]:
    with serving(
        "demo", "--models-dir", str(folder), "--memory", "256MiB", "--memory-limit", "4GiB"
    ) as running:
        yield running


def card(server: RunningServer, name: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{server.url}/v1/models/{name}").json()
    return found


def test_everything_is_listed(server: RunningServer) -> None:
    listed = httpx.get(f"{server.url}/v1/models").json()
    cards = {one["id"]: one for one in listed["data"]}
    assert sorted(cards) == NAMES
    assert cards["demo-4bit"]["quantisation"].startswith("4 bits")
    assert cards["demo.gguf"]["kind"] == "gguf"
    assert cards["gemma"]["architecture"] == "gemma3_text"
    assert all(one["fits"] and one["context_length"] for one in cards.values())
    assert "demo" in listed["models"]
    names = httpx.get(f"{server.url}/v1/internal/model/list").json()["model_names"]
    assert names == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_answers_when_it_is_asked(server: RunningServer, name: str) -> None:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
        answer = client.chat.completions.create(
            model=name,
            messages=[{"role": "user", "content": "What is the capital of France?"}],
            max_tokens=20,
            temperature=0,
        )
    assert answer.model == name
    if name.startswith("demo"):
        assert "Paris" in (answer.choices[0].message.content or "")
    assert card(server, name)["loaded"]


def test_load_and_unload(server: RunningServer) -> None:
    url = f"{server.url}/v1/models/gemma"
    assert httpx.post(f"{url}/load", timeout=60).json()["loaded"] is True
    pid = card(server, "gemma")["worker"]["pid"]
    told = httpx.post(f"{url}/unload", timeout=60).json()
    assert (told["state"], told["worker"]) == ("unloaded", None)
    assert not psutil.pid_exists(pid)
    events = httpx.post(f"{url}/load", json={"stream": True}, timeout=60).text.split("\n\n")
    assert json.loads(events[-3].removeprefix("data: "))["loaded"] is True
    assert events[-2] == "data: [DONE]"
    assert httpx.get(f"{server.url}/health/ready").json()["models"]["gemma"] == "ready"


def test_as_fastmlx_does(server: RunningServer) -> None:
    url = f"{server.url}/v1/models"
    added = httpx.post(url, params={"model_name": "noise"}, timeout=60)
    assert added.json() == {"status": "success", "message": "Model noise added successfully"}
    assert httpx.delete(url, params={"model_name": '"noise"'}).status_code == 204
    gone = httpx.delete(url, params={"model_name": "noise"})
    assert gone.status_code == 404
    assert "noise" in gone.json()["detail"]
    assert httpx.delete(url, params={"model_name": "../noise"}).status_code == 404
    assert httpx.post(url, params={"model_name": "org/unknown"}).status_code == 404
    assert httpx.post(url).status_code == 400
    assert "llama" in httpx.get(f"{server.url}/v1/supported_models").json()["lm"]


def test_slots_as_mlx_gguf_server_has_them(server: RunningServer) -> None:
    base = f"{server.url}/v1/internal/model"
    three = {"X-Model-Id": "3"}

    def load(name: str, headers: dict[str, str]) -> httpx.Response:
        return httpx.post(
            f"{base}/load", json={"llm_model_name": name}, headers=headers, timeout=60
        )

    assert httpx.get(f"{base}/info", headers=three).status_code == 400
    assert load("no-such-model", three).status_code == 404
    assert load("demo.gguf", three).json() == {"load": "success"}
    assert "already exists. Unload first." in load("noise", three).json()["detail"]
    info = {"model_name": "demo.gguf", "model_type": "llama-cpp"}
    assert httpx.get(f"{base}/info", headers=three).json() == info
    ask = {"model": "dummy", "messages": QUESTION, "max_tokens": 20, "temperature": 0}
    url = f"{server.url}/v1/chat/completions"
    answer = httpx.post(url, json=ask, headers=three, timeout=60).json()
    assert answer["model"] == "demo.gguf"
    assert "Paris" in answer["choices"][0]["message"]["content"]
    assert load("noise", {}).json() == {"load": "success"}
    assert httpx.post(url, json=ask, timeout=60).json()["model"] == "noise"
    for headers in (three, {}):
        unloaded = httpx.post(f"{base}/unload", headers=headers, timeout=60)
        assert unloaded.json() == {"unload": "success"}
        assert httpx.post(f"{base}/unload", headers=headers).status_code == 400
    assert httpx.post(url, json=ask, headers=three).status_code == 404
    assert httpx.post(url, json=ask, timeout=60).json()["model"] == "demo"


def test_pages_of_other_sites_load_nothing(server: RunningServer) -> None:
    strange = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    answer = httpx.post(f"{server.url}/v1/models/noise/unload", headers=strange)
    assert answer.status_code == 400


def resident(server: RunningServer) -> int:
    """Bytes of the server and all of its workers, as the system tells."""
    processes = [psutil.Process(server.process.pid), *server.workers]
    return sum(process.memory_info().rss for process in processes)


def test_room_for_two(folder: Path) -> None:
    """Three models in a memory for two: everybody is answered, at most two are there, and memory
    comes back with each that goes."""
    names = ("noise", "gemma", "demo-4bit")
    limits = ("--memory", "256MiB", "--memory-limit", "1500MiB")
    with serving("--config", config(folder, names), *limits) as server:
        url = f"{server.url}/v1/chat/completions"
        baseline = resident(server)
        for turn in range(6):
            ask = {"model": names[turn % 3], "messages": QUESTION, "max_tokens": 8}
            assert httpx.post(url, json=ask, timeout=120).status_code == 200
            assert len(server.workers) <= 2
        for name in names:
            httpx.post(f"{server.url}/v1/models/{name}/unload", timeout=60)
        assert server.workers == []
        assert resident(server) < baseline + 64 * 2**20


def config(folder: Path, names: tuple[str, ...]) -> str:
    """A file of models that are loaded on demand."""
    path = folder.parent / f"{folder.name}.json"
    models = [{"model": str(folder / name), "load": "demand"} for name in names]
    path.write_text(json.dumps({"models": models}))
    return str(path)


def test_time_to_live_and_aliases(folder: Path) -> None:
    path = folder.parent / "aliases.yaml"
    path.write_text(
        "defaults:\n  ttl_s: 1\nmodels:\n"
        f"  - model: {folder / 'demo'}\n    name: main\n    aliases: [gpt-4o, small]\n"
        "    pin: true\n"
        f"  - model: {folder / 'noise'}\n    load: demand\n"
    )
    with serving("--config", str(path)) as server:
        for name in ("main", "gpt-4o", "small"):
            ask = {"model": name, "messages": QUESTION, "max_tokens": 20, "temperature": 0}
            answer = httpx.post(f"{server.url}/v1/chat/completions", json=ask, timeout=60)
            assert answer.json()["model"] == "main"
        assert httpx.post(f"{server.url}/v1/models/noise/load", timeout=60).json()["loaded"]
        deadline = time.monotonic() + 30
        while card(server, "noise")["state"] != "unloaded":
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert card(server, "main")["loaded"]
