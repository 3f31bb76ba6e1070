"""Rows 32, 64, 65 and 67: models and adapters that would run code or feed lies to native code, and
names that would be paths. Each is refused in words; what it would have touched is untouched."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from pippin import demo
from tests.hostile.conftest import Canary
from tests.journeys.server import PIPPIN

Damage = Callable[[Path, Path], object]


def imports_code(folder: Path, canary: Path) -> None:
    (folder / "evil.py").write_text(f"open({str(canary)!r}, 'w')\nModel = ModelArgs = None\n")
    _configure(folder, "config.json", model_file="evil.py")


def imports_code_by_auto_map(folder: Path, canary: Path) -> None:
    (folder / "evil.py").write_text(f"open({str(canary)!r}, 'w')\n")
    auto = {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}
    _configure(folder, "config.json", auto_map=auto, model_type="evil")
    _configure(folder, "tokenizer_config.json", auto_map={"AutoTokenizer": ["evil.T", "evil.T"]})
    (folder / "model.safetensors").unlink()


def imports_code_by_a_nested_configuration(folder: Path, canary: Path) -> None:
    (folder / "evil.py").write_text(f"open({str(canary)!r}, 'w')\n")
    inner = {"model_type": "../../evil", "auto_map": {"AutoConfig": "evil.Config"}}
    _configure(folder, "config.json", text_config=inner, model_type="evil.evil")


def has_a_model_type_that_is_a_path(folder: Path, canary: Path) -> None:
    (folder / "evil.py").write_text(f"open({str(canary)!r}, 'w')\n")
    _configure(folder, "config.json", model_type=f"{folder}/evil")


def has_pickled_weights(folder: Path, canary: Path) -> None:
    evil = f"cposix\nsystem\n(S'touch {canary}'\ntR.".encode()
    (folder / "model.safetensors").unlink()
    for name in ("pytorch_model.bin", "model.pt", "weights.npz", "consolidated.00.pth"):
        (folder / name).write_bytes(evil)


def has_a_pickled_tokenizer(folder: Path, canary: Path) -> None:
    evil = f"cposix\nsystem\n(S'touch {canary}'\ntR.".encode()
    for name in ("tokenizer.json", "tokenizer.model", "tokenizer.pkl", "vocab.json"):
        (folder / name).write_bytes(evil)


def lies_about_its_weights(folder: Path, canary: Path) -> None:
    header = json.dumps({"x": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}})
    data = len(header).to_bytes(8, "little") + header.encode() + b"\0" * 64
    (folder / "model.safetensors").write_bytes(data)


def has_a_header_without_end(folder: Path, canary: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\xff" * 4096)


def _configure(folder: Path, name: str, **changes: object) -> None:
    config = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps(config | changes))


DAMAGES: tuple[Damage, ...] = (
    imports_code,
    imports_code_by_auto_map,
    imports_code_by_a_nested_configuration,
    has_a_model_type_that_is_a_path,
    has_pickled_weights,
    has_a_pickled_tokenizer,
    lies_about_its_weights,
    has_a_header_without_end,
)


def said_by(arguments: tuple[str, ...], folder: Path) -> str:
    """What a command says that ends in failure, in words."""
    done = subprocess.run(
        [*PIPPIN, *arguments], capture_output=True, text=True, timeout=240, check=False, cwd=folder
    )
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "Traceback" not in said
    assert "signal" not in said
    return said


@pytest.mark.timeout(300)
def test_models_that_are_meant_to_hurt_are_not_served(tmp_path: Path) -> None:
    """All of them at once: if one could be served, the server would go on."""
    folders = {damage.__name__: tmp_path / damage.__name__ for damage in DAMAGES}
    canaries = [folder.with_suffix(".touched") for folder in folders.values()]
    for damage, folder, canary in zip(DAMAGES, folders.values(), canaries, strict=True):
        damage(Path(shutil.copytree(demo.MODELS["demo"], folder)), canary)
    said = said_by(
        ("serve", *map(str, folders.values()), "--port", "0"), folders["imports_code_by_auto_map"]
    )
    for name in folders:
        assert f"{name}: cannot be served: " in said, said
    assert not [canary for canary in canaries if canary.exists()]


@pytest.mark.parametrize(
    "damage",
    [
        imports_code,
        imports_code_by_a_nested_configuration,
        has_pickled_weights,
        lies_about_its_weights,
    ],
)
def test_a_model_that_is_meant_to_hurt_is_not_converted(damage: Damage, tmp_path: Path) -> None:
    """Configuration and weights are read by the same code as a server reads them."""
    folder = Path(shutil.copytree(demo.MODELS["demo"], tmp_path / "model"))
    canary = tmp_path / "touched"
    damage(folder, canary)
    output = tmp_path / "out"
    said_by(("convert", str(folder), "--quantize", "q4", "--output", str(output)), folder)
    assert not canary.exists()
    assert not output.exists()


PATHS = ("../demo", "/etc/passwd", "./demo", "~", "org/name/../..", "file:///etc", "demo/", "C:\\x")


@pytest.mark.parametrize("name", PATHS)
def test_a_name_is_never_a_path(name: str, client: httpx.Client) -> None:
    """Nor is it downloaded."""
    body = {"messages": [{"role": "user", "content": "x"}], "max_tokens": 1}
    for names in (
        {"model": name},
        {"adapter": name},
        {"adapter_name": name},
        {"model": f"demo+{name}"},
    ):
        answer = client.post("/v1/chat/completions", json=body | names)
        assert answer.status_code == 404, names
        assert "Traceback" not in answer.text
        assert sys.prefix not in answer.text


@pytest.mark.parametrize("field", ["adapters", "adapter_path", "draft_model", "adapter_folder"])
def test_a_field_that_would_be_a_path_is_refused(
    field: str, client: httpx.Client, server_url: str
) -> None:
    body = {"messages": [{"role": "user", "content": "x"}], field: str(demo.ADAPTER)}
    with Canary(server_url) as canary:
        answer = client.post("/v1/chat/completions", json=body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, field)
        canary.must_sing()
