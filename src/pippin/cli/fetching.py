"""Has the worker's side download a model, in a process of its own: it knows what a model needs, and
its libraries are not the gateway's."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from pippin.cli.progress import Show
from pippin.core.conversion import Advanced, Refused
from pippin.core.fetching import Fetched, Told
from pippin.fleet.process import describe_exit, environment

COMMAND = (sys.executable, "-P", "-m", "pippin.worker.fetch")


class FetchFailed(Exception):
    """In words for the operator."""


def fetch(model: str, show: Show, command: Sequence[str] = COMMAND) -> Path:
    """Download what is not here yet: files that are complete are not downloaded twice. ``show``
    is called with all that it tells. Where the model lies.

    Raises:
        FetchFailed: there is no such model, it cannot be reached or stored, or the process dies.
    """
    try:
        process = subprocess.Popen(
            [*command, model],
            env=environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
    except OSError as error:
        raise FetchFailed(f"the download cannot be started: {error}") from error
    end: Fetched | Refused | None = None
    with process:
        try:
            end = _followed(process, show)
        finally:
            if end is None:
                process.terminate()
    if isinstance(end, Refused):
        raise FetchFailed(end.reason)
    if end is None:
        raise FetchFailed(f"the download ended with {describe_exit(process.returncode)}")
    return Path(end.path)


def _followed(process: "subprocess.Popen[bytes]", show: Show) -> Fetched | Refused | None:
    """How it ended, by its own word; ``None``: without one."""
    for line in process.stdout or ():
        try:
            told: Told = msgspec.json.decode(line, type=Told)
        except msgspec.DecodeError as error:
            raise FetchFailed(f"the words of the download cannot be read: {error}") from error
        if not isinstance(told, Advanced):
            return told
        show(told)
    return None
