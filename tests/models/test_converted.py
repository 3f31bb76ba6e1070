"""Weights in fewer bits: as mlx-lm converts them, once, and nothing half-done is ever used."""

import fcntl
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx_lm
import pytest
from mlx_lm.utils import load_model, save_model

from pippin import demo
from pippin.core.worker import Bits, Quantisation
from pippin.models.converted import WAITING, convert_into, with_bits
from pippin.models.errors import CannotLoad
from pippin.models.load import load
from tests.random_model import make_random_model

Q4 = Quantisation(bits=4)
CONVERT = """
import sys
from pathlib import Path
from pippin.core.worker import Quantisation
from pippin.models.converted import with_bits
source, cache, stop_at = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]

def progress(stage, done, total):
    print(stage, flush=True)
    if stage == stop_at and done:
        sys.stdin.read()

print("in", with_bits(source, Quantisation(bits=4), cache, progress), flush=True)
"""


def quiet(*_: object) -> None:
    """Progress that nobody watches."""


def never(stage: str, *_: object) -> None:
    pytest.fail(f"nothing was to be done, and it was {stage}")


def arrays(folder: Path) -> dict[str, mx.array]:
    loaded: Any = mx.load(str(folder / "model.safetensors"))
    return dict(loaded)


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_random_model(tmp_path_factory.mktemp("random") / "noise")


@pytest.mark.parametrize("group_size", [32, 64])
@pytest.mark.parametrize("bits", [2, 3, 4, 6, 8])
@pytest.mark.parametrize("which", ["demo", "noise"])
def test_the_same_numbers_as_mlx_lm(
    which: str, bits: Bits, group_size: int, noise: Path, tmp_path: Path
) -> None:
    source = demo.MODELS["demo"] if which == "demo" else noise
    mlx_lm.convert(
        str(source),
        mlx_path=str(tmp_path / "theirs"),
        quantize=True,
        q_bits=bits,
        q_group_size=group_size,
    )
    wanted = Quantisation(bits=bits, group_size=group_size)
    ours = with_bits(source, wanted, tmp_path, quiet)
    theirs, mine = arrays(tmp_path / "theirs"), arrays(ours)
    assert theirs.keys() == mine.keys()
    for name, array in theirs.items():
        assert array.dtype == mine[name].dtype
        assert mx.array_equal(array, mine[name]).item(), name
    configs = [json.loads((one / "config.json").read_text()) for one in (tmp_path / "theirs", ours)]
    assert configs[0] == configs[1]


def test_a_converted_model_is_a_whole_one(tmp_path: Path) -> None:
    folder = with_bits(demo.MODELS["demo"], Q4, tmp_path, quiet)
    model = load(folder, keep_dtype=True, progress=quiet)
    assert (model.dtype, model.architecture) == ("quantised", "qwen3")
    assert model.chat_template
    assert len(model.eos) == 2
    plain = load(demo.MODELS["demo"], keep_dtype=False, progress=quiet)
    rounded = load(folder, keep_dtype=False, progress=quiet)
    text = mx.array([[1, 2, 3]])
    assert not mx.allclose(plain.model(text), rounded.model(text)).item()
    theirs, tokenizer, *_ = mlx_lm.load(str(folder))
    assert theirs(text).shape == (1, 3, 1536)
    assert tokenizer.has_chat_template


def test_it_is_converted_once(tmp_path: Path) -> None:
    first = with_bits(demo.MODELS["demo"], Q4, tmp_path, quiet)
    written = (first / "model.safetensors").stat().st_mtime_ns
    assert with_bits(demo.MODELS["demo"], Q4, tmp_path, never) == first
    assert (first / "model.safetensors").stat().st_mtime_ns == written
    other = with_bits(demo.MODELS["demo"], Quantisation(bits=8), tmp_path, quiet)
    assert other != first
    assert with_bits(
        demo.MODELS["demo"], Quantisation(bits=4, group_size=32), tmp_path, quiet
    ) not in (first, other)


