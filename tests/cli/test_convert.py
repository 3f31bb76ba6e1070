"""``pippin convert``, as its user calls it."""

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pippin import demo
from pippin.cli.conversion import ConversionFailed, convert
from pippin.core.conversion import Conversion
from pippin.core.worker import Quantisation
from pippin.formats.safetensors import read_header

PIPPIN = (sys.executable, "-m", "pippin", "convert")
ASKED = Conversion(model="demo", wanted=Quantisation(bits=4), output="/nowhere/at/all")


def pippin(*arguments: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*PIPPIN, *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_model_of_fewer_bits(tmp_path: Path) -> None:
    done = pippin("demo", "--quantize", "q4", "--group-size", "32", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path}/demo-q4: 1.4 MiB of weights\n"
    assert {"quantising 50%", "quantising 100%"} <= set(done.stderr.splitlines())
    folder = tmp_path / "demo-q4"
    assert os.listdir(tmp_path) == ["demo-q4"]
    config = json.loads((folder / "config.json").read_text())
    assert config["quantization"] == {"bits": 4, "group_size": 32, "mode": "affine"}
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        assert (folder / name).read_bytes() == (demo.MODELS["demo"] / name).read_bytes()
    layer = "model.layers.0.mlp.up_proj"
    weights = read_header(folder / "model.safetensors").tensors
    assert {f"{layer}.{part}" for part in ("weight", "scales", "biases")} <= weights.keys()
    # Again, of the result.
    again = pippin("./demo-q4", "--quantize", "q8", "--output", "eight", folder=tmp_path)
    assert again.returncode == 0
    assert "rounded once more" in again.stderr
    same = pippin("demo-q4", "--quantize", "q4", "--group-size", "32", folder=tmp_path)
    assert same.returncode == 1
    assert "has 4 bits in groups of 32 already" in same.stderr


def test_a_bar_in_a_terminal(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*PIPPIN, "demo", "--quantize", "q8"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 4096):
                shown += piece
        except OSError:
            pass  # how Linux says that the other side is closed
        finally:
            os.close(ours)
    assert process.returncode == 0
    assert "━".encode() in shown
    assert b"quantising 10%" not in shown


def test_what_is_there_is_not_replaced_by_chance(tmp_path: Path) -> None:
    (tmp_path / "demo-q4").mkdir()
    (tmp_path / "demo-q4" / "letters.txt").write_text("dear")
    for arguments, reason in (
        ((), "is there"),
        (("--force",), "is no model folder"),
        (("--force", "--output", "."), "is no model folder"),
    ):
        done = pippin("demo", "--quantize", "q4", *arguments, folder=tmp_path)
        assert done.returncode == 2
        assert reason in done.stderr
    assert (tmp_path / "demo-q4" / "letters.txt").read_text() == "dear"


def test_an_output_that_is_there_is_replaced_by_force(tmp_path: Path) -> None:
    (tmp_path / "demo-q4").mkdir()
    (tmp_path / "demo-q4" / "config.json").write_text("{}")
    (tmp_path / "demo-q4" / "old").write_text("")
    done = pippin("demo", "--quantize", "q4", "--force", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "demo-q4" / "old").exists()
    assert os.listdir(tmp_path) == ["demo-q4"]


def test_a_model_does_not_replace_itself(tmp_path: Path) -> None:
    copy = shutil.copytree(demo.MODELS["demo"], tmp_path / "models" / "copy")
    for output in ("copy", "."):
        done = pippin(
            "./copy", "--quantize", "q4", "--force", "--output", output, folder=copy.parent
        )
        assert done.returncode == 2
        assert "would replace the model itself" in done.stderr
    assert (copy / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("demo",), 2, "--quantize"),
        (("demo", "--quantize", "q5"), 2, "q5"),
        (("demo", "--quantize", "fp16"), 2, "fp16"),
        (("demo", "--quantize", "q4", "--group-size", "48"), 2, "48"),
        (("/no/such/folder", "--quantize", "q4"), 1, "There is no folder"),
        ((".", "--quantize", "q4", "--output", "out"), 1, "config.json"),
    ],
)
def test_mistakes(arguments: tuple[str, ...], code: int, reason: str, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    done = pippin(*arguments, folder=folder)
    assert (done.returncode, done.stdout) == (code, "")
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
    assert not os.listdir(folder)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Programs that are started now heed Ctrl-C, even if these tests run in the background, where
    it is ignored, and that is inherited."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*PIPPIN, "demo", "--quantize", "q4"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "reading\n"
        os.killpg(process.pid, signal.SIGINT)
        said = process.stderr.read()
    assert process.returncode == 130
    assert said.endswith("Interrupted: nothing was converted.\n")
    assert not os.listdir(tmp_path)


# -- a converter that misbehaves -------------------------------------------------------------------


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import os; os.abort()", "SIGABRT"),
        ("raise SystemExit(7)", "exit code 7"),
        ("print('hello')", "cannot be read"),
        ("pass", "exit code 0"),
        ("""print('{"type":"refused","reason":"it is too large"}')""", "it is too large"),
    ],
)
def test_how_it_failed(code: str, reason: str) -> None:
    with pytest.raises(ConversionFailed, match=reason):
        convert(ASKED, lambda _: None, python(code))


def test_a_converter_that_cannot_be_started() -> None:
    with pytest.raises(ConversionFailed, match="cannot be started"):
        convert(ASKED, lambda _: None, ("/no/such/program",))
