"""What the disk takes at once: so much, so large, so fast."""

from pathlib import Path

import pytest

from pippin.memory.backlog import Backlog
from pippin.memory.pacing import BURST_S
from tests.memory.stored import (
    LONG,
    MIB,
    Clock,
    files,
    open_tier,
    read,
    stored,
    text,
    three_runs,
    tier,
    written,
)


def test_records_larger_than_allowed_are_neither_written_nor_read(tmp_path: Path) -> None:
    big = stored(LONG, extra_bytes=MIB)
    with open_tier(tmp_path, max_record_bytes=MIB) as disk:
        assert not disk.write(big)
        assert disk.figures["dropped_writes"] == 1
    with open_tier(tmp_path, budget_bytes=MIB) as disk:
        assert not disk.write(big)
    written(tmp_path, big)
    with open_tier(tmp_path, max_record_bytes=MIB) as disk:
        assert read(disk, LONG) == []
    assert len(files(tmp_path)) == 1
    with open_tier(tmp_path) as disk:
        assert len(read(disk, LONG)) == 1


def test_writing_is_paced(tmp_path: Path) -> None:
    clock = Clock()
    runs = [stored(text((seed, 64)), extra_bytes=MIB) for seed in range(4)]
    with open_tier(tmp_path, write_bytes_per_s=MIB // BURST_S, clock=clock) as disk:
        assert disk.write(runs[0])  # all of a minute's bytes, and a little more
        assert not disk.wants(runs[1])
        assert not disk.write(runs[1])
        clock.now += 1
        assert disk.wants(runs[1])
        assert disk.write(runs[1])  # larger than what is saved up, which is overdrawn
        clock.now += 59
        assert not disk.wants(runs[2])
        clock.now += 1000
        assert disk.write(runs[2])
        assert not disk.wants(runs[3])
        assert disk.figures["dropped_writes"] == 1


def test_a_rate_of_zero_writes_nothing(tmp_path: Path) -> None:
    with open_tier(tmp_path, write_bytes_per_s=0) as disk:
        assert not disk.wants(three_runs()[0])
        assert not disk.write(three_runs()[0])


def test_a_full_backlog_takes_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pippin.memory.backlog.BACKLOG_BYTES", 2 * MIB)
    disk = tier(tmp_path)  # its thread does not run yet: nothing leaves the backlog
    large = stored(text((1, 64)), extra_bytes=3 * MIB)
    small = [stored(text((seed, 64)), extra_bytes=MIB) for seed in range(2, 5)]
    assert disk.write(large)  # alone, a run may be larger than all that may wait together
    assert disk.queued_bytes == large.nbytes
    assert not disk.write(small[0])
    disk.clear()
    assert disk.queued_bytes == 0
    assert [disk.write(run) for run in small] == [True, False, False]
    assert disk.figures["dropped_writes"] == 3


def test_many_small_ones_are_too_many_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pippin.memory.backlog.BACKLOG_RUNS", 2)
    disk = tier(tmp_path)
    assert [disk.write(stored(text((seed, 64)))) for seed in range(3)] == [True, True, False]


def test_a_run_that_came_anew_waits_on() -> None:
    """The older one under its name was being written when everything was forgotten."""
    backlog = Backlog(bytes_per_s=MIB, max_record_bytes=MIB, clock=Clock())
    older, newer = stored(text((1, 64))), stored(text((1, 64)))
    backlog.put("name", older)
    backlog.forget()
    backlog.put("name", newer)
    backlog.done("name", older)
    assert backlog.first == ("name", newer)
    backlog.done("name", newer)
    assert backlog.first is None
