"""Records that are damaged, gone or new: always a miss or the truth, never a wrong token."""

import errno
import os
import threading
from pathlib import Path

import pytest

from pippin.memory.records import record_name
from tests.memory.stored import (
    FIRST,
    LONG,
    SECOND,
    covered,
    damage,
    failing,
    files,
    open_tier,
    problem,
    read,
    record,
    same,
    stored,
    text,
    three_runs,
    wait_until_written,
    written,
)


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


def sizes(cache_dir: Path) -> list[int]:
    """Of the records of ``three_runs``."""
    return [files(cache_dir, f"{record_name(run)}.run")[0].stat().st_size for run in three_runs()]


@pytest.mark.parametrize("spare", [0, 1])
@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_no_more_is_read_than_there_is_room_for(tmp_path: Path, count: int, spare: int) -> None:
    written(tmp_path, *three_runs())
    room = sum(sizes(tmp_path)[:count]) + spare
    with open_tier(tmp_path) as disk:
        found = read(disk, LONG, max_bytes=room)
        assert covered(found, LONG) == (0, 100, 200, 300)[count]
        assert sum(run.nbytes for run in found) <= room


def test_what_is_held_already_takes_no_room(tmp_path: Path) -> None:
    written(tmp_path, *three_runs())
    _, second, third = sizes(tmp_path)
    with open_tier(tmp_path) as disk:
        assert [run.start for run in read(disk, LONG, held=100, max_bytes=second)] == [96]
        assert [run.start for run in read(disk, LONG, held=200, max_bytes=third)] == [192]
        assert read(disk, LONG, held=200, max_bytes=third - 1) == []


def test_where_a_state_is_needed_there_must_be_room_up_to_it(tmp_path: Path) -> None:
    first = stored(LONG[:100], state=True)
    written(tmp_path, first, stored(LONG[:200], 96), stored(LONG, 192, state=True))
    everything = sum(file.stat().st_size for file in files(tmp_path))
    with open_tier(tmp_path, needs_state=True) as disk:
        assert [run.end for run in read(disk, LONG, max_bytes=everything)] == [100, 200, 300]
        assert [run.end for run in read(disk, LONG, max_bytes=everything - 1)] == [100]


def test_a_file_that_grew_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The room was reckoned from its size."""
    written(tmp_path, FIRST)
    (file,) = files(tmp_path)
    with open_tier(tmp_path) as disk:
        assert len(read(disk, FIRST.tokens)) == 1
        monkeypatch.setattr(disk._shelf, "look", lambda: True)
        monkeypatch.setattr("pippin.memory.shelf.decode", pytest.fail)
        os.truncate(file, 2**40)
        assert read(disk, FIRST.tokens) == []
