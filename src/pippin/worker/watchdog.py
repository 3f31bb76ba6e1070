"""Sees that the engine gets on."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

log = logging.getLogger(__name__)

LOOKS = 10
"""How often to look for progress before the patience is over."""


class Worker(Protocol):
    """What is watched: an ``EngineThread``."""

    @property
    def busy(self) -> bool:
        """Whether there is work."""

    @property
    def progress(self) -> int:
        """Changes with whatever is done."""


async def watch(worker: Worker, patience_s: float, on_stall: Callable[[], None]) -> None:
    """Until it stalls, on the event loop: somebody who has work and gets nowhere will not get
    anywhere, and the gateway must not wait for it. Progress is what counts, not that a loop turns.
    """
    stalled, before = 0, worker.progress
    while stalled < LOOKS:
        await asyncio.sleep(patience_s / LOOKS)
        now = worker.progress
        stalled = stalled + 1 if worker.busy and now == before else 0
        before = now
    log.critical("the engine had work and did nothing for %g seconds", patience_s)
    on_stall()
