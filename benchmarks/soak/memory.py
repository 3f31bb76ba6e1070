"""The memory of a server, seen from outside, and whether it stays flat."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

MIB = 1 << 20
INTERVAL_S = 1.0
WARM_UP = 0.2
"""Share of the samples in which caches fill and nothing is judged."""
TOLERANCE, TOLERANCE_BYTES = 0.10, 50 * MIB
FEWEST = 10


@dataclass(frozen=True)
class Sample:
    """Resident bytes at a moment, in seconds since the start."""

    time: float
    gateway: int
    workers: int


@dataclass(frozen=True)
class Judgement:
    """One process over a soak. Bytes; slope in bytes a minute."""

    first_half: float
    second_half: float
    peak: int
    slope: float

    @property
    def flat(self) -> bool:
        """The second half's median is at most a tenth and 50 MiB above the first half's."""
        return self.second_half <= self.first_half * (1 + TOLERANCE) + TOLERANCE_BYTES


class TooShort(Exception):
    """Too few samples to judge by."""


class Sampler:
    """Looks at a server every second, on the loop that runs ``watch``."""

    def __init__(self, gateway: psutil.Process) -> None:
        self.samples: list[Sample] = []
        self._gateway = gateway
        self._start = time.monotonic()

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            self.samples.append(self._sample())
            await asyncio.sleep(INTERVAL_S)

    def _sample(self) -> Sample:
        workers = 0
        for process in self._gateway.children(recursive=True):
            try:
                workers += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue  # it ended a moment ago
        return Sample(time.monotonic() - self._start, self._gateway.memory_info().rss, workers)


def judge(points: Sequence[tuple[float, int]]) -> Judgement:
    """Of (seconds, bytes), in order. Raises TooShort."""
    kept = points[int(len(points) * WARM_UP) :]
    if len(kept) < FEWEST:
        raise TooShort(f"{len(kept)} samples of memory after the warm-up; {FEWEST} are needed")
    half = len(kept) // 2
    first, second = (
        statistics.median(size for _, size in part) for part in (kept[:half], kept[half:])
    )
    slope = statistics.linear_regression([t for t, _ in kept], [size for _, size in kept]).slope
    return Judgement(first, second, max(size for _, size in points), slope * 60)
