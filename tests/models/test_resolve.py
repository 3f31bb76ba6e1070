"""A name → a folder, or one clear reason. Each in a process of its own: the hub's address is read
when its library is imported."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pippin import demo
from tests.models.fake_hub import fake_hub

RESOLVE = """
import json, sys
from pippin.models.errors import CannotLoad
from pippin.models.resolve import resolve
for name in sys.argv[1:]:
    seen = []
    try:
        print(json.dumps(["found", str(resolve(name, lambda *a: seen.append(a))), seen]))
    except CannotLoad as error:
        print(json.dumps(["refused", str(error), seen]))
"""


def surroundings(home: Path, endpoint: str) -> dict[str, str]:
    """An environment with an empty cache and another hub."""
    own = {"HF_HOME": str(home), "HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_XET": "1"}
    return {**os.environ, **own}


Told = tuple[str, str, list[list[Any]]]
"""Whether it was found, the folder or the reason, and the progress."""


def resolve(name: str, home: Path, endpoint: str = "http://127.0.0.1:9") -> Told:
    (told,) = resolve_all([name], home, endpoint)
    return told


def resolve_all(
    names: Sequence[str], home: Path, endpoint: str = "http://127.0.0.1:9"
) -> list[Told]:
    printed = subprocess.run(
        [sys.executable, "-c", RESOLVE, *names],
        env=surroundings(home, endpoint),
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [
        (verdict, text, seen)
        for verdict, text, seen in map(json.loads, printed.splitlines()[-len(names) :])
    ]


def test_demos_and_folders(tmp_path: Path) -> None:
    assert resolve("demo", tmp_path)[:2] == ("found", str(demo.MODELS["demo"]))
    assert resolve(str(tmp_path), tmp_path)[:2] == ("found", str(tmp_path))


def test_what_is_nowhere_is_refused(tmp_path: Path) -> None:
    names = ("nothing", "./nothing", "/no/where", "../../no-such-folder", "a/b/c")
    told = resolve_all(names, tmp_path)
    assert len(told) == len(names)
    for verdict, reason, _ in told:
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


PIECE = 10 * 1024 * 1024
"""What the hub's library writes at once: what is less is lost with a connection."""
WEIGHTS = bytes(range(256)) * (12 * 1024 * 4)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A repository whose weights take a while."""
    folder = tmp_path / "large"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    return folder


def test_a_connection_that_breaks_is_taken_up_again(tmp_path: Path, large: Path) -> None:
    with fake_hub("org/tiny", large) as hub:
        hub.cut_after = PIECE + 1000
        verdict, folder, _ = resolve("org/tiny", tmp_path / "home", hub.url)
        assert verdict == "found", folder
        assert hub.ranges == [f"bytes={PIECE}-"]
    assert Path(folder, "model.safetensors").read_bytes() == WEIGHTS


def test_a_connection_that_always_breaks_is_told(tmp_path: Path, large: Path) -> None:
    with fake_hub("org/tiny", large) as hub:
        hub.cut_after = 1000
        verdict, reason, _ = resolve("org/tiny", tmp_path / "home", hub.url)
    assert (verdict, "broke again and again" in reason) == ("refused", True), reason


def test_a_full_or_closed_disk_is_told(tmp_path: Path, large: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with fake_hub("org/tiny", large) as hub:
        verdict, reason, _ = resolve("org/tiny", tmp_path / "home", hub.url)
    assert (verdict, "cannot be stored" in reason) == ("refused", True), reason


def test_nothing_half_downloaded_is_taken_for_a_model(tmp_path: Path, large: Path) -> None:
    home = tmp_path / "home"
    with fake_hub("org/tiny", large) as hub:
        hub.stall_after = len(WEIGHTS) // 2
        command = [sys.executable, "-c", RESOLVE, "org/tiny"]
        with subprocess.Popen(command, env=surroundings(home, hub.url)) as process:
            assert hub.stalled.wait(60)
            process.kill()
    verdict, reason, _ = resolve("org/tiny", home)
    assert (verdict, "hub cannot be reached" in reason) == ("refused", True)
    with fake_hub("org/tiny", large) as hub:
        verdict, folder, _ = resolve("org/tiny", home, hub.url)
    assert verdict == "found"
    assert Path(folder, "model.safetensors").read_bytes() == WEIGHTS
