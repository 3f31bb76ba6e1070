"""How a model stands with its server: in which state, wanted by whom, to be kept or to go."""

from collections.abc import Callable

from pippin.core.model import ModelState
from pippin.errors import ModelFailed, ModelUnavailable
from pippin.fleet.changes import Changes
from pippin.fleet.demand import Demand, now
from pippin.fleet.room import Phase, Standing

STOPPING = "The server is stopping."
PHASES: dict[ModelState, Phase] = {
    "unloaded": "unloaded",
    "failed": "unloaded",
    "loading": "loading",
    "degraded": "degraded",
    "ready": "ready",
    "unloading": "ending",
}


class Presence:
    """Of one model. Its supervisor moves it from state to state; whoever wants the model asks
    here. What changes is told by ``changes``, and to the fleet by ``on_change``."""

    def __init__(
        self,
        name: str,
        *,
        size: int = 0,
        pinned: bool = False,
        ttl_s: float = 0.0,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        """``size``: bytes that it will take, as far as is known."""
        self.name = name
        self.size = size
        self.measured = 0
        """Bytes that its worker was last seen to take: more than ``size`` counts."""
        self.state: ModelState = "unloaded"
        self.reason: str | None = None
        """Why it failed or what it is doing, for the operator. It may name paths."""
        self.demand = Demand()
        self.changes = Changes()
        self.leaving = False
        """It is to be unloaded as soon as nobody is answered by it any more."""
        self.server_stops = False
        self.next_try_s = 0.0
        """Of a degraded model: the pause until its next worker is started."""
        self._pinned = pinned
        self._ttl_s = ttl_s
        self._on_change = on_change
        self._draining = False
        self._load_began = self._ready_since = self._load_s = 0.0

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for it to be loaded."""
        return self.demand.since is not None

    @property
    def admits(self) -> bool:
        """Whether who comes now can be answered."""
        taken = self._draining or self.leaving or self.server_stops
        return self.state == "ready" and not taken

    @property
    def gives_up(self) -> bool:
        """Whether nobody has to wait for it any longer."""
        bad = self.state in ("failed", "degraded") or self.server_stops
        return bad or (self.state == "unloaded" and not self.awaited)

    def standing(self) -> Standing:
        """How it stands among others."""
        return Standing(
            name=self.name,
            phase=PHASES[self.state],
            size=max(self.size, self.measured),
            pinned=self._pinned,
            busy=self.demand.holders > 0,
            draining=self._draining,
            leaving=self.leaving,
            used=self.demand.used,
            ready_since=self._ready_since,
            load_s=self._load_s,
            wanted_since=self.demand.since,
            soft=self.demand.soft,
            ttl_s=self._ttl_s,
        )

    def want(self, *, soft: bool = False) -> None:
        """It is to be loaded. ``soft``: only if there is room for it now."""
        self.demand.want(soft=soft)
        self._on_change()

    def want_no_more(self) -> None:
        """Somebody does not wait any longer; if nobody does, it need not be loaded. A loading that
        has begun goes on."""
        if not self.demand.waiting and self.state != "loading":
            self.demand.settle()
            self._on_change()

    def take(self) -> None:
        """Somebody is at work with it, until ``give_back``."""
        self.demand.take()

    def give_back(self) -> None:
        self.demand.release()
        if not self.demand.holders:
            self._on_change()

    def drain(self, draining: bool) -> None:
        """Whether those who come now have to wait."""
        if draining != self._draining:
            self._draining = draining
            self.changes.tell()

    def leave(self) -> None:
        """It is to go as soon as it is idle."""
        self.leaving = True
        self._on_change()

    def refuse(self, why: str) -> None:
        """It is not going to be loaded: those who wait are told."""
        self.demand.settle()
        self.reason = why
        self.changes.tell()

    def stop(self) -> None:
        """The server stops: nobody is served any more."""
        self.server_stops = True
        self.changes.tell()

    def load_begins(self) -> None:
        """A worker is started."""
        self._load_began = now()

    def to(self, state: ModelState, reason: str | None = None) -> None:
        """It is in this state from now on."""
        if state == "ready":
            self._ready_since = self.demand.used = now()
            self._load_s = self._ready_since - self._load_began
        given_up = state == "unloading" and not self.demand.waiting
        if given_up or state in ("ready", "failed", "degraded"):
            self.demand.settle()
        if state in ("unloaded", "failed"):
            self.leaving = self._draining = False
            self.measured = 0
        self.state, self.reason = state, reason
        self.changes.tell()
        self._on_change()

    async def settled(self) -> None:
        """Wait until it is loaded, or is not going to be and ``reason`` says why."""
        await self.changes.until(lambda: self.state != "loading" and not self.awaited)

    def unavailable(self) -> ModelUnavailable:
        """Why nothing can be asked of it now, for a client."""
        if self.server_stops:
            return ModelUnavailable(STOPPING)
        name = repr(self.name)
        if self.state == "failed":
            return ModelFailed(f"The model {name} has failed; the server's log says why.")
        if self.state == "degraded":
            error = ModelUnavailable(
                f"The workers of model {name} die again and again; the server's log says why, and "
                "the next one is started soon."
            )
            error.retry_after = max(1, round(self.next_try_s))
            return error
        if self.state == "unloaded":
            why = self.reason or "nobody asked for it"
            return ModelUnavailable(f"The model {name} is not loaded: {why}.")
        return ModelUnavailable(f"The model {name} is loading; try again soon.")
