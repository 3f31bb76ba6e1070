"""What happens when parts of the server die."""

import os
import signal
import time
from typing import Any

import httpx
import psutil
import pytest

from tests.journeys.server import RunningServer, serving

COUNT = {
    "model": "demo",
    "messages": [{"role": "user", "content": "Count from 1 to 200."}],
    "max_tokens": 3000,
    "ignore_eos": True,
}


def gone(process: psutil.Process, within_s: float = 10.0) -> bool:
    try:
        process.wait(within_s)
    except psutil.TimeoutExpired:
        return False
    return True


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_no_worker_outlives_its_gateway(how: signal.Signals) -> None:
    with serving() as server:
        (worker,) = server.workers
        os.kill(server.process.pid, how)
        assert gone(worker)
        server.process.wait(30)


def load(server: RunningServer) -> dict[str, Any]:
    """What the worker is doing, by its CPU time."""
    (worker,) = server.workers
    return {"cpu": sum(worker.cpu_times()[:2])}


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_stops_the_work(stream: bool) -> None:
    """After the client is gone the worker's CPU time stands still."""
    with serving() as server:
        body = COUNT | {"stream": stream, "n": 8}
        try:
            with httpx.stream(
                "POST",
                f"{server.url}/v1/chat/completions",
                json=body,
                timeout=60.0 if stream else 1.0,
            ) as response:
                if stream:
                    next(response.iter_lines())
        except httpx.ReadTimeout:
            assert not stream
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            before = load(server)["cpu"]
            time.sleep(0.5)
            if load(server)["cpu"] - before < 0.05:
                return
        pytest.fail("the worker goes on working for nobody")


def test_a_model_that_cannot_be_loaded_says_why(tmp_path: Any) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(RuntimeError, match="has no tokenizer"), serving(str(tmp_path)):
        pass
