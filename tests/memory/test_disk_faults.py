"""A sick disk, a killed server, hostile hands in the folder: always a miss, never a wrong token,
and writing goes on when it can."""

import errno
import logging
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pippin.memory.disk import DiskTier
from pippin.memory.housekeeping import LITTER_AFTER_S, shrink, sweep
from pippin.memory.pacing import REST_S
from pippin.memory.records import decode, record_name
from tests.memory.stored import (
    FINGERPRINT,
    MIB,
    Clock,
    covered,
    damage,
    files,
    open_tier,
    read,
    record,
    same,
    stored,
    text,
    wait_until_cleared,
    wait_until_written,
    written,
)

FIRST = stored(text((1, 64)))
SECOND = stored(text((2, 64)))
THIRD = stored(text((3, 64)))
HOME = FINGERPRINT.hex()[:16]


def failing(number: int) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return fail


def problem(disk: DiskTier) -> str | None:
    return disk.figures["disk_problem"]


# -- damaged records ---------------------------------------------------------------------------


def test_every_flipped_byte_on_the_disk_is_a_miss(tmp_path: Path) -> None:
    written(tmp_path, FIRST)
    (file,) = files(tmp_path)
    content = file.read_bytes()
    with open_tier(tmp_path) as disk:
        for position in range(len(content)):
            damage(file, position)
            assert read(disk, FIRST.tokens) == []
            assert not file.exists()
            file.write_bytes(content)
            assert same(read(disk, FIRST.tokens)[0], FIRST)
        assert disk.figures["bad_records"] == len(content)


def test_every_truncation_on_the_disk_is_a_miss(tmp_path: Path) -> None:
    written(tmp_path, FIRST)
    (file,) = files(tmp_path)
    content = file.read_bytes()
    with open_tier(tmp_path) as disk:
        read(disk, FIRST.tokens)
        for length in range(len(content)):
            os.truncate(file, length)
            assert read(disk, FIRST.tokens) == []
            assert not file.exists()
            file.write_bytes(content)
            assert len(read(disk, FIRST.tokens)) == 1


def test_a_damaged_record_does_not_hide_what_is_before_it(tmp_path: Path) -> None:
    tokens = text((1, 300))
    runs = [stored(tokens[:100]), stored(tokens[:200], 96), stored(tokens, 192)]
    written(tmp_path, *runs)
    (middle,) = files(tmp_path, f"{record_name(runs[1])}.run")
    damage(middle, middle.stat().st_size - 1)
    with open_tier(tmp_path) as disk:
        assert covered(read(disk, tokens), tokens) == 100
        assert disk.wants(runs[1])
        assert disk.write(runs[1])
        wait_until_written(disk)
        assert covered(read(disk, tokens), tokens) == 300  # what lay behind it is found again


def test_a_record_under_anothers_name_is_not_used(tmp_path: Path) -> None:
    written(tmp_path, FIRST, SECOND)
    one, other = files(tmp_path)
    one.write_bytes(other.read_bytes())
    with open_tier(tmp_path) as disk:
        found = [len(read(disk, run.tokens)) for run in (FIRST, SECOND)]
        assert sorted(found) == [0, 1]
        assert disk.figures["bad_records"] == 1


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    """A pipe would never end, a link leads out of the folder, a folder cannot be unlinked."""
    runs = (FIRST, SECOND, THIRD)
    written(tmp_path, *runs)
    outside = tmp_path / "outside"
    outside.write_bytes(record(SECOND))
    pipe, link, folder = (files(tmp_path, f"{record_name(run)}.run")[0] for run in runs)
    with open_tier(tmp_path) as disk:
        assert all(read(disk, run.tokens) for run in runs)
        for file in (pipe, link, folder):
            file.unlink()
        os.mkfifo(pipe)
        link.symlink_to(outside)
        folder.mkdir()
        names = [record_name(run) for run in runs]
        assert [disk._shelf._verified(name, decode) for name in names] == [None] * 3
        assert not any(read(disk, run.tokens) for run in runs)
        disk.clear()
        wait_until_cleared(disk)
    assert outside.read_bytes() == record(SECOND)
    assert files(tmp_path) == [folder]


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


