"""The thread that owns the engine, and so MLX."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from pippin.engine.failures import IntegrityError
from pippin.engine.lane import Deliver, Job
from pippin.worker.runtime import Engine

log = logging.getLogger(__name__)

Command = Callable[[Engine], None]
Result = TypeVar("Result")

FETCH_LOOK_S = 1.0
"""How often to see whether the disk takes too long."""
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
        self._at_work = False
        self._progress = 0
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def submit(self, job: Job) -> None:
        self._command(lambda engine: engine.submit(job))

    def cancel(self, job_id: int, index: int | None = None) -> None:
        """All of a job, or one of its choices."""
        self._command(lambda engine: engine.cancel(job_id, index))

    def ask(self, question: Callable[[Engine], Result], tell: Callable[[Result], None]) -> None:
        """Have the engine answer something between two steps; ``tell`` is called on its thread."""
        self._command(lambda engine: tell(question(engine)))

    def wake(self) -> None:
        """There is something to do for a step, though no command says so. Any thread."""
        self._wake.set()

    @property
    def load(self) -> tuple[int, int, int]:
        """Lanes decoding, jobs in prefill, jobs waiting, as of the last step."""
        return self._load

    @property
    def busy(self) -> bool:
        """Whether the engine has something to do; not while only the disk is waited for."""
        return self._at_work or bool(self._commands)

    @property
    def progress(self) -> int:
        """As the engine's: while it is busy and this stands still, it hangs."""
        return self._progress

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
        self._observe(engine)
        outputs = engine.step(self._deliver)
        self._observe(engine)
        if outputs:
            self._deliver(outputs)

    def _observe(self, engine: Engine) -> None:
        self._load = engine.load
        self._at_work = not engine.idle
        self._progress = engine.progress

    def _rest(self, engine: Engine) -> None:
        """Nothing to compute: do what waits for calm, see that nothing is left over, and wait."""
        self._observe(engine)
        while not self._wake.is_set() and engine.tidy():
            continue
        if self._wake.wait(timeout=REST_AFTER_S):
            return
        try:
            engine.check_integrity()
        except IntegrityError as error:
            log.error("the engine is idle and yet holds %s", error)
        self._wake.wait(timeout=FETCH_LOOK_S if engine.fetching else None)
