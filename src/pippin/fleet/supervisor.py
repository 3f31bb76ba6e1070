"""The workers of one model, one after the other."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence

from pippin.core.model import ModelInfo, ModelState
from pippin.core.worker import WorkerOptions
from pippin.errors import ModelFailed, ModelUnavailable, PippinError
from pippin.fleet.backoff import Backoff
from pippin.fleet.changes import Changes
from pippin.fleet.demand import Demand, now
from pippin.fleet.inflight import InFlight
from pippin.fleet.life import Ending, WorkerLife
from pippin.fleet.orphans import Orphans
from pippin.fleet.process import WORKER_COMMAND
from pippin.fleet.room import Phase, Standing
from pippin.settings import Settings
from pippin.wire.messages import Loading

logger = logging.getLogger(__name__)

STOPPING = "The server is stopping."
PHASES: dict[ModelState, Phase] = {
    "unloaded": "unloaded",
    "failed": "unloaded",
    "loading": "loading",
    "degraded": "loading",
    "ready": "ready",
    "unloading": "ending",
}


class Supervisor:
    """Owns the workers of one model: starts one when the fleet says so, and a new one when one
    dies, which goes on with the answers of the one before. After ``stop`` no process is left.

    Whoever wants something of the model is counted in ``demand``: while there are holders it is
    not unloaded. Whatever changes is told by ``changes``.
    """

    def __init__(
        self,
        options: WorkerOptions,
        settings: Settings,
        *,
        size: int = 0,
        pinned: bool = False,
        command: Sequence[str] = WORKER_COMMAND,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        """``settings``: those that hold for this model. ``size``: bytes that it will take, as far
        as is known. ``on_change``: to be called when something happened that the fleet may have
        to act upon."""
        self.name = options.name
        self.options = options
        self.pinned = pinned
        self.size = size
        self.reason: str | None = None
        """Why it failed or what it is doing, for the operator. It may name paths."""
        self.progress = Loading("")
        self.life: WorkerLife | None = None
        """The worker of now."""
        self.demand = Demand()
        self.changes = Changes()
        self._settings = settings
        self._command = tuple(command)
        self.on_change = on_change
        self._phase: ModelState = "unloaded"
        self._info: ModelInfo | None = None
        self._task: asyncio.Task[None] | None = None
        self._orphans: list[Orphans] = []
        self._backoff = Backoff()
        self._unwanted = asyncio.Event()
        self._server_stops = False
        self._leaving = False
        self._draining = False
        self._load_began = self._ready_since = self._load_s = 0.0

    # -- what it is ------------------------------------------------------------------------------

    @property
    def state(self) -> ModelState:
        if self._phase == "ready" and self.life is not None and self.life.unresponsive:
            return "unresponsive"
        return self._phase

    @property
    def info(self) -> ModelInfo:
        """Raises: ModelUnavailable unless it is loaded."""
        if self._phase != "ready" or self._info is None:
            raise self.unavailable()
        return self._info

    @property
    def requests(self) -> InFlight:
        """Where to send requests. Raises: ModelUnavailable unless it is loaded."""
        life = self.life
        if self._phase != "ready" or life is None or life.requests is None or self._server_stops:
            raise self.unavailable()
        return life.requests

    def standing(self) -> Standing:
        """How it stands among others."""
        demand = self.demand
        return Standing(
            name=self.name,
            phase=PHASES[self._phase],
            size=self.size,
            pinned=self.pinned,
            busy=demand.holders > 0,
            draining=self._draining,
            leaving=self._leaving,
            used=demand.used,
            ready_since=self._ready_since,
            load_s=self._load_s,
            wanted_since=demand.since,
            soft=demand.soft,
            ttl_s=self._settings.ttl_s,
        )

    # -- for those who want something of it ------------------------------------------------------

    @property
    def admits(self) -> bool:
        """Whether who comes now can be answered."""
        taken = self._draining or self._leaving or self._server_stops
        return self._phase == "ready" and not taken

    @property
    def gives_up(self) -> bool:
        """Whether nobody has to wait for it any longer."""
        bad = self._phase in ("failed", "degraded") or self._server_stops
        return bad or (self._phase == "unloaded" and self.demand.since is None)

    def want(self, *, soft: bool = False) -> None:
        """It is to be loaded. ``soft``: only if there is room for it now."""
        self.demand.want(soft=soft)
        self.on_change()

    def want_no_more(self) -> None:
        """Somebody does not wait any longer; if nobody does, it need not be loaded."""
        if not self.demand.waiting and self._task is None:
            self.demand.settle()
            self.on_change()

    def try_again(self) -> None:
        """Whatever kept it from being loaded may have been mended."""
        if self._phase in ("failed", "unloaded"):
            self._backoff.forget()
            self._to("unloaded", None)

    async def settled(self) -> None:
        """Wait until it is loaded, or is not going to be and ``reason`` says why."""
        await self.changes.until(lambda: self._phase != "loading" and self.demand.since is None)

    # -- for the fleet ---------------------------------------------------------------------------

    def load(self) -> None:
        """Begin; returns at once. There is room."""
        if self._task is None:
            self._unwanted.clear()
            self._to("loading", "starting its worker")
            self._task = asyncio.create_task(self._supervise(), name=f"supervisor of {self.name}")

    def drain(self, draining: bool) -> None:
        """Whether those who come now have to wait."""
        if draining != self._draining:
            self._draining = draining
            self.changes.tell()

    def refuse(self, why: str) -> None:
        """It is not going to be loaded: those who wait are told."""
        self.demand.settle()
        self.reason = why
        self.changes.tell()

    def leave(self) -> None:
        """It is to be unloaded as soon as nobody is answered by it any more."""
        if self._task is not None:
            self._leaving = True
            if self._phase in ("loading", "degraded") and not self.demand.holders:
                self.end()
            self.on_change()

    def end(self) -> None:
        """End its worker now; returns at once."""
        if self._task is not None and not self._unwanted.is_set():
            self._to("unloading", "ending its worker")
            self._unwanted.set()
            if self.life is not None:
                self.life.stop()

    async def gone(self) -> None:
        """Wait until no process of it is left."""
        await self.changes.until(lambda: self._task is None)

    def end_answers(self) -> None:
        """End all that is in flight with one error each, and take no more requests."""
        self._server_stops = True
        self._end_orphans(ModelUnavailable, STOPPING)
        if self.life is not None and self.life.requests is not None:
            self.life.requests.release().fail(ModelUnavailable, STOPPING)
        self.changes.tell()

    async def stop(self) -> None:
        """The server ends, and so does the worker. Idempotent."""
        self._server_stops = True
        self.end()
        self.changes.tell()
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
        self._leaving = self._draining = False
        if failure is None:
            self._to("unloaded", None)
            why = STOPPING if self._server_stops else f"The model {self.name!r} was unloaded."
            self._end_orphans(ModelUnavailable, why)
        else:
            self.demand.settle()
            self._to("failed", failure)
            self._end_orphans(ModelFailed, self.unavailable().message)

    async def _live(self) -> Ending:
        """One worker, from its start to its end. What it leaves is with the orphans then."""
        self._load_began = now()
        self.life = life = WorkerLife(
            self.options,
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
            self.demand.settle()
            self._to("degraded", f"{ending.reason}; {deaths} workers died one after the other")
            self._end_orphans(ModelFailed, self.unavailable().message)
        else:
            self._to("loading", f"{ending.reason}; starting another one")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._backoff.pause_s):
                await self._unwanted.wait()
        return None

    def _on_loading(self, loading: Loading) -> None:
        self.progress = loading
        if self._phase == "loading":
            self.reason = _describe(loading)
            self.changes.tell()

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
        self._ready_since = self.demand.used = now()
        self._load_s = self._ready_since - self._load_began
        self.demand.settle()
        self._to("ready", None)
        logger.info("%s: ready on %s", self.name, info.device or "an unnamed device")

    def _end_orphans(self, kind: type[PippinError], message: str) -> None:
        for orphans in self._orphans:
            orphans.fail(kind, message)
        self._orphans = []

    def _to(self, phase: ModelState, reason: str | None) -> None:
        self._phase, self.reason = phase, reason
        self.changes.tell()
        self.on_change()

    def _tell(self, ending: Ending) -> None:
        words = " | ".join(ending.last_words)
        told = f"; its last words: {words}" if words else ""
        logger.error("%s: %s%s", self.name, ending.reason, told)

    def unavailable(self) -> ModelUnavailable:
        """Why nothing can be asked of it now, for a client."""
        if self._server_stops:
            return ModelUnavailable(STOPPING)
        name = repr(self.name)
        if self._phase == "failed":
            return ModelFailed(f"The model {name} has failed; the server's log says why.")
        if self._phase == "degraded":
            error = ModelUnavailable(
                f"The workers of model {name} die again and again; the server's log says why, and "
                "the next one is started soon."
            )
            error.retry_after = max(1, round(self._backoff.pause_s))
            return error
        if self._phase == "unloaded":
            return ModelUnavailable(
                f"The model {name} is not loaded: {self.reason or 'not asked'}."
            )
        return ModelUnavailable(f"The model {name} is loading; try again soon.")


def _describe(loading: Loading) -> str:
    """Progress in words: ``weights, 30 %``. The units are the stage's own, and may be bytes."""
    if loading.total > 0:
        return f"{loading.stage}, {100 * loading.done // loading.total} %"
    return loading.stage