def test_an_unreadable_record_is_a_miss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And stays where it is: it may be the disk that is sick, not the record."""
    written(tmp_path, FIRST, SECOND)
    with open_tier(tmp_path) as disk:
        read(disk, FIRST.tokens)
        with monkeypatch.context() as sick:
            sick.setattr("pippin.memory.shelf.decode", failing(errno.EIO))
            assert read(disk, FIRST.tokens) == []
        assert len(read(disk, SECOND.tokens)) == 1
        assert disk.figures["bad_records"] == 0
    assert len(files(tmp_path)) == 2


# -- a disk that refuses -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "number"),
    [
        ("write", errno.ENOSPC),
        ("write", errno.EDQUOT),
        ("write", errno.EIO),
        ("fsync", errno.EIO),
        ("replace", errno.ENOSPC),
        ("mkdir", errno.EROFS),
        ("open", errno.EROFS),
        ("open", errno.EACCES),
        ("open", errno.EMFILE),
        ("fstatvfs", errno.EIO),
    ],
)
def test_a_sick_disk_is_left_in_peace_and_tried_again(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    call: str,
    number: int,
) -> None:
    caplog.set_level(logging.INFO, "pippin.memory")
    clock = Clock()
    with open_tier(tmp_path, clock=clock) as disk:
        read(disk, FIRST.tokens)
        with monkeypatch.context() as sick:
            sick.setattr(os, call, failing(number))
            for run in (FIRST, SECOND):
                assert disk.write(run)
                wait_until_written(disk)
                assert problem(disk) == os.strerror(number)
                assert not disk.wants(THIRD)
                assert not disk.write(THIRD)
                clock.now += REST_S
        assert disk.figures["dropped_writes"] == 4
        assert disk.write(FIRST)
        wait_until_written(disk)
        assert problem(disk) is None
        assert len(read(disk, FIRST.tokens)) == 1
    assert [entry.levelname for entry in caplog.records] == ["WARNING", "INFO"]
    assert str(tmp_path) not in caplog.text
    assert files(tmp_path, ".*") == []


def test_a_nearly_full_disk_is_not_filled(tmp_path: Path) -> None:
    with open_tier(tmp_path, min_free_bytes=2**60) as disk:
        assert disk.write(FIRST)
        wait_until_written(disk)
        assert problem(disk) == "it is nearly full"
    assert files(tmp_path) == []


def test_reading_goes_on_while_writing_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, FIRST)
    with open_tier(tmp_path) as disk:
        for call in ("write", "replace", "utime", "mkdir", "unlink"):
            monkeypatch.setattr(os, call, failing(errno.EROFS))
        assert len(read(disk, FIRST.tokens)) == 1
        disk.write(SECOND)
        wait_until_written(disk)
        assert len(read(disk, FIRST.tokens)) == 1


def test_a_damaged_record_that_cannot_be_removed_is_a_miss_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, FIRST)
    damage(files(tmp_path)[0], 200)
    monkeypatch.setattr(os, "unlink", failing(errno.EROFS))
    with open_tier(tmp_path) as disk:
        for _ in range(3):
            assert read(disk, FIRST.tokens) == []
        assert disk.figures["bad_records"] == 1
        assert disk.write(FIRST)  # and a good one takes its place
        wait_until_written(disk)
        assert len(read(disk, FIRST.tokens)) == 1


def test_what_cannot_be_cleared_is_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, FIRST)
    clock = Clock()
    with open_tier(tmp_path, clock=clock) as disk:
        with monkeypatch.context() as sick:
            sick.setattr(os, "unlink", failing(errno.EACCES))
            disk.clear()
            while problem(disk) is None:
                time.sleep(0.002)
            assert read(disk, FIRST.tokens) == []
        clock.now += REST_S
    assert files(tmp_path) == []  # tried again before the end


FILLS_A_SMALL_DISK = """
import resource, sys
from pathlib import Path
from tests.memory.stored import FINGERPRINT, MIB, open_tier, read, stored, text, wait_until_written
resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, MIB))
big, small = stored(text((1, 64)), extra_bytes=2 * MIB), stored(text((2, 64)))
with open_tier(Path(sys.argv[1])) as disk:
    disk.write(big)
    wait_until_written(disk)
    assert disk.figures["disk_problem"], disk.figures
    assert read(disk, big.tokens) == []
