"""Server processes: started on a free port, ready, and surely ended."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from benchmarks.child import ROOT

START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 10.0


class ServerFailed(Exception):
    """It ended or never became ready; its log says why."""


def pippin_command(folder: Path, port: int, threads: int) -> list[str]:
    command = [sys.executable, "-m", "pippin", "serve", f"bench={folder}"]
    return [*command, "--port", str(port), "--blas-threads", str(threads), "--log-level", "warning"]


def mlx_lm_command(folder: Path, port: int, threads: int) -> list[str]:
    """``threads`` 0: with the reference BLAS of MLX's wheel."""
    command = [sys.executable, "-m", "benchmarks.launch_mlx_lm", str(threads)]
    arguments = ["--model", str(folder), "--port", str(port), "--log-level", "WARNING"]
    return command + arguments


class Server:
    """One running server; owns its process group. A context manager."""

    def __init__(self, command: list[str], port: int, ready_path: str, log: Path) -> None:
        self.port = port
        self._log = log
        self._ready_path = ready_path
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=ROOT,
                start_new_session=True,
            )

    def wait_ready(self) -> None:
        """Raises ServerFailed."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise ServerFailed(f"ended with {self._process.returncode}; see {self._log}")
            if self._answers():
                return
            time.sleep(0.1)
        raise ServerFailed(f"not ready after {START_TIMEOUT_S:.0f} s; see {self._log}")

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", self._ready_path)
            return connection.getresponse().status == http.client.OK
        except OSError:
            return False  # not listening yet
        finally:
            connection.close()

    def cpu_seconds(self) -> float:
        """User and system time of the server and its workers so far."""
        root = psutil.Process(self._process.pid)
        times = [process.cpu_times() for process in (root, *root.children(recursive=True))]
        return float(sum(t.user + t.system for t in times))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):  # it had its chance
            self._process.wait(STOP_TIMEOUT_S)
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):  # all of the group is gone already
            os.killpg(self._process.pid, number)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
