"""Asks the worker's side what it runs on, in a process of its own: a crash there is an answer."""

import os
import subprocess
from collections.abc import Sequence

import msgspec

from pippin.fleet.process import WORKER_COMMAND, describe_exit, environment

TIMEOUT_S = 120
"""Importing MLX takes seconds on a cold disk, the measurement less than one."""


class Blas(msgspec.Struct, frozen=True):
    """The library that answers MLX's products on Linux CPU."""

    name: str
    path: str
    version: str | None = None


class Probe(msgspec.Struct, frozen=True):
    """What ``pippin.worker --probe`` prints: one JSON object."""

    device: str
    threads: int
    dtype: str
    gflops_float32: float
    blas: Blas | None = None
    advice: tuple[str, ...] = ()
    """What would be faster, a sentence each."""


class ProbeFailed(Exception):
    """In words for the operator."""


def probe(command: Sequence[str] = WORKER_COMMAND) -> Probe:
    """Run it and read its answer.

    Raises:
        ProbeFailed: it cannot be started, dies, is late, or answers something else.
    """
    try:
        done = subprocess.run(
            [*command, "--probe"],
            env=environment(os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except OSError as error:
        raise ProbeFailed(f"the worker cannot be started: {error}") from error
    except subprocess.TimeoutExpired as error:
        raise ProbeFailed(f"the worker did not answer within {TIMEOUT_S} s") from error
    if done.returncode != 0:
        words = done.stderr.decode("utf-8", "replace").strip().splitlines()[-5:]
        tail = "".join(f"\n  {line}" for line in words)
        raise ProbeFailed(f"the worker ended with {describe_exit(done.returncode)}{tail}")
    try:
        return msgspec.json.decode(done.stdout, type=Probe)
    except msgspec.DecodeError as error:
        raise ProbeFailed(f"the worker's answer cannot be read: {error}") from error
