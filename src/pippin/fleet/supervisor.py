"""The workers of one model, one after the other."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence

from pippin.core.model import ModelInfo, ModelState
from pippin.core.request import GenerationRequest
from pippin.core.worker import WorkerOptions
from pippin.errors import ModelFailed, ModelUnavailable, PippinError
from pippin.fleet.answer import Answer
from pippin.fleet.backoff import Backoff
from pippin.fleet.figures import figures_of
from pippin.fleet.inflight import InFlight
from pippin.fleet.life import Ending, WorkerLife
from pippin.fleet.orphans import Orphans, waiting
from pippin.fleet.presence import STOPPING, Presence
from pippin.fleet.process import WORKER_COMMAND
from pippin.fleet.sizes import PROCESS_BYTES
from pippin.settings import Settings
from pippin.wire.messages import Loading

logger = logging.getLogger(__name__)


class Supervisor:
    """Owns the workers of one model: starts one when the fleet says so, and a new one when one
    dies, which goes on with the answers of the one before. After ``stop`` no process is left."""

    def __init__(
        self,
        options: WorkerOptions,
        settings: Settings,
        presence: Presence,
        command: Sequence[str] = WORKER_COMMAND,
    ) -> None:
        """``settings``: those that hold for this model."""
        self.name = options.name
        self.presence = presence
        self.progress = Loading("")
        self.life: WorkerLife | None = None
        """The worker of now."""
        self._options = options
        self._settings = settings
        self._command = tuple(command)
        self._info: ModelInfo | None = None
        self._task: asyncio.Task[None] | None = None
        self._orphans: list[Orphans] = []
        self._backoff = Backoff()
        self._unwanted = asyncio.Event()

    @property
    def state(self) -> ModelState:
        """As of its presence, and whether its worker is responsive."""
        if self.presence.state == "ready" and self.life is not None and self.life.unresponsive:
            return "unresponsive"
        return self.presence.state

    @property
    def info(self) -> ModelInfo:
        """Raises: ModelUnavailable unless it is loaded."""
        if self.presence.state != "ready" or self._info is None:
            raise self.presence.unavailable()
        return self._info

    @property
    def requests(self) -> InFlight:
        """Where to send requests. Raises: ModelUnavailable unless it is loaded."""
        life, presence = self.life, self.presence
        open = presence.state == "ready" and not presence.server_stops
        if not open or life is None or life.requests is None:
            raise presence.unavailable()
        return life.requests

    def submit_all(self, requests: Sequence[GenerationRequest]) -> list[Answer]:
        """Begin an answer for each of them, or for none. If a worker has just died, the next one
        begins them.

        Raises: as ``InFlight.submit_all``; ModelUnavailable: it is not loaded.
        """
        recovers = self.presence.state == "loading" and self._info is not None
        if not recovers or self.presence.server_stops:
            return self.requests.submit_all(requests)
        answers, orphans = waiting(requests)
        self._orphans.append(orphans)
        return answers

    def measure(self) -> None:
        """See what its worker really takes."""
        figures = figures_of(self.life)
        self.presence.measured = figures.resident_bytes if figures else 0

    # -- what the fleet has it do ----------------------------------------------------------------

    def load(self) -> None:
        """Begin; returns at once. There is room."""
        if self._task is None:
            self._unwanted.clear()
            self.presence.to("loading", "starting its worker")
            self._task = asyncio.create_task(self._supervise(), name=f"supervisor of {self.name}")

    def try_again(self) -> None:
        """Whatever kept it from being loaded may have been mended."""
        if self._task is None:
            self._backoff.forget()
            self.presence.to("unloaded")

    def leave(self) -> None:
        """It is to be unloaded as soon as nobody is answered by it any more."""
        if self._task is not None:
            self.presence.leave()
            if self.presence.state != "ready" and not self.presence.demand.holders:
                self.end()

    def end(self) -> None:
        """End its worker now; returns at once."""
        if self._task is not None and not self._unwanted.is_set():
            self.presence.to("unloading", "ending its worker")
            self._unwanted.set()
            if self.life is not None:
                self.life.stop()

    async def gone(self) -> None:
        """Wait until no process of now is left; the next one may be on its way then."""
        if self._task is not None:
            await asyncio.wait((self._task,))

    def end_answers(self) -> None:
        """End all that is in flight with one error each, and take no more requests."""
        self.presence.stop()
        self._end_orphans(ModelUnavailable, STOPPING)
        if self.life is not None and self.life.requests is not None:
            self.life.requests.release().fail(ModelUnavailable, STOPPING)

    async def stop(self) -> None:
        """The server ends, and so does the worker. Idempotent."""
        self.presence.stop()
        self.end()
        if self._task is not None:
            await asyncio.wait((self._task,))

    # -- the workers -----------------------------------------------------------------------------

    async def _supervise(self) -> None:
        """One worker after the other, until it is not wanted, or cannot be loaded."""
        failure: str | None = None
        try:
            while not self._unwanted.is_set() and failure is None:
                ending = await self._live()
                if not self._unwanted.is_set():
                    failure = await self._recover(ending)
        except Exception:
            logger.exception("%s: the supervisor failed", self.name)
            failure = "an error inside the server; the log says more"
        self._task = None
        if failure is None:
            stopping = self.presence.server_stops
            self.presence.to("unloaded")
            why = STOPPING if stopping else f"The model {self.name!r} was unloaded."
            self._end_orphans(ModelUnavailable, why)
        else:
            self.presence.to("failed", failure)
            self._end_orphans(ModelFailed, self.presence.unavailable().message)

    async def _live(self) -> Ending:
        """One worker, from its start to its end. What it leaves is with the orphans then."""
        self.presence.load_begins()
        self.life = life = WorkerLife(
            self._options,
            self._settings,
            command=self._command,
            on_loading=self._on_loading,
            on_ready=self._on_ready,
        )
        try:
            return await life.run()
        finally:
            self.life = None
            if life.requests is not None:
                self._orphans.append(life.requests.release())

    async def _recover(self, ending: Ending) -> str | None:
        """A worker died, and the next one is to be started: after a pause, if this was not the
        first one. Returns why it is useless to try."""
        self._tell(ending)
        if ending.hopeless:
            return ending.reason
        self._backoff.died(ending.lived_s)
        if self._backoff.looping:
            deaths = self._backoff.deaths
            self.presence.next_try_s = self._backoff.pause_s
            words = f"{ending.reason}; {deaths} workers died one after the other"
            self.presence.to("degraded", words)
            self._end_orphans(ModelFailed, self.presence.unavailable().message)
        else:
            self.presence.to("loading", f"{ending.reason}; starting another one")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._backoff.pause_s):
                await self._unwanted.wait()
        return None

    def _on_loading(self, loading: Loading) -> None:
        self.progress = loading
        if self.presence.state == "loading":
            self.presence.reason = _describe(loading)

    def _on_ready(self, info: ModelInfo) -> None:
        if self.life is None or self.life.requests is None or self._unwanted.is_set():
            return
        if self._info is not None and self._info.fingerprint != info.fingerprint:
            self._end_orphans(
                ModelFailed,
                f"The worker of model {self.name!r} died, and the model's files have changed "
                "since, so the answer cannot be continued. Send the request again.",
            )
        for orphans in self._orphans:
            self.life.requests.adopt(orphans)
        self._orphans = []
        self._info = info
        if info.memory_bytes:
            self.presence.size = info.memory_bytes + PROCESS_BYTES
        self.presence.to("ready")
        logger.info("%s: ready on %s", self.name, info.device or "an unnamed device")

    def _end_orphans(self, kind: type[PippinError], message: str) -> None:
        for orphans in self._orphans:
            orphans.fail(kind, message)
        self._orphans = []

    def _tell(self, ending: Ending) -> None:
        words = " | ".join(ending.last_words)
        told = f"; its last words: {words}" if words else ""
        logger.error("%s: %s%s", self.name, ending.reason, told)


def _describe(loading: Loading) -> str:
    """Progress in words: ``weights, 30 %``. The units are the stage's own, and may be bytes."""
    if loading.total > 0:
        return f"{loading.stage}, {100 * loading.done // loading.total} %"
    return loading.stage
