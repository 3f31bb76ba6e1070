"""What the doctor says, and what it says when the worker's side cannot answer."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pippin.cli import doctor
from pippin.cli.probe import Probe, ProbeFailed, probe

GOOD = '{"blas": null, "threads": 1, "dtype": "float32", "gflops_float32": 2.5, "device": "cpu"}'


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def test_a_probe_is_read() -> None:
    found = probe(python(f"print('''{GOOD}''')"))
    assert found == Probe(device="cpu", threads=1, dtype="float32", gflops_float32=2.5)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("raise SystemExit('no mlx here')", "exit code 1\n  no mlx here"),
        ("import os; os.abort()", "SIGABRT"),
        ("print('hello')", "cannot be read"),
        ("print('{}')", "cannot be read"),
    ],
)
def test_a_probe_that_fails_says_how(code: str, says: str) -> None:
    with pytest.raises(ProbeFailed, match=says):
        probe(python(code))


def test_a_worker_that_cannot_be_started() -> None:
    with pytest.raises(ProbeFailed, match="cannot be started"):
        probe(("/no/such/program",))


def test_the_doctor_tells_all(monkeypatch: pytest.MonkeyPatch) -> None:
    advice = "Install OpenBLAS: about 50 times faster."
    found = Probe("cpu", 1, "float32", 2.5, None, (advice,))
    monkeypatch.setattr(doctor, "probe", lambda: found)
    done = CliRunner().invoke(doctor.command)
    assert done.exit_code == 0
    for words in ("Pippin", "Memory", "Cores", "mlx", "Prompt cache", "2.5 GFLOP/s", advice):
        assert words in done.output


def test_the_doctor_without_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Probe:
        raise ProbeFailed("the worker ended with exit code 1")

    monkeypatch.setattr(doctor, "probe", fail)
    done = CliRunner().invoke(doctor.command)
    assert done.exit_code == 1
    assert "Models cannot be served" in done.output


def test_the_model_cache_follows_the_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert doctor.model_cache() == Path.home() / ".cache/huggingface/hub"
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert doctor.model_cache() == tmp_path / "hub"
    assert doctor.free_bytes(tmp_path / "not" / "there") > 0


def test_what_is_not_installed_is_said() -> None:
    assert doctor.installed("no-such-package") == "not installed"
