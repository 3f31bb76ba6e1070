"""When to write to the disk: not faster than it should wear, and not while it is sick."""

import logging
from collections.abc import Callable

log = logging.getLogger(__name__)

BURST_S = 60
REST_S = 30.0

Clock = Callable[[], float]
"""Seconds that only grow."""


class WriteRate:
    """Bytes per second, with as much saved up as ``BURST_S`` give. A record may overdraw it, so
    that one which is larger than all that can be saved up passes, too; those after it wait.

    Not locked: its owner sees to it that one thread at a time is in here.
    """

    def __init__(self, bytes_per_s: int, clock: Clock) -> None:
        """``bytes_per_s``: 0 lets nothing pass."""
        self._bytes_per_s = bytes_per_s
        self._clock = clock
        self._saved = float(bytes_per_s * BURST_S)
        self._counted_at = clock()

    @property
    def allows(self) -> bool:
        self._count()
        return self._saved > 0

    def spend(self, size: int) -> None:
        self._count()
        self._saved -= size

    def _count(self) -> None:
        now = self._clock()
        earned = (now - self._counted_at) * self._bytes_per_s
        self._saved = min(self._saved + earned, self._bytes_per_s * BURST_S)
        self._counted_at = now


class Health:
    """Whether the disk takes what is written to it. Told by the writing thread, asked by any.

    After a failure nothing is tried for ``REST_S``. The log hears of the first failure and of the
    recovery, not of what lies between.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rests_until = 0.0
        self.problem: str | None = None
        """In words, without a path."""

    @property
    def is_resting(self) -> bool:
        return self.problem is not None and self._clock() < self._rests_until

    def failed(self, error: OSError) -> None:
        words = error.strerror or type(error).__name__
        if self.problem is None:
            log.warning("prompts cannot be saved to the disk: %s; trying again every 30 s", words)
        self.problem = words
        self._rests_until = self._clock() + REST_S

    def worked(self) -> None:
        if self.problem is not None:
            log.info("prompts are saved to the disk again")
        self.problem = None
