"""The memory of prompts on disk: what survives a restart, and what other servers remembered."""

import errno
import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

from pippin.memory.backlog import Backlog
from pippin.memory.figures import DiskFigures
from pippin.memory.folder import Abandoned, NotAFile
from pippin.memory.pacing import Clock, Health
from pippin.memory.records import StoredRun, Stretch, Tokens, record_name
from pippin.memory.shelf import Shelf

log = logging.getLogger(__name__)

GIB = 1024**3
SCAN_PATIENCE_S = 2.0
"""How long a read waits for the first look at the folder."""
LOOK_EVERY_S = 2.0
ALL = 2**62
"""Bytes: no bound."""
CLOSING_S = 5.0
"""Patience for the call to the disk that is under way when the time to close is over."""


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
        self._budget_bytes = budget_bytes
        self.max_record_bytes = min(max_record_bytes, budget_bytes)
        self._shelf = Shelf(
            cache_dir,
            fingerprint=fingerprint,
            needs_state=needs_state,
            budget_bytes=budget_bytes,
            max_record_bytes=max_record_bytes,
            min_free_bytes=min_free_bytes,
            clock=clock,
        )
        self._scanned = threading.Event()
        self._health = Health(clock)
        self._changed = threading.Condition()
        """Guards all that follows."""
        self._queue = Backlog(
            bytes_per_s=write_bytes_per_s, max_record_bytes=self.max_record_bytes, clock=clock
        )
        self._clearings: list[Future[None]] = []
        """Whoever waits for the folder to be empty."""
        self._ends_at: float | None = None
        """When ``close`` gives up writing, by ``time.monotonic``; None: not closed."""
        self._has_ended = False
        self._written_bytes = 0
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

    def read(
        self, tokens: Tokens, keys: Sequence[bytes], limit: int, held: int, max_bytes: int = ALL
    ) -> list[StoredRun]:
        """The verified runs that cover the most of the first ``limit`` tokens, in order, without
        those that end before ``held``, which the caller has. None if there is nothing beyond.
        Their records together have at most ``max_bytes``.

        Waits for the disk: a thread that may wait calls it.
        """
        if self._is_closed or not self._scanned.wait(SCAN_PATIENCE_S):
            return []
        self._shelf.look()
        return self._shelf.read(tokens, keys, limit, held, max_bytes)

    # -- writing ---------------------------------------------------------------------------------

    def holds(self, run: Stretch) -> bool:
        """Whether it is there, or waits to be written."""
        with self._changed:
            return self._is_there(record_name(run))

    def wants(self, run: Stretch) -> bool:
        """Whether ``write`` would take it now: so that nobody makes bytes in vain."""
        with self._changed:
            return not self._is_there(record_name(run)) and self._takes(0)

    def write(self, run: StoredRun) -> bool:
        """Queue a run to be written. Waits for nothing. False: it is there already, or the disk
        is sick, or this is too much at once."""
        name = record_name(run)
        with self._changed:
            if self._is_there(name):
                return False
            if not self._takes(run.nbytes):
                self._queue.dropped += 1
                return False
            self._queue.put(name, run)
            self._changed.notify_all()
        return True

    def clear(self) -> Future[None]:
        """Forget this model's runs. From now on none is found; when the result is there, none is
        on disk. What is written from now on stays.

        The result raises: OSError if the disk refuses. It is tried again, and none is found
        meanwhile.
        """
        cleared: Future[None] = Future()
        cleared.set_running_or_notify_cancel()  # so nobody can cancel it
        with self._changed:
            self._queue.forget()
            self._shelf.is_clearing = True
            self._clearings.append(cleared)
            if self._has_ended:
                self._fail_clearings(_ended())
            self._changed.notify_all()
        return cleared

    def close(self, flush_s: float) -> None:
        """Write what is queued, for so many seconds at most, and end the thread."""
        with self._changed:
            self._ends_at = time.monotonic() + flush_s
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(flush_s + CLOSING_S)

    @property
    def queued_bytes(self) -> int:
        """Of what waits to be written."""
        with self._changed:
            return self._queue.nbytes

    @property
    def figures(self) -> DiskFigures:
        with self._changed:
            return DiskFigures(
                disk_bytes=self._shelf.catalogue.nbytes,
                disk_budget_bytes=self._budget_bytes,
                disk_records=len(self._shelf.catalogue),
                disk_problem=self._health.problem,
                written_bytes=self._written_bytes,
                dropped_writes=self._queue.dropped,
                bad_records=self._shelf.bad_records,
            )

    @property
    def _is_closed(self) -> bool:
        return self._ends_at is not None

    def _is_there(self, name: str) -> bool:
        is_known = not self._shelf.is_clearing and name in self._shelf.catalogue
        return is_known or name in self._queue

    def _takes(self, size: int) -> bool:
        return not self._is_closed and not self._health.is_resting and self._queue.takes(size)

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
            with self._changed:
                self._has_ended = True
                self._queue.drop()
                self._fail_clearings(_ended())

    def _scan(self) -> None:
        self._shelf.sweep()
        while not self._shelf.look() and not self._is_closed:
            continue
        self._scanned.set()

    def _turn(self) -> None:
        queued = self._next()
        if self._may_clear:
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
            return self._queue.first

    @property
    def _has_work(self) -> bool:
        return bool(self._queue) or self._may_clear

    @property
    def _may_clear(self) -> bool:
        """A sick disk is left in peace, but for everyone who asks it is tried once."""
        is_well = not self._health.is_resting
        return self._shelf.is_clearing and (is_well or bool(self._clearings))

    @property
    def _is_late(self) -> bool:
        return self._ends_at is not None and time.monotonic() >= self._ends_at

    @property
    def _is_over(self) -> bool:
        return self._is_closed and (self._is_late or not self._has_work)

    def _is_abandoned(self) -> bool:
        return self._is_late or self._shelf.is_clearing

    def _clear_folder(self) -> None:
        with self._changed:
            asking = len(self._clearings)
        try:
            self._shelf.clear()
        except OSError as error:
            self._failed(error)
            with self._changed:
                self._fail_clearings(error)
            return
        with self._changed:
            for cleared in self._clearings[:asking]:
                cleared.set_result(None)
            del self._clearings[:asking]
            self._shelf.is_clearing = bool(self._clearings)

    def _fail_clearings(self, error: OSError) -> None:
        for cleared in self._clearings:
            cleared.set_exception(error)
        self._clearings.clear()

    def _save(self, name: str, run: StoredRun) -> None:
        size = 0
        try:
            size = self._shelf.put(name, run, self._is_abandoned)
        except Abandoned:
            log.debug("a record of prompts was given up half-way")
            return
        except NotAFile as error:
            log.debug("a record of prompts is not written: %s", error)
        except OSError as error:
            self._failed(error)
            return
        if size:
            self._health.worked()
        with self._changed:
            self._written_bytes += size
            self._queue.done(name, run)

    def _failed(self, error: OSError) -> None:
        self._health.failed(error)
        with self._changed:
            self._queue.drop()


def _ended() -> OSError:
    return OSError(errno.ESHUTDOWN, "the memory of prompts on disk has ended")
