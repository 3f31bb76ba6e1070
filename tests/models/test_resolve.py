"""A name → a folder, or one clear reason. Each in a process of its own: the hub's address is read
when its library is imported."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pippin import demo
from tests.models.fake_hub import fake_hub

RESOLVE = """
import json, sys
from pippin.models.errors import CannotLoad
from pippin.models.resolve import resolve
seen = []
try:
    print(json.dumps(["found", str(resolve(sys.argv[1], lambda *a: seen.append(a))), seen]))
except CannotLoad as error:
    print(json.dumps(["refused", str(error), seen]))
"""


def resolve(
    name: str, home: Path, endpoint: str = "http://127.0.0.1:9"
) -> tuple[str, str, list[list[Any]]]:
    environment = {
        **os.environ,
        "HF_HOME": str(home),
        "HF_ENDPOINT": endpoint,
        "HF_HUB_DISABLE_XET": "1",
    }
    printed = subprocess.run(
        [sys.executable, "-c", RESOLVE, name],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    verdict, text, seen = json.loads(printed.splitlines()[-1])
    return verdict, text, seen


def test_demos_and_folders(tmp_path: Path) -> None:
    assert resolve("demo", tmp_path)[:2] == ("found", str(demo.MODELS["demo"]))
    assert resolve(str(tmp_path), tmp_path)[:2] == ("found", str(tmp_path))


@pytest.mark.parametrize(
    "name", ["nothing", "./nothing", "/no/where", "../../no-such-folder", "a/b/c"]
)
def test_what_is_nowhere_is_refused(name: str, tmp_path: Path) -> None:
    verdict, reason, _ = resolve(name, tmp_path)
    assert verdict == "refused"
    assert "There is no folder" in reason


def test_a_name_is_never_a_folder_where_the_server_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "org" / "name").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    verdict, reason, _ = resolve("org/name", tmp_path / "home")
    assert verdict == "refused"
    assert "hub cannot be reached" in reason
    assert resolve("./org/name", tmp_path / "home")[0] == "found"


def test_a_repository_is_downloaded_once_with_progress_and_without_code(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("config.json", "model.safetensors", "modeling_evil.py", "weights.bin"):
        (source / name).write_text("{}")
    with fake_hub("org/tiny", source) as hub:
        verdict, folder, seen = resolve("org/tiny", tmp_path / "home", hub.url)
        assert verdict == "found"
        names = sorted(path.name for path in Path(folder).iterdir())
        assert names == ["config.json", "model.safetensors"]
        assert any(stage == "downloading" for stage, *_ in seen)
        assert not any("evil" in path for path in hub.requests)
    verdict, again, _ = resolve("org/tiny", tmp_path / "home")
    assert (verdict, again) == ("found", folder)


def test_offline_is_said_clearly(tmp_path: Path) -> None:
    verdict, reason, _ = resolve("org/unknown", tmp_path)
    assert verdict == "refused"
    assert "hub cannot be reached" in reason


@pytest.mark.parametrize(("name", "status"), [("org/missing", "404"), ("private/x", "401")])
def test_the_hubs_refusal_is_passed_on(name: str, status: str, tmp_path: Path) -> None:
    with fake_hub("org/tiny", tmp_path) as hub:
        verdict, reason, _ = resolve(name, tmp_path / "home", hub.url)
    assert verdict == "refused"
    assert status in reason
