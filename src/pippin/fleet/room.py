"""Which model is loaded next, and which one makes room: plain arithmetic over all models.

Loading costs, so a model that was loaded stays for at least ``STAY`` times as long as its loading
took. So whoever asks for models in turn, in a memory that holds one less, cannot make the server
load more than a third of the time: a place in memory sees at most one swap per ``1 + STAY`` times
the time of a loading.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

STAY = 2.0
"""How long a loaded model stays at least, in times of its loading."""
PATIENCE_S = 5.0
"""How long somebody waits for a place that is busy, until the busy model takes no more requests:
otherwise a model that is never idle would never make room."""

Phase = Literal["unloaded", "loading", "degraded", "ready", "ending"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One model, as the policy sees it. Times are of one clock, in seconds; sizes in bytes."""

    name: str
    phase: Phase
    size: int
    """What it takes, or will."""
    pinned: bool = False
    busy: bool = False
    """Somebody is being answered, or waits for it and it is ready."""
    draining: bool = False
    """It takes no more requests, so that it gets idle."""
    leaving: bool = False
    """It is to be unloaded as soon as it is idle."""
    used: float = 0.0
    """When it last had something to do."""
    ready_since: float = 0.0
    load_s: float = 0.0
    """How long its last loading took."""
    wanted_since: float | None = None
    """Since when somebody waits for it to be loaded."""
    soft: bool = False
    """Nobody really waits: it is only to be loaded if there is room for it now."""
    ttl_s: float = 0.0
    """Unload it when it has been idle for so long; 0: never."""

    @property
    def stays_until(self) -> float:
        return self.ready_since + STAY * self.load_s

    @property
    def idle(self) -> bool:
        return self.phase == "ready" and not self.busy


@dataclass(slots=True)
class Plan:
    """What to do now, by name."""

    load: list[str] = field(default_factory=list)
    unload: list[str] = field(default_factory=list)
    drain: list[str] = field(default_factory=list)
    """To take no more requests for now; all others take them."""
    refuse: list[str] = field(default_factory=list)
    """They can never fit beside what is pinned."""
    postpone: list[str] = field(default_factory=list)
    """There is no room now, and nobody really waits."""


def plan(models: Sequence[Standing], limit: int, now: float) -> Plan:
    """Who waits longest is served first, and nobody who came later takes the place that is
    being made for him."""
    made = Plan(unload=[model.name for model in models if _done(model, now)])
    free = limit - sum(model.size for model in models if model.phase != "unloaded")
    _shrink(made, models, -free, now)
    for wanted in _in_line(models):
        fixed = sum(model.size for model in models if model.pinned and model is not wanted)
        if wanted.size > limit - fixed:
            made.refuse.append(wanted.name)
        elif wanted.size <= free:
            made.load.append(wanted.name)
            free -= wanted.size
        elif wanted.soft:
            made.postpone.append(wanted.name)
        else:
            _make_room(made, models, wanted, wanted.size - free, now)
            break
    return made


def _done(model: Standing, now: float) -> bool:
    """Whether it is to go, even if nobody needs its room."""
    if model.leaving and not model.busy:
        return model.phase in ("loading", "degraded", "ready")
    expires = not model.pinned and model.ttl_s > 0
    return model.idle and expires and now >= model.used + model.ttl_s


def _shrink(made: Plan, models: Sequence[Standing], excess: int, now: float) -> None:
    """Models may turn out to be larger than they were thought to be: unload idle ones, the least
    recently used first, but for the last of all that are loaded."""
    loaded = sorted((one for one in models if one.phase == "ready"), key=lambda one: one.used)
    coming = [one for one in models if one.phase == "ending" or one.name in made.unload]
    excess -= sum(model.size for model in coming)
    for model in loaded[:-1]:
        stays = model.pinned or not model.idle or now < model.stays_until
        if excess > 0 and not stays and model not in coming:
            made.unload.append(model.name)
            excess -= model.size


def _in_line(models: Iterable[Standing]) -> list[Standing]:
    waiting = [
        (model.wanted_since, number, model)
        for number, model in enumerate(models)
        if model.phase == "unloaded" and model.wanted_since is not None
    ]
    return [model for _, _, model in sorted(waiting, key=lambda entry: entry[:2])]


def _make_room(
    made: Plan, models: Sequence[Standing], wanted: Standing, missing: int, now: float
) -> None:
    """Give up what dies again and again, and unload idle models, the least recently used first;
    if that is not enough, let busy ones get idle."""
    coming = [model for model in models if model.phase == "ending" or model.name in made.unload]
    missing -= sum(model.size for model in coming)
    rest = [
        model
        for model in models
        if model.phase in ("ready", "degraded") and not model.pinned and model not in coming
    ]
    rest.sort(
        key=lambda model: (
            model.phase == "ready",
            not model.draining,
            not model.idle,
            model.used,
        )
    )
    since = now if wanted.wanted_since is None else wanted.wanted_since
    for model in rest:
        if missing <= 0:
            return
        if model.phase == "ready" and now < model.stays_until:
            continue
        if model.idle or model.phase == "degraded":
            made.unload.append(model.name)
        elif model.draining or now - since >= PATIENCE_S:
            made.drain.append(model.name)
        else:
            continue
        missing -= model.size
