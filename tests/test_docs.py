"""Every block of the README and the docs that is marked as an example runs, as printed, against
the server."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.server import serving

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLE = re.compile(r"^```(bash|python) example\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PRINTED_ADDRESS = "http://127.0.0.1:8000"
RUNNERS = {"bash": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}


def examples() -> list[tuple[str, str]]:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    return [(found[1], found[2]) for found in EXAMPLE.finditer(text)]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the real server listens, as ``make serve`` starts it."""
    with serving() as server:
        yield server.url


def test_there_are_examples() -> None:
    assert len(examples()) >= 5


@pytest.mark.parametrize(("language", "code"), examples())
def test_example(address: str, language: str, code: str) -> None:
    assert PRINTED_ADDRESS in code
    command = [*RUNNERS[language], code.replace(PRINTED_ADDRESS, address)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()


def test_the_configuration_that_is_printed_is_one(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    (printed,) = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    file = tmp_path / "pippin.yaml"
    file.write_text(printed)
    command = [sys.executable, "-m", "pippin", "config", "check", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
