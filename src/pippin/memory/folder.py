"""A model's folder of records: ``<cache dir>/prompts/<fingerprint>/<name>.run``.

Several servers may use it at once, without a lock between them. A name says what is in a record,
so two servers that write one name write the same; a record appears by one rename, so nobody sees
half of one; and whoever has opened a record can read it to its end after another server removed
it. What is left to happen is that a file is gone, which is a miss like any other.

Folders and files are reached step by step from the cache folder and no step follows a link.
"""

import os
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from pippin.memory.tensors import Data

PROMPTS = "prompts"
SUFFIX = ".run"
TEMPORARY_SUFFIX = ".tmp"
FOLDER_MODE = 0o700
FILE_MODE = 0o600
CHUNK_BYTES = 4 * 1024 * 1024
FINGERPRINT_LETTERS = 16

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Not to wait for a writer, should a record have been replaced by a pipe.
_READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class NotAFile(Exception):
    """Under a record's name lies something that is not a plain file: a link, a folder, a pipe."""


class Abandoned(Exception):
    """A record is not wanted any more, half-way through being written."""


class Folder:
    """One model's records. Holds nothing open between calls; any thread may call, and several.

    Raises:
        OSError: from every method, as the disk has it.
    """

    def __init__(self, cache_dir: Path, fingerprint: bytes) -> None:
        self._cache_dir = cache_dir
        self._name = fingerprint.hex()[:FINGERPRINT_LETTERS]

    def changed_ns(self) -> int:
        """When a record last came or went."""
        with self._opened() as folder:
            return os.fstat(folder).st_mtime_ns

    def names(self) -> set[str]:
        """Of the records that are here. What is not a plain file is none, and is left alone."""
        with self._opened() as folder, os.scandir(folder) as entries:
            files = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
        return {file.removesuffix(SUFFIX) for file in files if is_record(file)}

    @contextmanager
    def reading(self, name: str) -> Iterator[tuple[BinaryIO, int]]:
        """A record's bytes, and how many there are.

        Raises:
            NotAFile: it is a link, a folder, a pipe.
        """
        with self._opened() as folder:
            _demand_plain(os.lstat(name + SUFFIX, dir_fd=folder))
            handle = os.open(name + SUFFIX, _READ_FLAGS, dir_fd=folder)
        with open(handle, "rb") as file:
            status = os.fstat(handle)
            _demand_plain(status)
            yield file, status.st_size

    def write(self, name: str, pieces: Iterable[Data], is_abandoned: Callable[[], bool]) -> int:
        """Make a record, whole or not at all, and the folder if it is gone. Returns its bytes.

        Raises:
            Abandoned: ``is_abandoned`` said so; it is asked every few MiB.
            NotAFile: something foreign has the name. It stays, as in all that is done here.
        """
        temporary = f".{name}.{os.getpid()}.{secrets.token_hex(4)}{TEMPORARY_SUFFIX}"
        with self._opened(create=True) as folder:
            _demand_free(name + SUFFIX, folder)
            try:
                size = _write_file(temporary, pieces, is_abandoned, folder)
                _demand_free(name + SUFFIX, folder)
                os.replace(temporary, name + SUFFIX, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with suppress(OSError):
                    os.unlink(temporary, dir_fd=folder)
                raise
        return size

    def remove(self, names: Iterable[str]) -> None:
        """Those that are gone already are none."""
        with self._opened() as folder:
            for name in names:
                with suppress(FileNotFoundError):
                    os.unlink(name + SUFFIX, dir_fd=folder)

    def touch(self, names: Sequence[str], now_ns: int) -> None:
        """Used now; of two names, the later one most recently."""
        with self._opened() as folder:
            for later, name in enumerate(names):
                with suppress(FileNotFoundError):
                    times = (now_ns + later, now_ns + later)
                    os.utime(name + SUFFIX, ns=times, dir_fd=folder, follow_symlinks=False)

    def free_bytes(self) -> int:
        """Of the disk, for this user. Makes the folder if it is gone."""
        with self._opened(create=True) as folder:
            status = os.fstatvfs(folder)
        return status.f_bavail * status.f_frsize

    @contextmanager
    def _opened(self, *, create: bool = False) -> Iterator[int]:
        with opened_prompts(self._cache_dir, create=create) as prompts:
            if create:
                _make_folder(self._name, prompts)
            with opened_folder(self._name, prompts) as folder:
                yield folder


def is_record(file: str) -> bool:
    return file.endswith(SUFFIX) and not file.startswith(".")


@contextmanager
def opened_prompts(cache_dir: Path, *, create: bool = False) -> Iterator[int]:
    """The folder of all models' folders. The cache folder itself may be reached by links: a user
    may want it elsewhere."""
    if create:
        cache_dir.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
    with ExitStack() as stack:
        root = os.open(cache_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        stack.callback(os.close, root)
        if create:
            _make_folder(PROMPTS, root)
        yield stack.enter_context(opened_folder(PROMPTS, root))


@contextmanager
def opened_folder(name: str, within: int) -> Iterator[int]:
    """A handle of a real folder inside another one."""
    handle = os.open(name, _FOLDER_FLAGS, dir_fd=within)
    try:
        yield handle
    finally:
        os.close(handle)


def _demand_plain(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise NotAFile("it is no plain file")


def _demand_free(file: str, folder: int) -> None:
    """A plain file may be replaced; nothing else may."""
    with suppress(FileNotFoundError):
        _demand_plain(os.lstat(file, dir_fd=folder))


def _make_folder(name: str, within: int) -> None:
    with suppress(FileExistsError):
        os.mkdir(name, FOLDER_MODE, dir_fd=within)


def _write_file(
    name: str, pieces: Iterable[Data], is_abandoned: Callable[[], bool], folder: int
) -> int:
    """To the platter: a rename must not become visible after a crash before what it names."""
    handle = os.open(name, _WRITE_FLAGS, FILE_MODE, dir_fd=folder)
    try:
        size = 0
        for chunk in _chunks(pieces):
            if is_abandoned():
                raise Abandoned
            _write_all(handle, chunk)
            size += len(chunk)
        os.fsync(handle)
    finally:
        os.close(handle)
    return size


def _chunks(pieces: Iterable[Data]) -> Iterator[memoryview]:
    for piece in pieces:
        view = memoryview(piece)
        for start in range(0, len(view), CHUNK_BYTES):
            yield view[start : start + CHUNK_BYTES]


def _write_all(handle: int, chunk: memoryview) -> None:
    while chunk:
        chunk = chunk[os.write(handle, chunk) :]
