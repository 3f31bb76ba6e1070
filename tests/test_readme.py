"""Every block of the README that is marked as an example runs, as printed, against a server."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"
EXAMPLE = re.compile(r"^```(bash|python) example\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PRINTED_ADDRESS = "http://127.0.0.1:8000"
RUNNERS = {"bash": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}
SERVE = [sys.executable, str(Path(__file__).parent / "cli" / "serve_mock.py"), "demo"]


def examples() -> list[tuple[str, str]]:
    return [(found[1], found[2]) for found in EXAMPLE.finditer(README.read_text())]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where a server listens that serves a model called ``demo``."""
    with subprocess.Popen(SERVE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        listening = (re.search(r"Listening on (\S+)", line) for line in process.stdout)
        yield next(found[1] for found in listening if found)
        process.terminate()
        process.communicate(timeout=60)


def test_there_are_examples() -> None:
    assert len(examples()) >= 5


@pytest.mark.parametrize(("language", "code"), examples())
def test_example(address: str, language: str, code: str) -> None:
    assert PRINTED_ADDRESS in code
    command = [*RUNNERS[language], code.replace(PRINTED_ADDRESS, address)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()
