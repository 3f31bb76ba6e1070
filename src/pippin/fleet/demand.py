"""Who wants something of a model: those who are at work with it, and those who wait for it."""

import asyncio


class Demand:
    """Counts them, and knows since when. Owned by the model's supervisor; on the event loop."""

    def __init__(self) -> None:
        self.holders = 0
        """At work with it: while there are any, it is not unloaded."""
        self.waiting = 0
        self.used = 0.0
        """When it last had something to do."""
        self.since: float | None = None
        """Since when somebody waits for it to be loaded."""
        self.soft = False
        """It is only to be loaded if there is room for it now: nobody waits."""

    def want(self, *, soft: bool = False) -> None:
        """It is to be loaded. Who really waits is stronger than who does not."""
        self.soft = soft and (self.soft or self.since is None)
        if self.since is None:
            self.since = now()

    def settle(self) -> None:
        """It is loaded, or is not going to be."""
        self.since, self.soft = None, False

    def take(self) -> None:
        self.holders += 1
        self.used = now()

    def release(self) -> None:
        self.holders -= 1
        self.used = now()


def now() -> float:
    """Seconds of the event loop's clock."""
    return asyncio.get_running_loop().time()
