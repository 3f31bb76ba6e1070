"""Bounded reads of files that somebody else wrote."""

import json
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

from pippin.formats.errors import BadModelFile

MAX_JSON_BYTES = 10 * 1024 * 1024
"""Of a configuration. The longest in use have some hundred KiB."""


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading; the caller closes it.

    Raises:
        BadModelFile: it is not there, cannot be opened, or is a folder, pipe or device.
    """
    try:
        # A pipe would block whoever opens it, until somebody writes.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise BadModelFile(f"{path} cannot be opened: {why}.") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise BadModelFile(f"{path} is no regular file.")
    return os.fdopen(descriptor, "rb")


def read_bytes(path: Path, limit: int = MAX_JSON_BYTES) -> bytes:
    """All of a file.

    Raises:
        BadModelFile: it cannot be read, or is longer than ``limit`` bytes.
    """
    with open_regular(path) as file:
        try:
            data = file.read(limit + 1)
        except OSError as error:
            raise BadModelFile(f"{path} cannot be read: {error.strerror}.") from error
    if len(data) > limit:
        raise BadModelFile(f"{path} is longer than {limit} bytes.")
    return data


def read_object(path: Path, limit: int = MAX_JSON_BYTES) -> dict[str, Any]:
    """The JSON object that a file holds.

    Raises:
        BadModelFile: it cannot be read, is longer than ``limit`` bytes, or is something else.
    """
    data = read_bytes(path, limit)
    try:
        content = json.loads(data.decode("utf-8"))
    except RecursionError as error:
        raise BadModelFile(f"{path} is nested too deeply.") from error
    except ValueError as error:
        raise BadModelFile(f"{path} is no JSON: {error}.") from error
    if not isinstance(content, dict):
        raise BadModelFile(f"{path} does not hold a JSON object.")
    return content
