"""A disk that is as sick as it is told to be."""

import errno
import os
import threading
from dataclasses import replace
from typing import Any, Literal

from pippin.memory.disk import DiskTier
from pippin.memory.records import StoredRun, Stretch

Mood = Literal["well", "late", "raises", "nothing", "gaps", "misfits", "refuses"]
MOODS: tuple[Mood, ...] = ("well", "late", "raises", "nothing", "gaps", "misfits", "refuses")


class FaultyDisk(DiskTier):
    """``late``: reading waits for a better mood. ``gaps``: the first of the runs is missing.
    ``misfits``: they lack what this model's caches have. ``refuses``: to be written to."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._mood: Mood = "well"
        self._answers = threading.Event()
        self._answers.set()

    @property
    def mood(self) -> Mood:
        return self._mood

    @mood.setter
    def mood(self, mood: Mood) -> None:
        self._mood = mood
        if mood == "late":
            self._answers.clear()
        else:
            self._answers.set()

    def read(self, *given: Any, **more: Any) -> list[StoredRun]:
        self._answers.wait()
        runs = super().read(*given, **more)
        match self.mood:
            case "raises":
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            case "nothing":
                return []
            case "gaps":
                return runs[1:]
            case "misfits":
                return [replace(run, planes=run.planes[:-1]) for run in runs]
        return runs

    def wants(self, run: Stretch) -> bool:
        return self.mood != "refuses" and super().wants(run)

    def write(self, run: StoredRun) -> bool:
        return self.mood != "refuses" and super().write(run)
