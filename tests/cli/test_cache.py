"""``pippin cache``: what it counts, what it removes, and what it leaves alone."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pippin.cli import prompt_folder
from pippin.cli.cache import command
from pippin.cli.prompt_folder import given_cache_folder, records, removed

ONE, TWO = "0123456789abcdef", "fedcba9876543210"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder with three records of two models, used at known times."""
    monkeypatch.setenv("PIPPIN_CACHE_DIR", str(tmp_path))
    for model, name, size, used in (
        (ONE, "a" * 40, 1024, 1_700_000_000),
        (ONE, "b" * 40, 2048, 1_700_100_000),
        (TWO, "c" * 40, 512, 1_700_200_000),
    ):
        put(tmp_path / "prompts" / model / f"{name}.run", size, used)
    return tmp_path


def put(path: Path, size: int = 1, used: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (used, used))
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def test_stats_are_plain_lines_when_piped(folder: Path) -> None:
    done = run("stats")
    assert done.exit_code == 0
    head, one, two, total = done.output.splitlines()
    assert head.split("\t") == ["Model", "Records", "Size", "Last used"]
    assert one.split("\t")[:3] == [ONE, "2", "3.0KiB"]
    assert one.split("\t")[3].startswith("2023-11-1")
    assert two.split("\t")[:3] == [TWO, "1", "512B"]
    assert total == f"3 records, 3.5KiB, in {folder}"


def test_stats_are_a_table_in_a_terminal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    shown = run("stats").output
    assert ONE in shown
    assert "┃" in shown
    assert "all" in shown


def test_nothing_there(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "missing", put(tmp_path / "file")):
        done = run("stats", "--cache-dir", str(place))
        assert (done.exit_code, done.output) == (0, f"0 records, 0B, in {place}\n")
        assert run("clear", "--cache-dir", str(place)).exit_code == 0


def test_clear_removes_the_records_and_nothing_else(folder: Path) -> None:
    outside = put(folder / "outside.run")
    (folder / "prompts" / ONE / f"{'d' * 40}.run").symlink_to(outside)
    (folder / "prompts" / "linked").symlink_to(put(folder / "elsewhere" / "x.run").parent)
    (folder / "prompts" / ONE / "folder.run").mkdir()
    others = [
        put(folder / "models" / "m" / "weights.run"),
        put(folder / "prompts" / "loose.run"),
        put(folder / "prompts" / ONE / "notes.txt"),
        put(folder / "prompts" / ONE / f".{'a' * 40}.1.1.tmp"),
        put(folder / "prompts" / ONE / ".hidden.run"),
        put(folder / "prompts" / ONE / "deeper" / "x.run"),
    ]
    done = run("clear", "--yes")
    assert done.exit_code == 0
    assert done.output == f"Removed 3.5KiB from {folder}\n"
    assert records(folder) == {}
    kept = [*others, outside, folder / "elsewhere" / "x.run"]
    assert [path for path in kept if not path.exists()] == []
    assert (folder / "prompts" / ONE / f"{'d' * 40}.run").is_symlink()


def test_a_folder_of_prompts_that_is_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "prompts").symlink_to(folder / "prompts")
    assert records(other) == {}


def test_clear_without_anybody_to_ask_removes_nothing(folder: Path) -> None:
    done = run("clear")
    assert done.exit_code == 2
    assert "say --yes" in done.output
    assert sum(map(len, records(folder).values())) == 3


@pytest.mark.parametrize(("said", "left"), [("n\n", 3), ("y\n", 0)])
def test_clear_asks_in_a_terminal(
    folder: Path, monkeypatch: pytest.MonkeyPatch, said: str, left: int
) -> None:
    monkeypatch.setattr("pippin.cli.cache.somebody_to_ask", lambda: True)
    done = CliRunner().invoke(command, ["clear"], input=said)
    assert f"Remove 3 records, 3.5KiB, in {folder}?" in done.output
    assert sum(map(len, records(folder).values())) == left


def test_a_record_that_vanishes_is_no_error(folder: Path) -> None:
    (first, _) = records(folder)[ONE]
    first.path.unlink()
    assert removed(first) == 0


def test_what_may_not_be_removed_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    done = run("clear", "--yes")
    assert done.exit_code == 1
    assert "Permission denied" in done.output
    assert "Traceback" not in done.output


def test_where_the_folder_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PIPPIN_CACHE_DIR", str(tmp_path))
    assert given_cache_folder() == tmp_path
    monkeypatch.setenv("PIPPIN_CACHE_DIR", "")
    monkeypatch.setattr(prompt_folder, "platform_cache_folder", lambda: tmp_path / "usual")
    assert given_cache_folder() == tmp_path / "usual"
