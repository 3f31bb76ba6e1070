"""Server processes: started on a free port, ready, surely ended, and started again."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from benchmarks.child import ROOT

START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 30.0


class ServerFailed(Exception):
    """It ended or never became ready; its log says why."""


class Server:
    """One server at one port; owns its process group. A context manager: inside it runs.

    Used by one thread. Raises ServerFailed from everything that starts it.
    """

    def __init__(
        self,
        command: Sequence[str],
        port: int,
        ready_path: str,
        log: Path,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """``variables`` are added to the environment; ``log`` gets what it writes."""
        self.port = port
        self._command = list(command)
        self._ready_path = ready_path
        self._log = log
        self._variables = dict(variables or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> psutil.Process:
        """Its first process; workers are children of that."""
        if self._process is None:
            raise ServerFailed("it was not started")
        return psutil.Process(self._process.pid)

    def cpu_seconds(self) -> float:
        """User and system time of the server and its workers so far."""
        root = self.process
        times = [process.cpu_times() for process in (root, *root.children(recursive=True))]
        return float(sum(t.user + t.system for t in times))

    def restart(self) -> None:
        """Ends it as its operator would, and starts it again at the same port."""
        self.stop()
        self._start()

    def stop(self) -> int:
        """Asks it to end, and sees to it that it does. Returns its exit status."""
        if self._process is None:
            return 0
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):  # it had its chance
            self._process.wait(STOP_TIMEOUT_S)
        self._signal(signal.SIGKILL)
        status = self._process.wait()
        self._process = None
        return status

    def __enter__(self) -> Self:
        self._log.unlink(missing_ok=True)
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _start(self) -> None:
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=ROOT,
                env=os.environ | self._variables,
                start_new_session=True,
            )
        self._wait_ready(self._process)

    def _wait_ready(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise ServerFailed(f"ended with {process.returncode}; see {self._log}")
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

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):  # all of the group is gone already
                os.killpg(self._process.pid, number)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
