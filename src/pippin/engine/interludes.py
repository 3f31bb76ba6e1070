"""Decode steps in the midst of a prompt's pass.

On a CPU a model computes while it is called, and attention, which takes most of a long prompt's
time, is called once a layer and works part by part. Between two parts the lanes that decode may
have a step of their own: so they need not wait for a pass to end, and passes need not be short.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Interludes:
    """Owned by the engine, on its thread. Seconds."""

    def __init__(self, step: Callable[[], None]) -> None:
        """``step``: lets all lanes decode once."""
        self._step = step
        self._patience: float | None = None
        """``None``: nothing that may be interrupted is going on."""
        self._since = 0.0
        """When the lanes had their last step."""
        self.seconds = 0.0
        """That all interludes have taken."""

    @contextmanager
    def within(self, patience: float | None) -> Iterator[None]:
        """What happens within may be interrupted each time that lanes have waited so long;
        ``None``: not at all."""
        self._patience, self._since = patience, time.perf_counter()
        try:
            yield
        finally:
            self._patience = None

    def look(self) -> None:
        """To be called often by what may be interrupted."""
        if self._patience is None or time.perf_counter() - self._since < self._patience:
            return
        patience, self._patience = self._patience, None  # a step is not interrupted itself
        began = time.perf_counter()
        try:
            self._step()
        finally:
            self._patience, self._since = patience, time.perf_counter()
            self.seconds += self._since - began
