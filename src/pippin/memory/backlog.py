"""Runs that wait to be written: so many, so large, so fast, and no more."""

from pippin.memory.pacing import Clock, WriteRate
from pippin.memory.records import StoredRun

BACKLOG_BYTES = 256 << 20
BACKLOG_RUNS = 1024


class Backlog:
    """By the names of their records, oldest first. Owned by a ``DiskTier``, which sees to it that
    one thread at a time is in here."""

    def __init__(self, *, bytes_per_s: int, max_record_bytes: int, clock: Clock) -> None:
        self.max_record_bytes = max_record_bytes
        self.dropped = 0
        """Runs that were refused or given up, ever."""
        self._runs: dict[str, StoredRun] = {}
        self._rate = WriteRate(bytes_per_s, clock)

    def __len__(self) -> int:
        return len(self._runs)

    def __contains__(self, name: str) -> bool:
        return name in self._runs

    @property
    def nbytes(self) -> int:
        return sum(run.nbytes for run in self._runs.values())

    @property
    def first(self) -> tuple[str, StoredRun] | None:
        return next(iter(self._runs.items()), None)

    def takes(self, size: int) -> bool:
        """Whether so many bytes may join now. Where none wait, one run may be larger than all
        that may wait together."""
        fits = not self._runs or self.nbytes + size <= BACKLOG_BYTES
        return (
            fits
            and len(self._runs) < BACKLOG_RUNS
            and size <= self.max_record_bytes
            and self._rate.allows
        )

    def put(self, name: str, run: StoredRun) -> None:
        self._rate.spend(run.nbytes)
        self._runs[name] = run

    def done(self, name: str, run: StoredRun) -> None:
        """It need not be written any more. Another one that came under its name waits on."""
        if self._runs.get(name) is run:
            del self._runs[name]

    def forget(self) -> None:
        """None is wanted any more."""
        self._runs.clear()

    def drop(self) -> None:
        """None can be written."""
        self.dropped += len(self._runs)
        self._runs.clear()
