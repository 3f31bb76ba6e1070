"""Facts of models, read again only when their files have changed."""

import os
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from pippin.formats.errors import BadModelFile
from pippin.formats.facts import ModelFacts
from pippin.formats.folder import facts_of

MAX_FILES = 10_000
"""Of one folder. No model has nearly as many."""

Signature = tuple[tuple[str, int, int], ...]


class Known(NamedTuple):
    """What looking at a model's files gave: one of the two is ``None``."""

    facts: ModelFacts | None
    problem: str | None


class FactsReader:
    """Remembers what it read of each path. Owned by the catalogue; used by one thread at a time."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[Signature, Known]] = {}
        self._asked: set[Path] = set()

    def read(self, path: Path) -> Known:
        """The facts of a folder or file, or why there are none. Does I/O."""
        self._asked.add(path)
        signature = _signature(path)
        before = self._known.get(path)
        if before is not None and before[0] == signature:
            return before[1]
        known = _read(path)
        self._known[path] = (signature, known)
        return known

    def forget_others(self) -> None:
        """Keep what is known of those paths only that were read since the last time."""
        self._known = {path: known for path, known in self._known.items() if path in self._asked}
        self._asked = set()


def _read(path: Path) -> Known:
    try:
        return Known(facts_of(path), None)
    except BadModelFile as error:
        return Known(None, str(error))


def _signature(path: Path) -> Signature:
    """Names, sizes and times of the files: empty if they cannot be seen."""
    try:
        paths = [path]
        if path.is_dir():
            with os.scandir(path) as found:
                paths += [Path(one.path) for one in islice(found, MAX_FILES)]
        stats = [(str(one), one.stat()) for one in sorted(paths)]
    except OSError:
        return ()
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)