with open_tier(Path(sys.argv[1])) as disk:
    disk.write(small)
    wait_until_written(disk)
    assert len(read(disk, small.tokens)) == 1
"""


def run_python(script: str, *arguments: object, rc: int = 0) -> None:
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == rc, done.stderr


def test_files_may_not_become_so_large(tmp_path: Path) -> None:
    run_python(FILLS_A_SMALL_DISK, tmp_path)
    assert files(tmp_path, ".*") == []


# -- hands in the folder while a server runs -----------------------------------------------------


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


def test_records_that_vanish_are_no_error(tmp_path: Path) -> None:
    """As another server's eviction takes them, at any moment."""
    runs = [stored(text((seed, 64)), extra_bytes=1000) for seed in range(30)]
    with open_tier(tmp_path) as one, open_tier(tmp_path, budget_bytes=10_000) as two:
        for mine, theirs in zip(runs[::2], runs[1::2], strict=True):
            one.write(mine)
            two.write(theirs)
            for run in runs:
                for disk in (one, two):
                    assert all(same(found, run) for found in read(disk, run.tokens))
        for disk in (one, two):
            wait_until_written(disk)
            assert disk.figures["bad_records"] == 0
            assert problem(disk) is None


# -- killed servers ------------------------------------------------------------------------------

WRITES_AND_WRITES = """
import sys
from pathlib import Path
from tests.memory.stored import MIB, tier, stored, text
disk = tier(Path(sys.argv[1]), write_bytes_per_s=10**12)
disk.start()
print("ready", flush=True)
for seed in range(100_000):
    run = stored(text((seed, 64)), extra_bytes=MIB)
    while not disk.write(run):
        pass
"""


def test_kill_during_writes_leaves_nothing_bad(tmp_path: Path) -> None:
    chance = random.Random(1)
    for _ in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", WRITES_AND_WRITES, str(tmp_path)],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
        ) as server:
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0.02, 0.3))
            server.kill()
    with open_tier(tmp_path) as disk:
        found = sum(len(read(disk, text((seed, 64)))) for seed in range(200))
        assert found > 0
        assert disk.figures["disk_records"] >= found
        assert disk.figures["bad_records"] == 0
    forget_litter(tmp_path)


DIES_AT_A_CALL = """
import os, sys
from pathlib import Path
from tests.memory.stored import open_tier, stored, text
calls = int(sys.argv[2])
def counted(function):
    def call(*args, **kwargs):
        global calls
        calls -= 1
        if calls == 0:
            os._exit(9)
        return function(*args, **kwargs)
    return call
with open_tier(Path(sys.argv[1])) as disk:
    disk._scanned.wait()
    real_open = os.open
    writes = counted(real_open)
    os.open = lambda path, flags, *a, **k: (
        (writes if flags & os.O_CREAT else real_open)(path, flags, *a, **k)
    )
    for name in ("write", "fsync", "replace", "utime"):
        setattr(os, name, counted(getattr(os, name)))
    disk.write(stored(text((1, 64))))
"""


@pytest.mark.parametrize("call", range(1, 9))
def test_death_at_each_call_leaves_a_whole_record_or_none(tmp_path: Path, call: int) -> None:
    """The file is opened, written in five pieces, made durable, renamed."""
    run_python(DIES_AT_A_CALL, tmp_path, call, rc=9)
    with open_tier(tmp_path) as disk:
        assert read(disk, FIRST.tokens) == []
        assert disk.figures["bad_records"] == 0
        assert disk.write(FIRST)
        wait_until_written(disk)
        assert same(read(disk, FIRST.tokens)[0], FIRST)
    assert len(files(tmp_path, ".*.tmp")) == (call > 1)
    forget_litter(tmp_path)


