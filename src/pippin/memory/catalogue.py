"""Which records are known to be in a folder, and what they cover."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pippin.memory.index import Match, PrefixIndex, Run
from pippin.memory.records import RecordHead, Tokens


@dataclass(slots=True)
class RecordRef:
    """Where a run lies on the disk."""

    name: str
    nbytes: int
    """Of the file."""
    touched_at: float = 0.0
    """When this server last told the disk that the record was used; on the tier's clock."""


KnownRun = Run[RecordRef]


class Catalogue:
    """Owned by a ``DiskTier``; any thread may call. Its lock is held for short arithmetic only,
    never while the disk is waited for.

    A record whose beginning is not here (yet), or that brings nothing new, is known but found by
    no match, until what is before it comes or what holds the same goes.
    """

    def __init__(self, *, needs_state: bool) -> None:
        self._needs_state = needs_state
        self._lock = threading.Lock()
        self._forget_all()

    def clear(self) -> None:
        with self._lock:
            self._forget_all()

    def _forget_all(self) -> None:
        self._index: PrefixIndex[RecordRef] = PrefixIndex(needs_state=self._needs_state)
        self._known: dict[str, KnownRun] = {}
        self._orphans: dict[bytes, list[KnownRun]] = {}
        """By their first key, which nothing that is held leads up to."""
        self._refused: set[str] = set()

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, name: str) -> bool:
        return name in self._known

    @property
    def nbytes(self) -> int:
        with self._lock:
            return sum(run.payload.nbytes for run in self._known.values())

    def match(self, tokens: Tokens, keys: Sequence[bytes], limit: int) -> Match[RecordRef]:
        with self._lock:
            return self._index.match(tokens, keys, limit)

    def before(self, name: str) -> list[KnownRun]:
        """The records that one lies behind, nearest first; none if it cannot be found."""
        with self._lock:
            run = self._known.get(name)
            return self._index.before(run) if run and run.held else []

    def see(self, names: set[str]) -> list[str]:
        """These names are in the folder, and no others. Returns those to be looked into."""
        with self._lock:
            self._drop(self._known.keys() - names)
            self._refused &= names
            return sorted(names - self._known.keys() - self._refused)

    def add(self, name: str, head: RecordHead, nbytes: int) -> None:
        with self._lock:
            if name in self._known:
                return
            ref = RecordRef(name, nbytes)
            run = Run(head.start, head.tokens, head.keys, ref, head.has_state)
            self._known[name] = run
            self._enter(run)

    def forget(self, name: str) -> None:
        """It is gone, or not to be used."""
        with self._lock:
            self._drop([name])

    def refuse(self, name: str) -> None:
        """Not to be looked into again while it lies there."""
        with self._lock:
            self._drop([name])
            self._refused.add(name)

    def allow(self, name: str) -> None:
        """What lay there under a refused name is gone."""
        with self._lock:
            self._refused.discard(name)

    def _enter(self, run: KnownRun) -> None:
        entering = [run]
        for each in entering:
            try:
                is_new = self._index.add(each)
            except ValueError:
                self._orphans.setdefault(each.keys[0], []).append(each)
                continue
            if is_new:
                for key in each.keys[1:]:
                    entering += self._orphans.pop(key, [])

    def _drop(self, names: Iterable[str]) -> None:
        dropped = [self._known.pop(name) for name in list(names) if name in self._known]
        for run in dropped:
            self._index.remove(run)
        if dropped:
            self._enter_the_rest()

    def _enter_the_rest(self) -> None:
        """What was dropped may have held what another record holds, too."""
        self._orphans.clear()
        rest = [run for run in self._known.values() if not run.held]
        for run in sorted(rest, key=lambda run: run.start):
            self._enter(run)
