"""Decode steps in the midst of a prompt's pass.

On a CPU a model computes while it is called, and attention, which takes most of a long prompt's
time, is called once a layer and works part by part. Between two parts the lanes that decode may
have a step of their own: so they need not wait for a pass to end, and passes need not be short. The
same goes for what is copied for the memory of prompts when a long one is complete.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pippin.engine.lane import Deliver, JobFailed, Output


class Interludes:
    """Those of one step. Owned by the engine, on its thread. Seconds."""

    def __init__(self, decode: Callable[[list[Output]], object]) -> None:
        """``decode``: lets all lanes decode once."""
        self._decode = decode
        self._deliver: Deliver | None = None
        self._patience: float | None = None
        """``None``: nothing that may be interrupted is going on."""
        self._since = 0.0
        """When the lanes had their last step."""
        self._looks = 0
        """In the newest pass."""
        self._failed: list[JobFailed] = []
        self._error: Exception | None = None
        self.seconds = 0.0
        """That they have taken."""
        self.delivered = 0
        """Outputs, before the step's end."""

    def begin(self, deliver: Deliver | None) -> None:
        """The lanes have had a step, and prompts come next. ``None``: nobody takes what comes out
        early, so nothing does."""
        self._deliver, self.seconds, self.delivered = deliver, 0.0, 0
        self._since = time.perf_counter()

    def happen(self) -> bool:
        """Whether the newest pass could be interrupted: not every model calls what looks."""
        return self._looks > 0

    @contextmanager
    def within(self, patience: float | None, outputs: list[Output]) -> Iterator[None]:
        """The pass within may be interrupted each time that lanes have waited so long; ``None``:
        not at all. ``outputs``: what is out by now; all but failures leaves at once."""
        if self._deliver:
            self._put_out(outputs)
        self._patience, self._looks = patience if self._deliver else None, 0
        try:
            yield
        finally:
            self._patience = None

    def look(self) -> None:
        """To be called often by a pass that may be interrupted."""
        self._looks += 1
        self.offer()

    def offer(self) -> None:
        """Lanes may have a step now, if they have waited long enough. Raises nothing: what is none
        of a lane's own failures is no failure of what is interrupted either."""
        if self._patience is None or time.perf_counter() - self._since < self._patience:
            return
        patience: float | None = self._patience
        self._patience = None  # a step is not interrupted itself
        began = time.perf_counter()
        try:
            outputs: list[Output] = []
            self._decode(outputs)
            self._failed += [each for each in outputs if isinstance(each, JobFailed)]
            self._put_out(outputs)
        except Exception as error:  # noqa: BLE001  raised when the pass is over
            patience, self._error = None, error
        finally:
            self._patience, self._since = patience, time.perf_counter()
            self.seconds += self._since - began

    def failures(self) -> list[JobFailed]:
        """What failed in them and is still to be dealt with; to be asked after each pass. Raises
        what was none of a lane's own failures."""
        if self._error:
            raise self._error
        failed, self._failed = self._failed, []
        return failed

    def _put_out(self, outputs: list[Output]) -> None:
        """Deliver all but failures, which are still to be dealt with."""
        ready = [each for each in outputs if not isinstance(each, JobFailed)]
        outputs[:] = [each for each in outputs if isinstance(each, JobFailed)]
        self.delivered += len(ready)
        if ready and self._deliver:
            self._deliver(ready)
