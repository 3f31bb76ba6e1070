"""The real server, as a process, as its user would start it."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory

import httpx
import psutil
import pytest

mlx_only = pytest.mark.parametrize("default_model", ["demo"], indirect=True)
"""Of tests that compare texts to the bit: what llama.cpp computes depends, in its rounding, on who
else is there, and on where in the cache a text lies."""
READY_WITHIN_S = 120.0
PIPPIN = (sys.executable, "-m", "pippin")


@dataclass
class RunningServer:
    """A ``pippin serve`` that listens."""

    process: subprocess.Popen[str]
    url: str = ""
    log: list[str] = field(default_factory=list)

    @property
    def workers(self) -> list[psutil.Process]:
        children = psutil.Process(self.process.pid).children(recursive=True)
        return [child for child in children if _is_worker(child)]

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError("the server ended:\n" + "".join(self.log))
            if self.url and httpx.get(f"{self.url}/health/ready").status_code == 200:
                return
            time.sleep(0.05)
        raise TimeoutError("the server never became ready:\n" + "".join(self.log))

    def read_log(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.log.append(line)
            if found := re.search(r"Listening on (http://\S+)", line):
                self.url = found[1]


def _is_worker(process: psutil.Process) -> bool:
    """Those that are just ending are none any more."""
    try:
        return "--socket" in process.cmdline()
    except psutil.Error:
        return False


@contextmanager
def serving(
    *arguments: str,
    environment: dict[str, str] | None = None,
    program: Sequence[str] = PIPPIN,
) -> Iterator[RunningServer]:
    """``pippin serve`` with these arguments on a free port, until the block ends."""
    with TemporaryDirectory() as cache:
        own = {"PYTHONUNBUFFERED": "1", "PIPPIN_CACHE_DIR": cache}
        command = (*program, "serve", "--port", "0", *arguments)
        with _running(command, {**os.environ, **own, **(environment or {})}) as server:
            yield server


@contextmanager
def _running(command: Sequence[str], environment: dict[str, str]) -> Iterator[RunningServer]:
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )
    server = RunningServer(process)
    reader = threading.Thread(target=server.read_log, daemon=True)
    reader.start()
    try:
        server.wait_until_ready()
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join()
        assert process.stdout is not None
        process.stdout.close()
