"""Names of GGUF models: what is one, and which file is meant."""

from pathlib import Path

import pytest

from pippin import demo
from pippin.models import gguf_files as subject
from pippin.models.errors import CannotLoad
from pippin.models.gguf_files import is_gguf, resolve_gguf


def resolved(name: str | Path) -> Path:
    return resolve_gguf(str(name), lambda *_: None)


def made(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"GGUF")
    return folder


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("demo-gguf", True),
        ("demo", False),
        ("org/name", False),
        ("org/name@main", False),
        ("org/name:Q4_K_M", True),
        ("org/name:Q4_K_M@main", True),
        ("org/name/model-Q8_0.gguf", True),
        ("org/name/deep/model-Q8_0.gguf@v1", True),
        ("/nowhere/model.gguf", True),
        ("/nowhere/model", False),
    ],
)
def test_what_is_one(name: str, expected: bool) -> None:
    assert is_gguf(name) is expected


def test_demo() -> None:
    assert resolved("demo-gguf") == demo.MODELS["demo-gguf"]


def test_files_and_folders(tmp_path: Path) -> None:
    folder = made(tmp_path, "a.gguf", "mmproj-a.gguf", "readme.md")
    assert is_gguf(str(folder))
    assert resolved(folder) == resolved(folder / "a.gguf") == folder / "a.gguf"
    made(folder, "b.gguf")
    with pytest.raises(CannotLoad, match=r"several GGUF models \(a.gguf, b.gguf\)"):
        resolved(folder)


def test_a_folder_in_mlx_s_format_is_none(tmp_path: Path) -> None:
    folder = made(tmp_path, "a.gguf", "config.json")
    assert not is_gguf(str(folder))
    assert not is_gguf(str(made(tmp_path / "empty", "readme.md")))


@pytest.mark.parametrize("name", ["./none.gguf", "/nowhere/none.gguf", "~/none/none.gguf"])
def test_none_there(name: str) -> None:
    with pytest.raises(CannotLoad, match="no file"):
        resolved(name)


class Hub:
    """What is asked of the hub; answers with a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[tuple[str, list[str]]] = []

    def download(self, name: str, progress: object, wanted: list[str]) -> Path:
        self.asked.append((name, wanted))
        return self.folder


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    stand_in = Hub(tmp_path)
    monkeypatch.setattr(subject, "download", stand_in.download)
    return stand_in


def test_by_its_kind(hub: Hub) -> None:
    made(hub.folder, "m-Q4_K_M.gguf", "m-Q8_0.gguf", "mmproj-Q4_K_M.gguf")
    assert resolved("org/name:q4_k_m@main") == hub.folder / "m-Q4_K_M.gguf"
    ((name, wanted),) = hub.asked
    assert name == "org/name@main"
    assert "*Q4_K_M*.gguf" in wanted
    assert all(pattern.endswith(".gguf") for pattern in wanted)
    with pytest.raises(CannotLoad, match="no GGUF model"):
        resolved("org/name:Q2_K")


def test_by_its_file(hub: Hub) -> None:
    made(hub.folder, "deep/m-00001-of-00002.gguf", "deep/m-00002-of-00002.gguf")
    found = resolved("org/name/deep/m-00001-of-00002.gguf")
    assert found == hub.folder / "deep/m-00001-of-00002.gguf"
    assert hub.asked == [("org/name", ["deep/m-*-of-00002.gguf"])]
    with pytest.raises(CannotLoad, match=r"no file 'other\.gguf'"):
        resolved("org/name/other.gguf")


def test_names_never_become_paths(hub: Hub) -> None:
    with pytest.raises(CannotLoad, match="no name of a file"):
        resolved("org/name/../../secret.gguf")
    assert not hub.asked
