"""The budget of all models together, and what killed servers leave."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pippin.memory.housekeeping import LITTER_AFTER_S, sweep
from pippin.memory.records import StoredRun, record_name
from tests.memory.stored import (
    FIRST,
    LONG,
    MIB,
    OTHER_FINGERPRINT,
    SECOND,
    Clock,
    files,
    open_tier,
    read,
    run_python,
    same,
    stored,
    text,
    three_runs,
    wait_until_written,
    written,
)


def test_models_share_the_budget_and_nothing_else(tmp_path: Path) -> None:
    mine, theirs = stored(LONG, extra_bytes=MIB), stored(LONG)
    with (
        open_tier(tmp_path) as one,
        open_tier(tmp_path, fingerprint=OTHER_FINGERPRINT, budget_bytes=MIB) as two,
    ):
        one.write(mine)
        wait_until_written(one)
        assert read(two, LONG) == []
        two.write(theirs)
        wait_until_written(two)
        assert same(read(two, LONG)[0], theirs)
        assert read(one, LONG) == []  # it was the older one, and over the budget
    assert len(files(tmp_path)) == 1
    assert one.figures["bad_records"] == 0


def test_the_budget_makes_the_longest_unused_go(tmp_path: Path) -> None:
    texts = [text((seed, 64)) for seed in range(6)]
    with open_tier(tmp_path, budget_bytes=5 * MIB) as disk:
        for number, tokens in enumerate(texts[:4]):
            disk.write(stored(tokens, extra_bytes=MIB))
            wait_until_written(disk)
            age(tmp_path, stored(tokens), 1000 - number)
        assert len(read(disk, texts[0])) == 1  # used now
        disk.write(stored(texts[4], extra_bytes=MIB))
        wait_until_written(disk)
        left = [len(read(disk, tokens)) for tokens in texts]
        assert left == [1, 0, 1, 1, 1, 0]
        assert disk.figures["disk_bytes"] <= 5 * MIB


def age(cache_dir: Path, run: StoredRun, seconds: float) -> None:
    """As if a record had been used so long ago."""
    (file,) = files(cache_dir, f"{record_name(run)}.run")
    then = file.stat().st_mtime - seconds
    os.utime(file, (then, then))


def test_what_a_used_run_lies_behind_is_younger(tmp_path: Path) -> None:
    runs = three_runs()
    clock = Clock()

    def order() -> list[int]:
        times = [files(tmp_path, f"{record_name(run)}.run")[0].stat().st_mtime_ns for run in runs]
        return sorted(range(3), key=lambda i: times[i])

    with open_tier(tmp_path, clock=clock) as disk:
        for run in runs:
            disk.write(run)
            wait_until_written(disk)
        assert order() == [2, 1, 0]
        for run in reversed(runs):
            age(tmp_path, run, 1000 * (1 + run.start))
        clock.now += 61
        assert disk.covers(LONG, stored(LONG).keys, 300) == 300
        assert read(disk, LONG, held=300) == []  # even if nothing had to be read
        assert order() == [2, 1, 0]
        oldest = min(file.stat().st_mtime for file in files(tmp_path))
        age(tmp_path, runs[0], 1000)
        read(disk, LONG)  # not so soon again
        assert min(file.stat().st_mtime for file in files(tmp_path)) < oldest


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
