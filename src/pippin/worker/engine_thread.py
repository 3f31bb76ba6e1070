"""The thread that owns MLX."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence

from pippin.engine.engine import Engine, IntegrityError
from pippin.engine.lane import Job, Output

log = logging.getLogger(__name__)

Deliver = Callable[[Sequence[Output]], None]
Command = Callable[[Engine], None]

REST_AFTER_S = 0.05
"""Idle for this long, the engine gives unused memory back and checks its books."""


class EngineThread:
    """Makes the engine and runs its loop. Commands go in from any thread and are taken at the
    next step; outputs go to ``deliver``, on this thread, which must not wait for anything.

    If the loop itself breaks, ``on_death`` is called and the engine runs no more.
    """

    def __init__(
        self, make_engine: Callable[[], Engine], deliver: Deliver, on_death: Callable[[], None]
    ) -> None:
        self._make_engine = make_engine
        self._deliver = deliver
        self._on_death = on_death
        self._commands: deque[Command] = deque()
        self._wake = threading.Event()
        self._load = (0, 0, 0)
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def submit(self, job: Job) -> None:
        self._command(lambda engine: engine.submit(job))

    def cancel(self, job_id: int, index: int | None = None) -> None:
        """All of a job, or one of its choices."""
        self._command(lambda engine: engine.cancel(job_id, index))

    @property
    def load(self) -> tuple[int, int, int]:
        """Lanes decoding, jobs in prefill, jobs waiting, as of the last step."""
        return self._load

    def _command(self, command: Command) -> None:
        self._commands.append(command)
        self._wake.set()

    def _run(self) -> None:
        try:
            engine = self._make_engine()
            while True:
                self._turn(engine)
        except Exception:
            log.exception("the engine stopped")
            self._on_death()

    def _turn(self, engine: Engine) -> None:
        if engine.idle and not self._commands:
            self._rest(engine)
        self._wake.clear()
        while self._commands:
            self._commands.popleft()(engine)
        outputs = engine.step()
        self._load = engine.load
        if outputs:
            self._deliver(outputs)

    def _rest(self, engine: Engine) -> None:
        """Nothing to do: see that nothing is left over, then wait for a command."""
        self._load = engine.load
        if self._wake.wait(timeout=REST_AFTER_S):
            return
        try:
            engine.check_integrity()
        except IntegrityError as error:
            log.error("the engine is idle and yet holds %s", error)
        self._wake.wait()
