"""The folder of converted weights: each conversion is made once, by whoever comes first.

``<cache dir>/weights/<key>`` is a model folder; it appears by one rename when it is complete and on
disk, so whatever has that name is good. ``<key>.partial`` is one that is being written by whoever
holds the lock on ``<key>.lock``; if nobody does, it is rubbish. Several servers may use the folder
at once.
"""

import fcntl
import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pippin.core.worker import Quantisation
from pippin.models.digest import source_of
from pippin.models.errors import CannotLoad
from pippin.models.quantise import has_bits, write_quantised
from pippin.models.resolve import Progress

log = logging.getLogger(__name__)

WEIGHTS = "weights"
FORMAT = "1"
"""Raised whenever a conversion gives something else than before."""
KEY_LETTERS = 24
PARTIAL = ".partial"
REPLACED = ".replaced"
LOCK = ".lock"
WAITING = "waiting for another server's conversion"
LOOK_EVERY_S = 0.2


def with_bits(source: Path, wanted: Quantisation, cache_dir: Path, progress: Progress) -> Path:
    """The folder of this model in so many bits: its own, if it has them, else a converted one,
    which is made unless it is there.

    Raises:
        CannotLoad: it cannot be converted, or not be kept.
    """
    if has_bits(_config(source), wanted):
        return source
    store = cache_dir / WEIGHTS
    key = _key(source, wanted)
    try:
        store.mkdir(parents=True, exist_ok=True)
        _remove_rubbish(store)
        if not (store / key).is_dir():
            with _locked(store / (key + LOCK), progress):
                if not (store / key).is_dir():
                    _convert(source, wanted, store / key, progress)
    except OSError as error:
        raise CannotLoad(
            f"Converted weights cannot be kept in {store}: {error.strerror}."
        ) from error
    return store / key


def convert_into(source: Path, wanted: Quantisation, target: Path, progress: Progress) -> int:
    """Convert into a folder of the operator's own, and replace what is there. The bytes of its
    weights.

    Raises:
        CannotLoad: it has these bits already, or cannot be converted.
        OSError: as the disk has it.
    """
    if has_bits(_config(source), wanted):
        raise CannotLoad(
            f"{source} has {wanted.bits} bits in groups of {wanted.group_size} already."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target.parent, progress):
        _write_whole(source, wanted, target, progress)
    return sum(path.stat().st_size for path in target.glob("*.safetensors"))


def _write_whole(source: Path, wanted: Quantisation, target: Path, progress: Progress) -> None:
    """Convert into ``target``, which appears when it is complete and on disk. What was there is
    replaced. One that is being written lies beside it, under ``.partial``.

    Raises:
        CannotLoad: as ``write_quantised``.
        OSError: as the disk has it.
    """
    partial = target.with_name(target.name + PARTIAL)
    replaced = target.with_name(target.name + REPLACED)
    _tidy(target, partial, replaced)
    partial.mkdir(parents=True)
    try:
        write_quantised(source, wanted, partial, progress)
        for path in (*partial.iterdir(), partial):
            _sync(path)
        if target.exists():
            target.rename(replaced)
        partial.rename(target)
    finally:
        _tidy(target, partial, replaced)
    _sync(target.parent)


def _tidy(target: Path, partial: Path, replaced: Path) -> None:
    """Remove what is not needed. What was to be replaced comes back if nothing took its place."""
    if replaced.exists() and not target.exists():
        replaced.rename(target)
    for rubbish in (partial, replaced):
        shutil.rmtree(rubbish, ignore_errors=True)


def _convert(source: Path, wanted: Quantisation, target: Path, progress: Progress) -> None:
    began = time.monotonic()
    log.info("the weights are converted to %d bits, once", wanted.bits)
    _write_whole(source, wanted, target, progress)
    log.info("converted in %.1f s, and kept in %s", time.monotonic() - began, target)


def _config(source: Path) -> dict[str, object]:
    """Of what cannot be read nothing is said here: whoever opens the model says it."""
    try:
        content = json.loads((source / "config.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _key(source: Path, wanted: Quantisation) -> str:
    parts = (FORMAT, source_of(source), f"{wanted.bits}", f"{wanted.group_size}")
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:KEY_LETTERS]


def _sync(path: Path) -> None:
    """Have a file or a folder on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _locked(path: Path, progress: Progress) -> Iterator[None]:
    """Hold a lock, which ends with this process at the latest. Waits for whoever has it."""
    while True:
        with _opened(path) as descriptor:
            # Of a file that was removed meanwhile a lock is worth nothing.
            if _taken(descriptor) and _is_at(path, descriptor):
                yield
                return
        progress(WAITING, 0, 0)
        time.sleep(LOOK_EVERY_S)


def _remove_rubbish(store: Path) -> None:
    """What was being written when its server was killed."""
    for partial in store.glob("*" + PARTIAL):
        with _opened(partial.with_suffix(LOCK)) as descriptor:
            if _taken(descriptor):
                log.info("a conversion that was interrupted is removed: %s", partial)
                shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def _opened(lock: Path) -> Iterator[int]:
    """A lock: a folder that is there, or a file. A file is never removed: somebody may wait for
    it."""
    flags = os.O_RDONLY if lock.is_dir() else os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
    descriptor = os.open(lock, flags | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
