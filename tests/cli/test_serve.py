"""The real ``pippin serve`` in a process of its own, with mock workers."""

import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

SERVE_MOCK = str(Path(__file__).with_name("serve_mock.py"))


class Running:
    """A server that has said its welcome."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.welcome = ""
        assert process.stdout is not None
        self._out = process.stdout
        while "curl" not in self.welcome:
            line = self._out.readline()
            assert line, f"the server ended:\n{self.welcome}"
            self.welcome += line
        found = re.search(r"http://\S+?:\d+", self.welcome)
        assert found is not None
        self.url = found.group()

    def children(self) -> list[psutil.Process]:
        found: list[psutil.Process] = psutil.Process(self.process.pid).children(recursive=True)
        return found

    def end(self, sign: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Exit code, and what it said after the welcome."""
        self.process.send_signal(sign)
        rest, _ = self.process.communicate(timeout=60)
        return self.process.returncode, rest


@contextmanager
def serving(*models: str) -> Iterator[Running]:
    command = [sys.executable, SERVE_MOCK, *models]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield Running(process)
        finally:
            process.kill()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pippin", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def chat(url: str, words: str) -> dict[str, object]:
    body = {"messages": [{"role": "user", "content": words}]}
    answer = httpx.post(f"{url}/v1/chat/completions", json=body, timeout=30)
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


def test_it_welcomes_serves_and_ends() -> None:
    with serving("good", "other=good", "broken") as server:
        assert "good: ready" in server.welcome
        assert "broken: cannot be served: config.json is missing" in server.welcome
        assert httpx.get(f"{server.url}/health").status_code == 200
        assert "hello from the mock" in str(chat(server.url, "hello"))
        workers = server.children()
        assert len(workers) == 2
        code, rest = server.end()
        assert code == 0
        assert not any(worker.is_running() for worker in workers)
        assert "imported:\n" in rest, "the gateway imports a library of the worker's side"
        assert "Traceback" not in server.welcome + rest


def test_the_curl_line_works_as_printed() -> None:
    with serving("good") as server:
        line = next(line for line in server.welcome.splitlines() if "curl" in line)
        done = subprocess.run(
            ["curl", "-s", *shlex.split(line)[1:]], capture_output=True, timeout=30, check=True
        )
        assert b"hello from the mock" in done.stdout


def test_a_second_interrupt_ends_at_once() -> None:
    with serving("good") as server:
        body = {"model": "good", "prompt": "forever", "stream": True}
        with httpx.stream("POST", f"{server.url}/v1/completions", json=body) as answer:
            lines = answer.iter_lines()
            next(lines)
            server.process.send_signal(signal.SIGINT)
            with pytest.raises(subprocess.TimeoutExpired):
                server.process.wait(timeout=0.5)  # it drains
            server.process.send_signal(signal.SIGINT)
            assert server.process.wait(timeout=60) == 130


def test_no_model_at_all_is_exit_code_1() -> None:
    command = [sys.executable, SERVE_MOCK, "broken", "dies-at-once"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "config.json is missing" in done.stdout
    assert "exit code 1" in done.stdout


def test_a_taken_port_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("serve", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "another program listens there" in done.stderr
    assert "--port" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["./no-such-model"], 1, "there is no model at ./no-such-model"),
        (["demo", "demo"], 1, "NAME=WHERE"),
        (["--host", "no such host"], 2, "--api-key KEY"),
        (["--host", "no such host", "--insecure"], 1, "no known host name"),
        (["--host", "0.0.0.0"], 2, "--insecure"),
        (["--host", "192.0.2.1", "--insecure"], 1, "no such address"),
        (["--port", "70000"], 2, "--port (PIPPIN_PORT)"),
        (["--api-key", "with space"], 2, "--api-key (PIPPIN_API_KEYS)"),
        (["--log-level", "loud"], 2, "--log-level"),
        (["--no-such-flag"], 2, "--no-such-flag"),
    ],
)
def test_what_cannot_start_says_what_to_do(arguments: list[str], code: int, says: str) -> None:
    done = run("serve", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr
