"""The memory of prompts on disk: what survives a restart, and what other servers remembered."""

import errno
import logging
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from pippin.memory.folder import Abandoned
from pippin.memory.housekeeping import shrink, sweep
from pippin.memory.pacing import Clock, Health, WriteRate
from pippin.memory.records import StoredRun, Stretch, Tokens, encode, record_name
from pippin.memory.shelf import Shelf

log = logging.getLogger(__name__)

GIB = 1024**3
SCAN_PATIENCE_S = 2.0
"""How long a read waits for the first look at the folder."""
LOOK_EVERY_S = 2.0
QUEUE_BYTES = GIB // 2
CLOSING_S = 5.0
"""Patience for the call to the disk that is under way when the time to close is over."""


class DiskFigures(TypedDict):
    """Sizes in bytes; counts since the start. ``disk_problem``: why nothing is written now."""

    disk_bytes: int
    disk_budget_bytes: int
    disk_records: int
    disk_problem: str | None
    written_bytes: int
    dropped_writes: int
    bad_records: int


class DiskTier:
    """One model's runs on disk. Has a thread of its own, which writes and looks after the folder;
    every method may be called from any thread. A sick disk raises nothing: any doubt is a miss.

    Writing is paced (``write_bytes_per_s``) and stops for a while when the disk refuses. The
    budget is for the records of all models together; the one used longest ago goes first.
    """

    def __init__(
        self,
        cache_dir: Path,
        *,
        fingerprint: bytes,
        needs_state: bool,
        budget_bytes: int,
        write_bytes_per_s: int,
        max_record_bytes: int = 4 * GIB,
        min_free_bytes: int = 2 * GIB,
        clock: Clock = time.monotonic,
    ) -> None:
        """``fingerprint``: of all that the runs' bytes depend on. ``min_free_bytes``: what the
        disk must have left. ``clock``: seconds, for pacing."""
        self._cache_dir = cache_dir
        self._fingerprint = fingerprint
        self._budget_bytes = budget_bytes
        self._max_record_bytes = min(max_record_bytes, budget_bytes)
        self._min_free_bytes = min_free_bytes
        self._shelf = Shelf(
            cache_dir,
            fingerprint=fingerprint,
            needs_state=needs_state,
            max_record_bytes=max_record_bytes,
            clock=clock,
        )
        self._scanned = threading.Event()
        self._health = Health(clock)
        self._changed = threading.Condition()
        """Guards all that follows."""
        self._rate = WriteRate(write_bytes_per_s, clock)
        self._queue: dict[str, StoredRun] = {}
        """By name, oldest first, until written."""
        self._ends_at: float | None = None
        """When ``close`` gives up writing, by ``time.monotonic``; None: not closed."""
        self._written_bytes = 0
        self._dropped_writes = 0
        self._thread = threading.Thread(target=self._run, name="memory-disk", daemon=True)

    def start(self) -> None:
        """Begin to look at the folder, in the background."""
        self._thread.start()

    # -- reading ---------------------------------------------------------------------------------

    def covers(self, tokens: Tokens, keys: Sequence[bytes], limit: int) -> int:
        """How many of the first ``limit`` tokens it is worth to ``read`` for. Waits for nothing:
        before the first look at the folder is over, that is all of them."""
        if not self._scanned.is_set():
            return limit
        return self._shelf.match(tokens, keys, limit)

    def read(self, tokens: Tokens, keys: Sequence[bytes], limit: int, held: int) -> list[StoredRun]:
        """The verified runs that cover the most of the first ``limit`` tokens, in order, without
        those that end before ``held``, which the caller has. None if there is nothing beyond.

        Waits for the disk: a thread that may wait calls it.
        """
        if self._is_closed or not self._scanned.wait(SCAN_PATIENCE_S):
            return []
        self._shelf.look()
        return self._shelf.read(tokens, keys, limit, held)

    # -- writing ---------------------------------------------------------------------------------

    def wants(self, run: Stretch) -> bool:
        """Whether ``write`` would take it now: so that nobody makes bytes in vain."""
        name = record_name(run)
        with self._changed:
            return not self._is_there(name) and self._takes(0)

    def write(self, run: StoredRun) -> bool:
        """Queue a run to be written. Waits for nothing. False: it is there already, or the disk
        is sick, or this is too much at once."""
        name = record_name(run)
        with self._changed:
            if self._is_there(name):
                return False
            if not self._takes(run.nbytes):
                self._dropped_writes += 1
                return False
            self._rate.spend(run.nbytes)
            self._queue[name] = run
            self._changed.notify_all()
        return True

    def clear(self) -> None:
        """Forget this model's runs: from now on none is found, and soon none is on disk."""
        with self._changed:
            self._queue.clear()
            self._shelf.is_clearing = True
            self._changed.notify_all()

    def close(self, flush_s: float) -> None:
        """Write what is queued, for so many seconds at most, and end the thread."""
        with self._changed:
            self._ends_at = time.monotonic() + flush_s
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(flush_s + CLOSING_S)

    @property
    def figures(self) -> DiskFigures:
        with self._changed:
            return DiskFigures(
                disk_bytes=self._shelf.catalogue.nbytes,
                disk_budget_bytes=self._budget_bytes,
                disk_records=len(self._shelf.catalogue),
                disk_problem=self._health.problem,
                written_bytes=self._written_bytes,
                dropped_writes=self._dropped_writes,
                bad_records=self._shelf.bad_records,
            )

    @property
    def _is_closed(self) -> bool:
        return self._ends_at is not None

    def _is_there(self, name: str) -> bool:
        return name in self._queue or name in self._shelf.catalogue

    def _takes(self, size: int) -> bool:
        if self._is_closed or self._health.is_resting or not self._rate.allows:
            return False
        queued = sum(run.nbytes for run in self._queue.values())
        fits_queue = not self._queue or queued + size <= QUEUE_BYTES
        return fits_queue and size <= self._max_record_bytes

    # -- the disk's thread -----------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._scan()
            while not self._is_over:
                self._turn()
        except Exception:
            log.exception("the disk's memory of prompts stopped")
            self._ends_at = 0.0
        finally:
            self._drop_queue()

    def _scan(self) -> None:
        try:
            sweep(self._cache_dir, time.time_ns())
        except OSError as error:
            log.debug("nothing to sweep: %s", error.strerror)
        while not self._shelf.look() and not self._is_closed:
            log.debug("%d records of prompts so far", len(self._shelf.catalogue))
        self._scanned.set()

    def _turn(self) -> None:
        queued = self._next()
        if self._shelf.is_clearing:
            if not self._health.is_resting:
                self._clear_folder()
        elif queued:
            self._save(*queued)
        else:
            self._shelf.look()

    def _next(self) -> tuple[str, StoredRun] | None:
        """What to write; waits a while for something to do."""
        with self._changed:
            if not self._has_work and not self._is_closed:
                self._changed.wait(LOOK_EVERY_S)
            return next(iter(self._queue.items()), None)

    @property
    def _has_work(self) -> bool:
        return bool(self._queue) or (self._shelf.is_clearing and not self._health.is_resting)

    @property
    def _is_over(self) -> bool:
        return self._ends_at is not None and (
            not self._has_work or time.monotonic() >= self._ends_at
        )

    def _is_abandoned(self) -> bool:
        is_late = self._ends_at is not None and time.monotonic() >= self._ends_at
        return is_late or self._shelf.is_clearing

    def _clear_folder(self) -> None:
        try:
            self._shelf.clear()
        except OSError as error:
            self._failed(error)

    def _save(self, name: str, run: StoredRun) -> None:
        try:
            size = self._put(name, run)
        except Abandoned:
            log.debug("a record of prompts was given up half-way")
        except OSError as error:
            self._failed(error)
        else:
            if size:
                self._health.worked()
            with self._changed:
                self._written_bytes += size
                self._queue.pop(name, None)

    def _put(self, name: str, run: StoredRun) -> int:
        """The bytes that were written: 0 if another server was first."""
        self._shelf.look()
        if name in self._shelf.catalogue:
            return 0
        if self._shelf.folder.free_bytes() - run.nbytes < self._min_free_bytes:
            raise OSError(errno.ENOSPC, "it is nearly full")
        pieces = encode(run, self._fingerprint)
        size = self._shelf.folder.write(name, pieces, self._is_abandoned)
        self._shelf.came(name)
        if shrink(self._cache_dir, self._budget_bytes):
            self._shelf.look()
        return size

    def _failed(self, error: OSError) -> None:
        self._health.failed(error)
        self._drop_queue()

    def _drop_queue(self) -> None:
        with self._changed:
            self._dropped_writes += len(self._queue)
            self._queue.clear()
