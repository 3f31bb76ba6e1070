"""The end of what the disk tier remembers: cleared by somebody, or closed with the server."""

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pippin.memory.disk import DiskTier
from pippin.memory.pacing import REST_S
from tests.memory.stored import (
    FIRST,
    LONG,
    MIB,
    PATIENCE_S,
    SECOND,
    THIRD,
    Clock,
    Gate,
    failing,
    files,
    open_tier,
    problem,
    read,
    stored,
    text,
    three_runs,
    tier,
    wait_until_cleared,
    wait_until_written,
    written,
)


def test_clearing_leaves_nothing(tmp_path: Path) -> None:
    with open_tier(tmp_path) as disk:
        for run in three_runs():
            disk.write(run)
        wait_until_written(disk)
        disk.write(stored(text((5, 64)), extra_bytes=20 * MIB))
        disk.clear()
        assert read(disk, LONG) == []
        assert disk.covers(LONG, stored(LONG).keys, 300) == 0
        wait_until_cleared(disk)
        assert files(tmp_path) == []
        assert disk.figures["disk_records"] == 0
        disk.write(three_runs()[0])
        wait_until_written(disk)
        assert len(read(disk, LONG)) == 1


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


def test_it_is_cleared_when_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of what waits to be written, and of what is being written."""
    with open_tier(tmp_path) as disk:
        disk.write(FIRST)
        wait_until_written(disk)
        gate = Gate(os.fsync)
        monkeypatch.setattr(os, "fsync", gate)
        disk.write(SECOND)
        assert gate.reached.wait(PATIENCE_S)
        disk.write(THIRD)
        cleared = disk.clear()
        assert not cleared.done()
        assert not cleared.cancel()  # who is tired of waiting does not stop it
        gate.open.set()
        cleared.result(PATIENCE_S)
        assert files(tmp_path) == files(tmp_path, ".*") == []
        assert [read(disk, run.tokens) for run in (FIRST, SECOND, THIRD)] == [[], [], []]


def test_what_is_written_after_the_clearing_began_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_tier(tmp_path) as disk:
        disk.write(FIRST)
        wait_until_written(disk)
        gate = Gate(os.unlink)
        monkeypatch.setattr(os, "unlink", gate)
        cleared = disk.clear()
        assert gate.reached.wait(PATIENCE_S)
        assert not disk.holds(FIRST)
        assert disk.write(FIRST)
        assert disk.holds(FIRST)
        gate.open.set()
        cleared.result(PATIENCE_S)
        wait_until_written(disk)
        assert len(read(disk, FIRST.tokens)) == 1


def test_whoever_asks_while_it_is_cleared_is_answered_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, FIRST)
    gate = Gate(os.unlink)
    monkeypatch.setattr(os, "unlink", gate)
    with open_tier(tmp_path) as disk:
        first = disk.clear()
        assert gate.reached.wait(PATIENCE_S)
        second = disk.clear()
        gate.open.set()
        first.result(PATIENCE_S)
        second.result(PATIENCE_S)
        assert disk.write(FIRST)
        wait_until_written(disk)
        assert len(read(disk, FIRST.tokens)) == 1  # it is open again


def test_what_cannot_be_cleared_is_told_and_tried_for_everyone_who_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, FIRST)
    with open_tier(tmp_path, clock=Clock()) as disk:
        with monkeypatch.context() as sick:
            sick.setattr(os, "unlink", failing(errno.EACCES))
            for _ in range(2):
                with pytest.raises(PermissionError):
                    disk.clear().result(PATIENCE_S)
                assert read(disk, FIRST.tokens) == []
            assert files(tmp_path)
        disk.clear().result(PATIENCE_S)  # though the disk is given a rest otherwise
        assert files(tmp_path) == []


def test_nobody_waits_for_a_tier_that_has_ended(tmp_path: Path) -> None:
    written(tmp_path, FIRST)
    with open_tier(tmp_path) as disk:
        pass
    with pytest.raises(OSError, match="has ended"):
        disk.clear().result(0)


def test_nobody_waits_for_a_tier_that_broke(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with open_tier(tmp_path) as disk:
        monkeypatch.setattr(disk._shelf, "clear", failing_inside)
        with pytest.raises(OSError, match="has ended"):
            disk.clear().result(PATIENCE_S)
    assert "stopped" in caplog.text


def failing_inside() -> None:
    raise RuntimeError("planted failure")


def test_closing_writes_what_waits(tmp_path: Path) -> None:
    texts = [text((seed, 64)) for seed in range(20)]
    with open_tier(tmp_path) as disk:
        assert all(disk.write(stored(tokens)) for tokens in texts)
    assert len(files(tmp_path)) == 20
    assert not disk.write(three_runs()[0])
    assert not disk.wants(three_runs()[0])
    assert read(disk, texts[0]) == []


def test_closing_in_no_time_gives_up_writing(tmp_path: Path) -> None:
    disk = tier(tmp_path)
    assert disk.write(stored(LONG, extra_bytes=20 * MIB))
    assert disk.write(stored(LONG[:100], extra_bytes=20 * MIB))
    disk.start()
    disk.close(0)
    assert not disk._thread.is_alive()
    assert disk.figures["dropped_writes"] >= 1
    assert files(tmp_path, ".*") == []


def test_closing_before_the_start_is_nothing(tmp_path: Path) -> None:
    tier(tmp_path).close(1)
    assert list(tmp_path.iterdir()) == []


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
