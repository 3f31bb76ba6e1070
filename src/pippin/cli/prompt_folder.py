"""The folder in which workers keep remembered prompts: what lies there, without any of them.

``<cache folder>/prompts/<model>/<record>.run``, where ``<model>`` is a fingerprint of weights,
tokenizer and settings. Only such files are looked at or removed, and no link is followed.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pippin.settings import platform_cache_folder

VARIABLE = "PIPPIN_CACHE_DIR"
PROMPTS = "prompts"
SUFFIX = ".run"


@dataclass(frozen=True, slots=True)
class Record:
    """One remembered run of tokens."""

    path: Path
    size: int
    """In bytes."""
    used: float
    """Unix seconds of its last use."""


def given_cache_folder() -> Path:
    """What the environment says, else the platform's: as a server that is given no flag."""
    given = os.environ.get(VARIABLE)
    return Path(given).expanduser().absolute() if given else platform_cache_folder()


def records(cache_folder: Path) -> dict[str, list[Record]]:
    """All records by model. A folder that is not there, or vanishes, holds none.

    Raises:
        OSError: a folder cannot be read.
    """
    models = sorted(_entries(cache_folder / PROMPTS), key=lambda entry: entry.name)
    found = {
        model.name: list(_records(Path(model)))
        for model in models
        if model.is_dir(follow_symlinks=False)
    }
    return {model: its_records for model, its_records in found.items() if its_records}


def removed(record: Record) -> int:
    """Remove a record. Returns the bytes that this freed: none if somebody else was quicker.

    Raises:
        OSError: it must not be removed.
    """
    try:
        record.path.unlink()
    except FileNotFoundError:
        return 0
    return record.size


def _records(model: Path) -> Iterator[Record]:
    for entry in _entries(model):
        if entry.name.endswith(SUFFIX) and not entry.name.startswith("."):
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(status.st_mode):
                yield Record(Path(entry), status.st_size, status.st_mtime)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    if folder.is_symlink():
        return []
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []
