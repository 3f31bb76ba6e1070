"""One model's records, as they are on disk: looking, reading, writing, forgetting."""

import errno
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, TypeVar

from pippin.memory.catalogue import Catalogue, KnownRun, RecordRef
from pippin.memory.folder import Folder, NotAFile
from pippin.memory.housekeeping import shrink, sweep
from pippin.memory.index import Match, Piece
from pippin.memory.pacing import Clock
from pippin.memory.records import (
    BadRecord,
    StoredRun,
    Stretch,
    Tokens,
    decode,
    encode,
    read_head,
    record_name,
)

log = logging.getLogger(__name__)

LOOK_PATIENCE_S = 1.0
"""How long to wait for another thread that looks at the folder."""
MOST_NEW = 256
"""Records that one look reads the heads of."""
SETTLED_NS = 2_000_000_000
"""A folder that changed so recently may change again under the same time stamp."""
TOUCH_EVERY_S = 60.0

Named = TypeVar("Named", bound=Stretch)
Parse = Callable[[BinaryIO, int, bytes], Named]


class Shelf:
    """The records in a model's folder, and what is known of them. Owned by a ``DiskTier``; any
    thread may call. Records come and go by other servers' hands: ``look`` notices.
    """

    def __init__(
        self,
        cache_dir: Path,
        *,
        fingerprint: bytes,
        needs_state: bool,
        budget_bytes: int,
        max_record_bytes: int,
        min_free_bytes: int,
        clock: Clock,
    ) -> None:
        """As of the ``DiskTier``; ``budget_bytes`` is for the records of all models together."""
        self.folder = Folder(cache_dir, fingerprint)
        self.catalogue = Catalogue(needs_state=needs_state)
        self.bad_records = 0
        self.is_clearing = False
        """Nothing is found. Set by the owner, until ``clear`` has emptied the folder."""
        self._cache_dir = cache_dir
        self._fingerprint = fingerprint
        self._budget_bytes = budget_bytes
        self._max_record_bytes = max_record_bytes
        self._min_free_bytes = min_free_bytes
        self._clock = clock
        self._counting = threading.Lock()
        self._looking = threading.Lock()
        self._seen_ns: int | None = None
        """The folder's time stamp at the last look, if that can be relied upon."""

    def match(self, tokens: Tokens, keys: Sequence[bytes], limit: int) -> int:
        """Tokens that the known records cover. Does not touch the disk."""
        if self.is_clearing:
            return 0
        return self.catalogue.match(tokens, keys, limit).length

    def read(
        self, tokens: Tokens, keys: Sequence[bytes], limit: int, held: int, max_bytes: int
    ) -> list[StoredRun]:
        """See ``DiskTier.read``. Reads on with what is left when a record turns out to be gone or
        damaged, and with less of the text where all is too much; each time there is a record
        less, so it ends."""
        read: dict[str, StoredRun] = {}
        while not self.is_clearing:
            match = self.catalogue.match(tokens, keys, limit)
            if match.length:
                self._touch_if_due(match)
            if match.length <= held:
                break
            pieces = [piece for piece in match.pieces if piece.high > held]
            too_much = _beyond(pieces, max_bytes)
            if too_much:
                limit = too_much.low
            elif all(self._read_into(read, piece.run.payload) for piece in pieces):
                return [read[piece.run.payload.name] for piece in pieces]
        return []

    def look(self) -> bool:
        """See what came and went. False: there is more to look into, or somebody else looks."""
        if not self._looking.acquire(timeout=LOOK_PATIENCE_S):
            return False
        try:
            return self.is_clearing or self._compare()
        except (FileNotFoundError, NotADirectoryError):
            self._seen_ns = None
            self.catalogue.see(set())
            return True
        except OSError:
            # What is known may still be true, and is verified before it is used.
            return True
        finally:
            self._looking.release()

    def sweep(self) -> None:
        """Remove what killed servers left half-written, of any model."""
        try:
            sweep(self._cache_dir, time.time_ns())
        except OSError as error:
            log.debug("nothing to sweep: %s", error.strerror)

    def put(self, name: str, run: StoredRun, is_abandoned: Callable[[], bool]) -> int:
        """Write a record, for which older ones may have to go. The bytes that were written: 0 if
        another server was first.

        Raises:
            OSError: the disk refuses, or is nearly full.
            Abandoned, NotAFile: as ``Folder.write``.
        """
        self.look()
        if name in self.catalogue:
            return 0
        if self.folder.free_bytes() - run.nbytes < self._min_free_bytes:
            raise OSError(errno.ENOSPC, "it is nearly full")
        size = self.folder.write(name, encode(run, self._fingerprint), is_abandoned)
        self._came(name)
        if shrink(self._cache_dir, self._budget_bytes):
            self.look()
        return size

    def clear(self) -> None:
        """Remove all records of this model.

        Raises:
            OSError: some may be left.
        """
        with self._looking:
            try:
                self.folder.remove(self.folder.names())
            except FileNotFoundError:
                log.debug("there is no folder to be cleared")
            self._seen_ns = None
            self.catalogue.clear()

    def _came(self, name: str) -> None:
        """A record was written: what it lies behind is worth as much, and has to stay longer."""
        self.catalogue.allow(name)
        self.look()
        self._touch(self.catalogue.before(name))

    def _compare(self) -> bool:
        changed_ns = self.folder.changed_ns()
        if changed_ns == self._seen_ns:
            return True
        new = self.catalogue.see(self.folder.names())
        for name in new[:MOST_NEW]:
            self._meet(name)
        is_done = len(new) <= MOST_NEW
        is_settled = time.time_ns() - changed_ns > SETTLED_NS
        self._seen_ns = changed_ns if is_done and is_settled else None
        return is_done

    def _meet(self, name: str) -> None:
        if found := self._verified(name, read_head, self._max_record_bytes):
            head, size = found
            self.catalogue.add(name, head, size)

    def _read_into(self, read: dict[str, StoredRun], record: RecordRef) -> bool:
        """Whether the record is whole; if not, it is known no more."""
        name = record.name
        if name not in read and (found := self._verified(name, decode, record.nbytes)):
            read[name], _ = found
        return name in read

    def _verified(self, name: str, parse: Parse[Named], most: int) -> tuple[Named, int] | None:
        """What a record says, and the file's size, which must not be above ``most``. None: there
        is no such record to be used, and now none is known; a damaged one is removed."""
        try:
            with self.folder.reading(name) as (file, size):
                if size > most:
                    raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
                found = parse(file, size, self._fingerprint)
            if record_name(found) != name:
                raise BadRecord("its name is another one's")
        except BadRecord as error:
            self._discard(name, error)
        except (FileNotFoundError, NotAFile):
            self.catalogue.forget(name)
        except OSError as error:
            log.debug("a record of prompts cannot be read: %s", error.strerror)
            self.catalogue.refuse(name)
        else:
            return found, size
        return None

    def _discard(self, name: str, why: Exception) -> None:
        log.warning("a record of prompts is not used and removed: %s", why)
        self.catalogue.refuse(name)
        with self._counting:
            self.bad_records += 1
        try:
            self.folder.remove([name])
            self.catalogue.allow(name)
        except OSError as error:
            log.debug("a damaged record of prompts cannot be removed: %s", error.strerror)

    def _touch_if_due(self, match: Match[RecordRef]) -> None:
        runs = [piece.run for piece in reversed(match.pieces)]
        due_before = self._clock() - TOUCH_EVERY_S
        if any(run.payload.touched_at < due_before for run in runs):
            self._touch(runs)

    def _touch(self, runs: Sequence[KnownRun]) -> None:
        """Used now; ``runs`` begin with the deepest, since whoever makes room by age must find
        it before those which it needs."""
        for run in runs:
            run.payload.touched_at = self._clock()
        try:
            self.folder.touch([run.payload.name for run in runs], time.time_ns())
        except OSError as error:
            log.debug("records of prompts cannot be marked as used: %s", error.strerror)


def _beyond(pieces: Sequence[Piece[RecordRef]], max_bytes: int) -> Piece[RecordRef] | None:
    """The first whose record makes all up to it larger than that."""
    total = 0
    for piece in pieces:
        total += piece.run.payload.nbytes
        if total > max_bytes:
            return piece
    return None
