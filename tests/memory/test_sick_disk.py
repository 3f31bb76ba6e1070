"""A disk that refuses: nothing fails, and writing goes on when it can."""

import errno
import logging
import os
from pathlib import Path

import pytest

from pippin.memory.pacing import REST_S
from tests.memory.stored import (
    FIRST,
    SECOND,
    THIRD,
    Clock,
    failing,
    files,
    open_tier,
    problem,
    read,
    run_python,
    wait_until_written,
    written,
)


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


def test_files_may_not_become_so_large(tmp_path: Path) -> None:
    run_python(FILLS_A_SMALL_DISK, tmp_path)
    assert files(tmp_path, ".*") == []
