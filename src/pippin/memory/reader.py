"""Reading ahead: what the disk remembers of prompts that wait to begin."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pippin.memory.disk import DiskTier
from pippin.memory.records import StoredRun
from pippin.memory.text import Text

log = logging.getLogger(__name__)

AHEAD_BYTES = 256 << 20
"""While more than this is read and not taken, no further reading begins."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What to read: of a text's first ``limit`` tokens those after the first ``held``."""

    id: int
    text: Text
    limit: int
    held: int
    max_bytes: int


class Reader:
    """Owned by a ``PromptMemory``. It reads on a thread of its own, one wish after the other; its
    methods are the engine thread's."""

    def __init__(self, disk: DiskTier, on_read: Callable[[], None]) -> None:
        """``on_read`` is called on the reading thread when there is something to be taken."""
        self._disk = disk
        self._on_read = on_read
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="memory-reader")
        self._changed = threading.Condition()
        """Guards all that follows."""
        self._read: deque[tuple[Wish, list[StoredRun]]] = deque()
        self._nbytes = 0
        self._is_closed = False

    def begin(self, wish: Wish) -> None:
        self._thread.submit(self._fulfil, wish)

    def taken(self) -> Iterator[tuple[Wish, list[StoredRun]]]:
        """Every wish comes back once, with the runs that were found; none, if reading failed."""
        while True:
            with self._changed:
                if not self._read:
                    return
                wish, runs = self._read.popleft()
                self._nbytes -= _nbytes(runs)
                self._changed.notify_all()
            yield wish, runs

    @property
    def nbytes(self) -> int:
        """Of what is read and not taken."""
        with self._changed:
            return self._nbytes

    def close(self) -> None:
        """Read no more. Waits for nothing."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._thread.shutdown(wait=False, cancel_futures=True)

    # -- the reading thread ----------------------------------------------------------------------

    def _fulfil(self, wish: Wish) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._nbytes < AHEAD_BYTES or self._is_closed)
        runs: list[StoredRun] = []
        try:
            text = wish.text
            runs = self._disk.read(text.tokens, text.keys, wish.limit, wish.held, wish.max_bytes)
        except Exception:
            log.exception("the disk's memory of prompts could not be read")
        finally:
            with self._changed:
                self._read.append((wish, runs))
                self._nbytes += _nbytes(runs)
            self._on_read()


def _nbytes(runs: list[StoredRun]) -> int:
    return sum(run.nbytes for run in runs)
