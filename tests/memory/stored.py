"""Stored runs for tests: their bytes follow from their tokens, so that a wrong one shows."""

import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from pippin.memory.blocks import BLOCK, chain, root_key
from pippin.memory.disk import ALL, DiskTier
from pippin.memory.records import StoredRun, Tokens, encode
from pippin.memory.tensors import Plane

FINGERPRINT = hashlib.sha256(b"a model").digest()
OTHER_FINGERPRINT = hashlib.sha256(b"another model").digest()
ROOT = root_key(FINGERPRINT, "")
HOME = FINGERPRINT.hex()[:16]
"""The model's folder."""
MIB = 1024 * 1024
PATIENCE_S = 60.0


class Gate:
    """Holds up a function until it is opened, and says when somebody stands before it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.reached = threading.Event()
        self.open = threading.Event()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.reached.set()
        assert self.open.wait(PATIENCE_S)
        return self._function(*args, **kwargs)


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def text(*parts: tuple[int, int]) -> Tokens:
    """Tokens made of parts: (seed, length)."""
    drawn = [np.random.default_rng(seed).integers(0, 2**31 - 1, n) for seed, n in parts]
    return np.concatenate(drawn).astype(np.int32)


def right_planes(tokens: Tokens, start: int, end: int, state: bool) -> tuple[Plane, ...]:
    """What a computation over ``tokens[:end]`` would give: it depends on all of them."""
    values = np.cumsum(tokens.astype(np.int64))[start:end].astype("<i4")
    planes = [Plane("keys", "I32", (1, end - start, 1), values.tobytes())]
    if state:
        whole = hashlib.sha256(tokens[:end].astype("<i4").tobytes()).digest()
        planes.append(Plane("state", "U8", (32,), whole))
    return tuple(planes)


def stored(
    tokens: Tokens, start: int = 0, *, state: bool = False, extra_bytes: int = 0
) -> StoredRun:
    """The run of ``tokens`` from ``start`` to their end."""
    keys = chain(ROOT, tokens)[start // BLOCK :]
    planes = right_planes(tokens, start, len(tokens), state)
    if extra_bytes:
        planes += (Plane("extra", "U8", (extra_bytes,), bytes(extra_bytes)),)
    return StoredRun(start, tokens[start:], keys, planes, state)


def record(run: StoredRun, fingerprint: bytes = FINGERPRINT) -> bytes:
    return b"".join(encode(run, fingerprint))


def same(one: StoredRun, other: StoredRun) -> bool:
    return (
        one.start == other.start
        and np.array_equal(one.tokens, other.tokens)
        and one.keys == other.keys
        and one.planes == other.planes
        and one.has_state == other.has_state
    )


def tier(cache_dir: Path, **changes: Any) -> DiskTier:
    settings: dict[str, Any] = {
        "fingerprint": FINGERPRINT,
        "needs_state": False,
        "budget_bytes": 100 * MIB,
        "write_bytes_per_s": 100 * MIB,
        "min_free_bytes": 0,
    }
    return DiskTier(cache_dir, **settings | changes)


@contextmanager
def open_tier(cache_dir: Path, **changes: Any) -> Iterator[DiskTier]:
    disk = tier(cache_dir, **changes)
    disk.start()
    try:
        yield disk
    finally:
        disk.close(10)
        assert not disk._thread.is_alive()


def written(cache_dir: Path, *runs: StoredRun, **changes: Any) -> None:
    """Write these runs, and see that they are there."""
    with open_tier(cache_dir, **changes) as disk:
        for run in runs:
            assert disk.write(run)
    assert disk.figures["dropped_writes"] == 0


def read(
    disk: DiskTier,
    tokens: Tokens,
    limit: int | None = None,
    held: int = 0,
    max_bytes: int = ALL,
) -> list[StoredRun]:
    most = len(tokens) if limit is None else limit
    return disk.read(tokens, chain(ROOT, tokens), most, held, max_bytes)


def covered(runs: Sequence[StoredRun], tokens: Tokens) -> int:
    """How many tokens they cover; each must hold what is right for ``tokens`` as far as those
    agree with its own, which is what will be used."""
    end = 0
    for run in runs:
        assert run.start <= end
        common = min(run.end, len(tokens))
        agree = run.tokens[: common - run.start] == tokens[run.start : common]
        used = len(agree) if agree.all() else int(np.argmin(agree))
        mine = np.frombuffer(run.planes[0].data, "<i4")[:used]
        right = np.frombuffer(
            right_planes(tokens, run.start, run.start + used, False)[0].data, "<i4"
        )
        assert np.array_equal(mine, right)
        end = max(end, run.start + used)
    return end


def files(cache_dir: Path, pattern: str = "*.run") -> list[Path]:
    return sorted((cache_dir / "prompts").glob(f"*/{pattern}"))


def damage(file: Path, position: int) -> None:
    """Flip one bit."""
    content = bytearray(file.read_bytes())
    content[position] ^= 1
    file.write_bytes(content)


def wait_until_written(disk: DiskTier) -> None:
    """Until nothing waits to be written: it was, or it was given up."""
    while disk._queue:
        time.sleep(0.002)


def wait_until_cleared(disk: DiskTier) -> None:
    while disk._shelf.is_clearing:
        time.sleep(0.002)


def failing(number: int) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return fail


def problem(disk: DiskTier) -> str | None:
    return disk.figures["disk_problem"]


def run_python(script: str, *arguments: object, rc: int = 0) -> None:
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == rc, done.stderr


LONG = text((1, 300))
FIRST = stored(text((1, 64)))
SECOND = stored(text((2, 64)))
THIRD = stored(text((3, 64)))


def three_runs() -> tuple[StoredRun, StoredRun, StoredRun]:
    """Of ``LONG``: [0, 100), [96, 200), [192, 300)."""
    return stored(LONG[:100]), stored(LONG[:200], 96), stored(LONG, 192)
