"""Weights that are quantised when a server starts: once, whoever comes first."""

import concurrent.futures
import subprocess
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from pippin import demo
from tests.journeys.server import PIPPIN, RunningServer, serving

QUESTION = {"messages": [{"role": "user", "content": "What is the capital of France?"}]}
ONCE = "the weights are converted to"


def answered(server: RunningServer, **body: object) -> dict[str, object]:
    """Text and log-probabilities."""
    asked = {**QUESTION, "logprobs": True, "max_tokens": 8, **body}
    answer = httpx.post(f"{server.url}/v1/chat/completions", json=asked, timeout=60)
    assert answer.status_code == 200, answer.text
    choice = answer.json()["choices"][0]
    return {"said": choice["message"]["content"], "scores": choice["logprobs"]}


def conversions(server: RunningServer) -> int:
    return sum(ONCE in line for line in server.log)


@pytest.mark.timeout(300)
def test_it_is_done_once_and_it_shows(tmp_path: Path) -> None:
    own = {"PIPPIN_CACHE_DIR": str(tmp_path)}
    with serving("demo") as server:
        plain = answered(server)
    with serving("demo", "--quantize", "q4", environment=own) as server:
        assert conversions(server) == 1
        four = answered(server)
        adapted = answered(server, adapter="demo-adapter")
    assert four["scores"] != plain["scores"]
    assert adapted != four
    (folder,) = (one for one in (tmp_path / "weights").iterdir() if one.is_dir())
    with serving("demo", "--quantize", "q4", environment=own) as server:
        assert conversions(server) == 0
        assert answered(server) == four
    # A folder that has these bits is served as it is, and so is any by fp16.
    config = tmp_path / "pippin.yaml"
    config.write_text(
        "models:\n"
        f"  - {{name: same, model: {folder}, quantize: q4}}\n"
        f"  - {{name: any, model: {folder}, quantize: fp16}}\n"
    )
    with serving("--config", str(config), environment=own) as server:
        assert conversions(server) == 0
        assert [answered(server, model=name) for name in ("same", "any")] == [four, four]
    assert [one for one in (tmp_path / "weights").iterdir() if one.is_dir()] == [folder]
    # What a server that was killed leaves behind, in another one's way, is no model.
    half = folder.with_name(folder.name + ".partial")
    folder.rename(half)
    (half / "model.safetensors").write_bytes(demo.MODELS["demo"].name.encode())
    with serving("demo", "--quantize", "q4", environment=own) as server:
        assert conversions(server) == 1
        assert answered(server) == four
    assert not half.exists()


@pytest.mark.timeout(300)
def test_a_folder_by_convert_is_the_same(tmp_path: Path) -> None:
    subprocess.run(
        [*PIPPIN, "convert", "demo", "--quantize", "q3", "--output", str(tmp_path / "three")],
        check=True,
        capture_output=True,
        timeout=120,
    )
    with serving(str(tmp_path / "three")) as server:
        converted = answered(server)
    with serving("demo", "--quantize", "q3") as server:
        assert answered(server) == converted


@pytest.mark.timeout(300)
def test_two_servers_that_start_at_once_convert_once(tmp_path: Path) -> None:
    own = {"PIPPIN_CACHE_DIR": str(tmp_path)}
    with ExitStack() as stack, concurrent.futures.ThreadPoolExecutor(2) as pool:

        def started(_: int) -> RunningServer:
            return stack.enter_context(serving("demo", "--quantize", "q8", environment=own))

        servers = list(pool.map(started, range(2)))
        assert sum(map(conversions, servers)) == 1
        one, other = (answered(server) for server in servers)
        assert one == other
    assert len(list(tmp_path.glob("weights/*/model.safetensors"))) == 1
