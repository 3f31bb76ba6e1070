"""How long to wait before a worker is started again."""

from dataclasses import dataclass

CALM_S = 60.0
"""A worker that lived for so long has nothing to do with the deaths before it."""
FIRST_PAUSES = 2
"""Deaths after which the next worker is started at once: answers wait for it."""
PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
LOOP = 3
"""Deaths in a row that are a crash loop: nobody is let wait for the next worker any more."""


@dataclass(slots=True)
class Backoff:
    """Counts the deaths of a model's workers, one shortly after the other. Owned by the
    supervisor."""

    deaths: int = 0

    def died(self, lived_s: float) -> None:
        """A worker has died; it was ready for so long, 0 if it never was."""
        self.deaths = 1 if lived_s >= CALM_S else self.deaths + 1

    def forget(self) -> None:
        """Somebody wants a new beginning."""
        self.deaths = 0

    @property
    def looping(self) -> bool:
        return self.deaths >= LOOP

    @property
    def pause_s(self) -> float:
        """Until the next start: none at first, then doubling."""
        further = self.deaths - FIRST_PAUSES
        return 0.0 if further <= 0 else min(PAUSE_S * 2.0 ** (further - 1), LONGEST_PAUSE_S)
