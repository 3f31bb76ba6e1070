"""Hands in the folder while a server runs: links, pipes, folders, and what is somebody else's."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from pippin.memory.housekeeping import shrink
from pippin.memory.pacing import REST_S
from pippin.memory.records import decode, record_name
from tests.memory.stored import (
    FIRST,
    HOME,
    MIB,
    SECOND,
    Clock,
    files,
    open_tier,
    problem,
    read,
    record,
    same,
    three_runs,
    wait_until_cleared,
    wait_until_written,
    written,
)

Replace = Callable[[Path], object]


def by_a_folder(file: Path) -> None:
    file.mkdir()
    (file / "notes.txt").write_text("mine")


def by_a_link(file: Path) -> None:
    file.symlink_to(file.parents[2] / "outside")


def by_a_dangling_link(file: Path) -> None:
    file.symlink_to("nowhere")


FOREIGN = [by_a_folder, by_a_link, by_a_dangling_link, os.mkfifo]


def with_outside(cache_dir: Path) -> Path:
    """What a link leads to: a right record, which would be used if it were followed."""
    outside = cache_dir / "outside"
    outside.write_bytes(record(FIRST))
    return outside


@pytest.mark.parametrize("replace", FOREIGN)
def test_what_is_no_file_is_neither_read_nor_removed(tmp_path: Path, replace: Replace) -> None:
    """A pipe would never end, a link leads out of the folder, a folder cannot be unlinked."""
    written(tmp_path, FIRST)
    outside = with_outside(tmp_path)
    (file,) = files(tmp_path)
    with open_tier(tmp_path) as disk:
        assert read(disk, FIRST.tokens)
        file.unlink()
        replace(file)
        before = os.lstat(file)
        assert disk._shelf._verified(record_name(FIRST), decode, MIB) is None
        assert read(disk, FIRST.tokens) == []
        assert disk.figures["bad_records"] == 0
        disk.clear().result(10)
        assert os.lstat(file) == before
    assert outside.read_bytes() == record(FIRST)


@pytest.mark.parametrize("replace", FOREIGN)
def test_what_is_no_file_does_not_stop_the_writing(tmp_path: Path, replace: Replace) -> None:
    """It is somebody else's, and stays: only the one record is not kept."""
    written(tmp_path, FIRST)
    outside = with_outside(tmp_path)
    (file,) = files(tmp_path)
    file.unlink()
    replace(file)
    before = os.lstat(file)
    with open_tier(tmp_path) as disk:
        for run in (FIRST, SECOND):
            assert disk.write(run)
        wait_until_written(disk)
        assert problem(disk) is None
        assert disk.figures["dropped_writes"] == 0
        assert [len(read(disk, run.tokens)) for run in (FIRST, SECOND)] == [0, 1]
    assert os.lstat(file) == before
    assert outside.read_bytes() == record(FIRST)
    assert files(tmp_path, ".*") == []


@pytest.mark.parametrize("replace", FOREIGN)
def test_what_is_no_file_may_come_while_the_record_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replace: Replace
) -> None:
    written(tmp_path, FIRST)
    with_outside(tmp_path)
    (file,) = files(tmp_path)
    file.unlink()
    fsync = os.fsync

    def interrupted(handle: int) -> None:
        fsync(handle)
        replace(file)

    with open_tier(tmp_path) as disk:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", interrupted)
            disk.write(FIRST)
            wait_until_written(disk)
        assert problem(disk) is None
        assert read(disk, FIRST.tokens) == []
    assert not stat.S_ISREG(os.lstat(file).st_mode)
    assert files(tmp_path, ".*") == []


def test_foreign_files_are_left_alone(tmp_path: Path) -> None:
    written(tmp_path, FIRST)
    foreign = [tmp_path / "prompts" / HOME / name for name in ("notes.txt", ".hidden.run", "run")]
    foreign += [tmp_path / "prompts" / "a file", tmp_path / "other"]
    for file in foreign:
        file.write_text("mine")
    with open_tier(tmp_path, budget_bytes=1) as disk:
        assert len(read(disk, FIRST.tokens)) == 1
        disk.clear()
        wait_until_cleared(disk)
        assert shrink(tmp_path, 0) == 0
    assert all(file.read_text() == "mine" for file in foreign)


def test_a_deleted_folder_is_made_anew(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with open_tier(cache) as disk:
        for level in (0, 1, 2):
            assert disk.write(FIRST)
            wait_until_written(disk)
            assert len(read(disk, FIRST.tokens)) == 1
            remove((cache / "prompts" / HOME, cache / "prompts", cache)[level])
            assert read(disk, FIRST.tokens) == []
            assert disk.figures["disk_records"] == 0
        assert problem(disk) is None


def remove(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            remove(path)
        else:
            path.unlink()
    folder.rmdir()


@pytest.mark.parametrize("place", ["cache", "cache/prompts", f"cache/prompts/{HOME}"])
@pytest.mark.parametrize("by", ["file", "link", "dangling link"])
def test_a_folder_replaced_is_sick_until_it_is_back(tmp_path: Path, place: str, by: str) -> None:
    clock = Clock()
    target, aside, outside = tmp_path / place, tmp_path / "aside", tmp_path / "outside"
    outside.mkdir()
    with open_tier(tmp_path / "cache", clock=clock) as disk:
        disk.write(FIRST)
        wait_until_written(disk)
        target.rename(aside)
        if by == "file":
            target.write_text("a file")
        else:
            target.symlink_to(outside if by == "link" else tmp_path / "nowhere")
        assert read(disk, FIRST.tokens) == []
        if place == "cache" and by == "link":
            return  # the cache folder itself may be a link
        disk.write(SECOND)
        wait_until_written(disk)
        assert problem(disk)
        assert list(outside.iterdir()) == []
        target.unlink()
        aside.rename(target)
        clock.now += REST_S
        assert disk.write(SECOND)
        wait_until_written(disk)
        assert problem(disk) is None
        assert len(read(disk, FIRST.tokens)) == len(read(disk, SECOND.tokens)) == 1
    assert list(outside.iterdir()) == []


def test_the_cache_folder_may_be_reached_by_a_link(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "cache").symlink_to(real)
    written(tmp_path / "cache", FIRST)
    with open_tier(real) as disk:
        assert len(read(disk, FIRST.tokens)) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_read(tmp_path: Path) -> None:
    written(tmp_path, FIRST)
    home = files(tmp_path)[0].parent
    home.chmod(0o500)
    try:
        with open_tier(tmp_path) as disk:
            assert len(read(disk, FIRST.tokens)) == 1
            disk.write(SECOND)
            wait_until_written(disk)
            assert problem(disk) == os.strerror(errno.EACCES)
    finally:
        home.chmod(0o700)


def test_only_the_owner_can_see(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    written(cache, *three_runs())
    folders = [cache, cache / "prompts", files(cache)[0].parent]
    assert [path.stat().st_mode & 0o777 for path in folders] == [0o700] * 3
    assert [path.stat().st_mode & 0o777 for path in files(cache)] == [0o600] * 3


def test_a_disk_may_take_a_little_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:10]))
    written(tmp_path, FIRST)
    with open_tier(tmp_path) as disk:
        assert same(read(disk, FIRST.tokens)[0], FIRST)