def test_a_model_that_has_these_bits_is_served_as_it_is(tmp_path: Path) -> None:
    folder = with_bits(demo.MODELS["demo"], Q4, tmp_path / "a", quiet)
    assert with_bits(folder, Q4, tmp_path / "b", never) == folder
    assert not (tmp_path / "b").exists()


def test_other_bits_are_rounded_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    eight = with_bits(demo.MODELS["demo"], Quantisation(bits=8), tmp_path, quiet)
    four = with_bits(eight, Q4, tmp_path, quiet)
    assert "rounded once more" in caplog.text
    config = json.loads((four / "config.json").read_text())
    assert config["quantization"] == {"group_size": 64, "bits": 4, "mode": "affine"}
    assert load_model(four)[0](mx.array([[0]])).shape == (1, 1, 1536)


def test_layers_that_do_not_divide_stay(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The demo is 192 wide, but 256 where attention ends."""
    caplog.set_level("INFO")
    wanted = Quantisation(bits=4, group_size=128)
    folder = with_bits(demo.MODELS["demo"], wanted, tmp_path, quiet)
    assert "of 43 layers stay as they are: not as wide as a multiple of 128" in caplog.text
    assert load(folder, keep_dtype=False, progress=quiet).dtype == "float32"
    narrow = make_random_model(tmp_path / "narrow", hidden_size=96, intermediate_size=96)
    with pytest.raises(CannotLoad, match="choose a smaller --group-size"):
        with_bits(narrow, wanted, tmp_path, quiet)


def test_another_source_is_another_model(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(demo.MODELS["demo"], tmp_path / "copy"))
    first = with_bits(copy, Q4, tmp_path, quiet)
    make_random_model(copy)
    assert with_bits(copy, Q4, tmp_path, quiet) != first


def test_a_revision_of_a_repository_is_one_model(tmp_path: Path) -> None:
    kept = []
    for home in ("a", "b"):
        folder = tmp_path / home / "models--org--name" / "snapshots" / ("5" * 40)
        shutil.copytree(demo.MODELS["demo"], folder)
        (folder / "config.json").touch()
        kept.append(with_bits(folder, Q4, tmp_path, quiet))
    assert kept[0] == kept[1]


# -- several at once, and the end in the middle ----------------------------------------------------


def start(source: Path, cache: Path, stop_at: str = "") -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", CONVERT, str(source), str(cache), stop_at],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said(process: "subprocess.Popen[str]", wanted: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(wanted):
            return
    pytest.fail(f"it never said {wanted!r}")


def test_two_at_once_convert_once(tmp_path: Path) -> None:
    first = start(demo.MODELS["demo"], tmp_path, "quantising")
    said(first, "quantising")
    second = start(demo.MODELS["demo"], tmp_path)
    said(second, WAITING)
    others = first.communicate("")[0].splitlines()
    mine = second.communicate("")[0].splitlines()
    assert others[-1] == mine[-1] == f"in {next(tmp_path.glob('weights/*/'))}"
    assert "quantising" in others
    assert not [line for line in mine if line in ("reading", "quantising")]


def test_one_that_is_killed_leaves_nothing_that_is_used(tmp_path: Path) -> None:
    killed = start(demo.MODELS["demo"], tmp_path, "quantising")
    said(killed, "quantising")
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    (partial,) = tmp_path.glob("weights/*.partial")
    (partial / "model.safetensors").write_bytes(b"half")
    other = with_bits(demo.MODELS["demo"], Quantisation(bits=8), tmp_path, quiet)
    assert not partial.exists()
    folder = with_bits(demo.MODELS["demo"], Q4, tmp_path, quiet)
    assert folder != other
    assert load(folder, keep_dtype=True, progress=quiet).dtype == "quantised"
    assert not list(tmp_path.glob("weights/*.partial"))


def test_a_conversion_under_way_is_no_rubbish(tmp_path: Path) -> None:
    first = start(demo.MODELS["demo"], tmp_path, "quantising")
    said(first, "quantising")
    (partial,) = tmp_path.glob("weights/*.partial")
    with_bits(demo.MODELS["demo"], Quantisation(bits=8), tmp_path, quiet)
    assert partial.exists()
    assert first.communicate("")[0].splitlines()[-1].startswith("in ")
    assert first.returncode == 0


def test_one_that_fails_leaves_nothing(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(demo.MODELS["demo"], tmp_path / "copy"))
    (copy / "model.safetensors").write_bytes(b"\x05\0\0\0\0\0\0\0{}   ")
    with pytest.raises(CannotLoad):
        with_bits(copy, Q4, tmp_path, quiet)
    assert not list(tmp_path.glob("weights/*.partial"))
    assert not [one for one in tmp_path.glob("weights/*") if one.is_dir()]


def test_a_cache_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "weights").write_text("in the way")
    with pytest.raises(CannotLoad, match="cannot be kept"):
        with_bits(demo.MODELS["demo"], Q4, tmp_path, quiet)


def test_no_code_comes_along(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(demo.MODELS["demo"], tmp_path / "copy"))
    (copy / "tokenizer.py").write_text("1 / 0")
    (copy / "pytorch_model.bin").write_bytes(b"\x80")
    folder = with_bits(copy, Q4, tmp_path, quiet)
    assert not [*folder.glob("*.py"), *folder.glob("*.bin")]


def test_a_result_that_cannot_be_opened_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk that ran full in the middle of a file."""

    def cut(target: Path, *rest: Any, **options: Any) -> None:
        save_model(target, *rest, **options)
        data = (target / "model.safetensors").read_bytes()
        (target / "model.safetensors").write_bytes(data[:-1])

    monkeypatch.setattr("pippin.models.quantise.save_model", cut)
    with pytest.raises(CannotLoad):
        with_bits(demo.MODELS["demo"], Q4, tmp_path, quiet)
    assert not [one for one in tmp_path.glob("weights/*") if one.is_dir()]


def test_a_disk_without_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(
        "pippin.models.quantise.shutil.disk_usage", lambda _: usage._replace(free=1 << 20)
    )
    with pytest.raises(CannotLoad, match=r"65 MiB in .*, and 1 MiB are free there"):
        with_bits(demo.MODELS["demo"], Q4, tmp_path, quiet)
    assert not list(tmp_path.glob("weights/*.partial"))


def test_a_lock_that_was_removed_locks_nothing(tmp_path: Path) -> None:
    with_bits(demo.MODELS["demo"], Q4, tmp_path, quiet)
    (lock,) = tmp_path.glob("weights/*.lock")
    shutil.rmtree(lock.with_suffix(""))
    with lock.open() as old:
        fcntl.flock(old, fcntl.LOCK_EX)
        waiting = start(demo.MODELS["demo"], tmp_path)
        said(waiting, WAITING)
        lock.unlink()
        new = lock.open("w")
        fcntl.flock(new, fcntl.LOCK_EX)
    assert waiting.stdout is not None
    assert {waiting.stdout.readline().strip() for _ in range(5)} == {WAITING}
    new.close()
    assert waiting.communicate("")[0].splitlines()[-1] == f"in {lock.with_suffix('')}"


def test_what_is_replaced_stays_until_something_took_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "mine"
    convert_into(demo.MODELS["demo"], Q4, target, quiet)
    before = (target / "model.safetensors").read_bytes()
    rename = Path.rename

    def interrupted(self: Path, to: Path) -> Path:
        if self.suffix == ".partial":
            raise KeyboardInterrupt
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        convert_into(demo.MODELS["demo"], Quantisation(bits=8), target, quiet)
    monkeypatch.undo()
    assert (target / "model.safetensors").read_bytes() == before
    target.rename(tmp_path / "mine.replaced")  # as if it was killed there
    with pytest.raises(CannotLoad):
        convert_into(tmp_path / "none", Q4, target, quiet)
    assert (target / "model.safetensors").read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["mine"]
