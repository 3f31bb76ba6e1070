"""How fast answers come and go, to tell a client when to try again."""

import asyncio
import math
from collections import deque

LOOK_BACK = 64
"""Answers: enough for a steady figure, few enough to follow a change."""
LONGEST_S = 60
"""A longer guess would be no better than this one."""


class Turnover:
    """Counts the ends of answers since the worker was last idle. On the event loop's thread."""

    def __init__(self) -> None:
        self._ends: deque[float] = deque(maxlen=LOOK_BACK)
        self.begin()

    def begin(self) -> None:
        """Work begins after a pause, of which the rate must know nothing."""
        self._ends.clear()
        self._ends.append(_now())

    def ended(self) -> None:
        self._ends.append(_now())

    def seconds_for(self, places: int) -> int:
        """A guess of how long it takes until so many answers have ended, from 1 to 60 s."""
        per_answer = (_now() - self._ends[0]) / max(len(self._ends) - 1, 1)
        return min(max(math.ceil(places * per_answer), 1), LONGEST_S)


def _now() -> float:
    return asyncio.get_running_loop().time()
