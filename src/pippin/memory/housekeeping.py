"""What concerns the records of all models in one cache folder: their budget, and litter.

Several servers may do this at once: a file that is gone is no error, and of two that remove the
oldest records neither removes much more than was to be removed.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pippin.memory.folder import TEMPORARY_SUFFIX, is_record, opened_folder, opened_prompts

SHRINK_TO = 0.9
"""Of the budget: so that not every further record starts this again."""
LITTER_AFTER_S = 600
"""A file half-written and not touched for this long belongs to a server that was killed."""


@dataclass(frozen=True, slots=True)
class File:
    """One file in a model's folder."""

    changed_ns: int
    size: int
    folder: str
    name: str


def shrink(cache_dir: Path, budget_bytes: int) -> int:
    """Remove the records used longest ago if all together are over the budget; how many went.

    Raises:
        OSError: the folder of all models cannot be read.
    """
    with opened_prompts(cache_dir) as prompts:
        records = [file for file in _files(prompts) if is_record(file.name)]
        held = sum(record.size for record in records)
        if held <= budget_bytes:
            return 0
        removed = 0
        for record in sorted(records, key=lambda record: record.changed_ns):
            if held <= SHRINK_TO * budget_bytes:
                break
            _remove(prompts, record)
            held -= record.size
            removed += 1
    return removed


def sweep(cache_dir: Path, now_ns: int) -> None:
    """Remove what killed servers have left half-written.

    Raises:
        OSError: the folder of all models cannot be read.
    """
    with opened_prompts(cache_dir) as prompts:
        for file in _files(prompts):
            is_old = now_ns - file.changed_ns > LITTER_AFTER_S * 1_000_000_000
            if file.name.endswith(TEMPORARY_SUFFIX) and is_old:
                _remove(prompts, file)


def _files(prompts: int) -> Iterator[File]:
    for folder in os.listdir(prompts):
        # Gone, not a folder, or not ours to read.
        with suppress(OSError), opened_folder(folder, prompts) as handle:
            for name in os.listdir(handle):
                yield from _file(folder, name, handle)


def _file(folder: str, name: str, handle: int) -> Iterator[File]:
    with suppress(FileNotFoundError):
        status = os.lstat(name, dir_fd=handle)
        if stat.S_ISREG(status.st_mode):
            yield File(status.st_mtime_ns, status.st_size, folder, name)


def _remove(prompts: int, file: File) -> None:
    # What another server removed first, and what cannot be removed, both just stay as they are.
    with suppress(OSError), opened_folder(file.folder, prompts) as handle:
        os.unlink(file.name, dir_fd=handle)
