"""From RAM to the disk: which runs are worth a record, and their bytes, a few at a time."""

import weakref
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pippin.memory.disk import DiskTier
from pippin.memory.planes import Snapshot, planes_of
from pippin.memory.records import StoredRun
from pippin.memory.runs import Run
from pippin.memory.tensors import Plane

MIN_SAVED = 128
"""New tokens that a record should bring: a disk wears by small writes, too."""
MOST_WAITING = 1024
"""Runs. They weigh nothing: what RAM lets go of meanwhile waits no more."""


@dataclass(slots=True)
class _Saving:
    """A run that is being turned into bytes, array by array."""

    run: Run[Snapshot]
    planes: Iterator[Plane]
    done: list[Plane] = field(default_factory=list)


class Saver:
    """Owned by a ``PromptMemory``, on the engine thread: only there arrays become bytes."""

    def __init__(self, disk: DiskTier) -> None:
        self._disk = disk
        self._waiting: deque[weakref.ref[Run[Snapshot]]] = deque()
        """Not to be kept alive: RAM's budget is for what RAM holds."""
        self._saving: _Saving | None = None

    @property
    def nbytes(self) -> int:
        """Of the copies that the disk has not taken yet."""
        made = sum(len(plane.data) for plane in self._saving.done) if self._saving else 0
        return made + self._disk.queued_bytes

    def plan(self, path: Iterable[Run[Snapshot]]) -> None:
        """Queue those runs of a text which the disk does not hold, if together they are worth it;
        a run comes after those that it lies behind."""
        missing = [run for run in path if not self._disk.holds(run)]
        if sum(len(run.tokens) for run in missing) < MIN_SAVED:
            return
        for run in missing:
            if len(self._waiting) < MOST_WAITING and weakref.ref(run) not in self._waiting:
                self._waiting.append(weakref.ref(run))

    def save_some(self, max_bytes: int) -> bool:
        """Turn waiting runs into bytes for the disk, about so many. False: nothing waits."""
        while max_bytes > 0:
            saving = self._saving = self._wanted()
            if saving is None:
                return False
            plane = next(saving.planes, None)
            if plane is None:
                self._write(saving)
            else:
                saving.done.append(plane)
                max_bytes -= len(plane.data)
        return True

    def forget(self) -> None:
        """Nothing waits any more."""
        self._waiting.clear()
        self._saving = None

    def _wanted(self) -> _Saving | None:
        """What to go on with."""
        if self._saving and self._saving.run.held:
            return self._saving
        while self._waiting:
            run = self._waiting.popleft()()
            if run and run.held and self._is_writable(run):
                return _Saving(run, planes_of(run.payload))
        return None

    def _is_writable(self, run: Run[Snapshot]) -> bool:
        return self._disk.wants(run) and run.payload.nbytes <= self._disk.max_record_bytes

    def _write(self, saving: _Saving) -> None:
        run = saving.run
        self._disk.write(
            StoredRun(run.start, run.tokens, run.keys, tuple(saving.done), run.has_state)
        )
        self._saving = None
