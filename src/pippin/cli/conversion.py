"""Has the worker's side convert a model, in a process of its own: a crash there is an answer."""

import os
import subprocess
from collections.abc import Callable, Sequence

import msgspec

from pippin.core.conversion import Advanced, Conversion, Converted, Refused, Told
from pippin.fleet.process import WORKER_COMMAND, describe_exit, environment


class ConversionFailed(Exception):
    """In words for the operator."""


def convert(
    asked: Conversion,
    show: Callable[[Advanced], None],
    command: Sequence[str] = WORKER_COMMAND,
) -> int:
    """Run it. ``show`` is called with all that it tells. The bytes of the new weights.

    What it logs goes to standard error. Ctrl-C reaches it as it reaches this process, and it
    leaves nothing half-done.

    Raises:
        ConversionFailed: it cannot be started, refuses, or dies.
    """
    arguments = ("--convert", msgspec.json.encode(asked).decode())
    try:
        process = subprocess.Popen(
            [*command, *arguments],
            env=environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
    except OSError as error:
        raise ConversionFailed(f"the converter cannot be started: {error}") from error
    end: Converted | Refused | None = None
    with process:
        try:
            end = _followed(process, show)
        finally:
            if end is None:
                process.terminate()
            process.wait()
    if isinstance(end, Refused):
        raise ConversionFailed(end.reason)
    if end is None or process.returncode != 0:
        raise ConversionFailed(f"the converter ended with {describe_exit(process.returncode)}.")
    return end.weights_bytes


def _followed(
    process: "subprocess.Popen[bytes]", show: Callable[[Advanced], None]
) -> Converted | Refused | None:
    """How it ended, by its own word; ``None``: without one."""
    for line in process.stdout or ():
        try:
            told: Told = msgspec.json.decode(line, type=Told)
        except msgspec.DecodeError as error:
            raise ConversionFailed(f"the converter's words cannot be read: {error}") from error
        if not isinstance(told, Advanced):
            return told
        show(told)
    return None
