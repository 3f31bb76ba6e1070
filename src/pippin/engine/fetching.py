"""Jobs that wait for the disk: it remembers more of their prompts than RAM."""

import logging
from collections.abc import Callable, Iterator

from pippin.engine.lane import Job
from pippin.memory.prompts import PromptMemory

log = logging.getLogger(__name__)

PATIENCE_S = 10.0
"""A disk that takes longer is not waited for."""


class Fetching:
    """Owned by the engine, on its thread. ``clock``: seconds. Iterates over the jobs' ids."""

    def __init__(self, memory: PromptMemory | None, clock: Callable[[], float]) -> None:
        self._memory = memory
        self._clock = clock
        self._waiting: dict[int, tuple[Job, float]] = {}
        """Jobs, and until when they wait."""

    def take(self, job: Job) -> bool:
        """Whether the disk is being read for a job, because it knows more of it than RAM. Then
        the job waits in here."""
        text = job.first_text
        if self._memory is None or text is None or job.score_prompt:
            return False
        if not self._memory.fetch(job.id, text, len(text) - 1):
            return False
        self._waiting[job.id] = job, self._clock() + PATIENCE_S
        return True

    def leave(self, job_id: int) -> None:
        """A job waits no more. Unknown ids are no error."""
        self._waiting.pop(job_id, None)

    def done(self) -> Iterator[tuple[Job, bool]]:
        """Jobs that wait no more, and whether the disk brought anything; it is in RAM now."""
        for job_id, came in self._memory.fetched() if self._memory else ():
            if job_id in self._waiting:
                job, _ = self._waiting.pop(job_id)
                yield job, came
        now = self._clock()
        for job, until in list(self._waiting.values()):
            if until < now:
                log.warning("the disk's memory of prompts is slow: a prompt is computed instead")
                self.leave(job.id)
                yield job, False

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[int]:
        return iter(self._waiting)