def forget_litter(cache_dir: Path) -> None:
    """What killed servers left half-written goes when it is old, and not before."""
    young = files(cache_dir, ".*.tmp")
    with open_tier(cache_dir):
        pass
    assert files(cache_dir, ".*.tmp") == young
    sweep(cache_dir, time.time_ns() + (LITTER_AFTER_S + 10) * 1_000_000_000)
    assert files(cache_dir, ".*.tmp") == []


def test_a_server_sweeps_when_it_starts(tmp_path: Path) -> None:
    written(tmp_path, FIRST, SECOND)
    home = files(tmp_path)[0].parent
    old, young = home / ".a.1.0.tmp", home / ".b.1.0.tmp"
    for file in (old, young):
        file.write_bytes(b"half")
    then = time.time() - LITTER_AFTER_S - 10
    os.utime(old, (then, then))
    with open_tier(tmp_path) as disk:
        assert len(read(disk, SECOND.tokens)) == 1
    assert (old.exists(), young.exists()) == (False, True)
    assert len(files(tmp_path)) == 2


def test_a_record_that_vanishes_after_the_look_is_a_miss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = text((1, 200))
    runs = [stored(tokens[:100]), stored(tokens, 96)]
    written(tmp_path, *runs)
    with open_tier(tmp_path) as disk:
        assert len(read(disk, tokens)) == 2
        monkeypatch.setattr(disk._shelf, "look", lambda: True)
        files(tmp_path, f"{record_name(runs[1])}.run")[0].unlink()
        assert covered(read(disk, tokens), tokens) == 100
        assert disk.figures["disk_records"] == 1


def test_a_folder_that_changed_just_now_is_looked_at_again(tmp_path: Path) -> None:
    """A time stamp may be coarse: what comes within one tick of it does not change it."""
    written(tmp_path, FIRST)
    (file,) = files(tmp_path)
    with open_tier(tmp_path) as disk:
        read(disk, FIRST.tokens)
        before = file.parent.stat().st_mtime_ns
        file.with_name(f"{record_name(SECOND)}.run").write_bytes(record(SECOND))
        os.utime(file.parent, ns=(before, before))
        assert len(read(disk, SECOND.tokens)) == 1


def test_a_folder_that_rests_is_not_listed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, FIRST)
    home = files(tmp_path)[0].parent
    os.utime(home, (1_000_000_000, 1_000_000_000))
    with open_tier(tmp_path) as disk:
        read(disk, FIRST.tokens)
        listed = threading.Event()
        monkeypatch.setattr(disk._shelf.folder, "names", listed.set)
        assert len(read(disk, FIRST.tokens)) == 1
        assert not listed.is_set()


def test_a_record_that_vanished_is_forgotten(tmp_path: Path) -> None:
    written(tmp_path, FIRST, SECOND)
    with open_tier(tmp_path) as disk:
        assert len(read(disk, FIRST.tokens)) == 1
        assert disk.figures["disk_records"] == 2
        files(tmp_path, f"{record_name(FIRST)}.run")[0].unlink()
        read(disk, SECOND.tokens)
        assert disk.figures["disk_records"] == 1
        assert disk.wants(FIRST)


def test_a_disk_may_take_a_little_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:10]))
    written(tmp_path, FIRST)
    with open_tier(tmp_path) as disk:
        assert same(read(disk, FIRST.tokens)[0], FIRST)


@pytest.mark.parametrize("end", [DiskTier.clear, lambda disk: setattr(disk, "_ends_at", 0.0)])
def test_a_record_is_given_up_half_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: Callable[[DiskTier], None]
) -> None:
    """Whoever clears or closes does not wait for gigabytes."""
    write, sizes = os.write, []
    with open_tier(tmp_path) as disk:

        def write_and_end(handle: int, data: memoryview) -> int:
            sizes.append(len(data))
            end(disk)
            return write(handle, data)

        monkeypatch.setattr(os, "write", write_and_end)
        assert disk.write(stored(text((1, 64)), extra_bytes=20 * MIB))
        wait_until_written(disk)
    assert len(sizes) == 1
    assert files(tmp_path) == files(tmp_path, ".*") == []
